"""Pictures ever seen, and the file of their hashes that a look back searches."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.database import Database
from storage.tables import Listing, ListingPicture, SeenPicture
from storage.upsert import take_turn, upsert

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROW_BYTES: Final = 64  # a picture's two hashes
_LOCK: Final = 7_216_003  # numbers must become visible in order: the file is filled up to the highest one
_FORGOTTEN_AT_ONCE: Final = 10
_READ_AT_ONCE: Final = 20_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture at first sight, and the listing that showed it."""

    sha256: str
    whole: bytes
    trimmed: bytes
    thumbnail: bytes
    marketplace: str
    listing_id: str
    listing_url: str
    picture_url: str


async def remember(session: AsyncSession, pictures: Sequence[Seen], now: datetime, forget_before: datetime) -> None:
    """Keep pictures for works that are registered later; what was last seen before ``forget_before`` goes.

    A few old ones go with each call, so that forgetting keeps pace with seeing and no call takes long.
    """
    if not pictures:
        return
    await take_turn(session, _LOCK)
    insert = upsert(session, SeenPicture)
    rows = [
        {
            "bytes_hash": bytes.fromhex(one.sha256),
            "whole": one.whole,
            "trimmed": one.trimmed,
            "thumbnail": one.thumbnail,
            "marketplace": one.marketplace,
            "listing_id": one.listing_id,
            "listing_url": one.listing_url,
            "picture_url": one.picture_url,
            "seen_at": now,
        }
        for one in {one.sha256: one for one in pictures}.values()
    ]
    await session.execute(insert.on_conflict_do_update(index_elements=["bytes_hash"], set_={"seen_at": now}), rows)
    old = select(SeenPicture.id).where(SeenPicture.seen_at < forget_before).order_by(SeenPicture.seen_at)
    ids = list(await session.scalars(old.limit(_FORGOTTEN_AT_ONCE)))
    if ids:
        await session.execute(delete(SeenPicture).where(SeenPicture.id.in_(ids)))


async def seen_by_number(session: AsyncSession, numbers: Iterable[int], since: datetime) -> list[SeenPicture]:
    """The pictures of these numbers that were seen since then; forgotten ones are left out."""
    found = select(SeenPicture).where(SeenPicture.id.in_(list(numbers)), SeenPicture.seen_at >= since)
    return list(await session.scalars(found.order_by(SeenPicture.id)))


async def seen_by_hash(session: AsyncSession, sha256s: Iterable[str]) -> list[SeenPicture]:
    """What is remembered of these files."""
    hashes = [bytes.fromhex(sha256) for sha256 in sha256s]
    return list(await session.scalars(select(SeenPicture).where(SeenPicture.bytes_hash.in_(hashes))))


async def count_seen(session: AsyncSession) -> int:
    """How many pictures are remembered."""
    return await session.scalar(select(func.count()).select_from(SeenPicture)) or 0


async def listings_showing(session: AsyncSession, sha256: str) -> list[Listing]:
    """The listings that are known to show a file."""
    shown = select(Listing).join(ListingPicture, ListingPicture.listing_key == Listing.id)
    return list(await session.scalars(shown.where(ListingPicture.sha256 == sha256).order_by(Listing.id)))


class SeenHashes:
    """Every remembered picture's hashes in one file, mapped into memory: row n - 1 is picture number n.

    The table is the truth; the file is made from it and may be deleted. Processes may bring it up to date at once:
    each writes the same bytes to the same places.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "hashes"
        self._noted = folder / "hashes.json"

    async def rows(self, database: Database) -> NDArray[np.uint8]:
        """n x 64 uint8, brought up to date with the table; rows of zeros are empty."""
        import numpy as np  # only where pictures are looked for

        done = self._rows_written()
        while True:
            numbered = select(SeenPicture.id, SeenPicture.whole, SeenPicture.trimmed).where(SeenPicture.id > done)
            async with database.read() as session:
                new = (await session.execute(numbered.order_by(SeenPicture.id).limit(_READ_AT_ONCE))).all()
            if not new:
                break
            await asyncio.to_thread(self._write, [(number, whole + trimmed) for number, whole, trimmed in new])
            done = new[-1][0]
        if not done:
            return np.zeros((0, ROW_BYTES), np.uint8)
        return np.memmap(self._file, np.uint8, "r", shape=(done, ROW_BYTES))

    def _write(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """Put rows into their places, and only when they are on disk note that they are."""
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            for number, hashes in rows:
                file.seek((number - 1) * ROW_BYTES)
                file.write(hashes)
            file.flush()
            os.fsync(file.fileno())
        aside = self._noted.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps({"rows": rows[-1][0]}), "utf-8")
        aside.replace(self._noted)

    def _rows_written(self) -> int:
        """How many rows are certainly on disk; none after the file was lost."""
        try:
            noted = int(json.loads(self._noted.read_text("utf-8"))["rows"])
            return noted if self._file.stat().st_size >= noted * ROW_BYTES else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0
