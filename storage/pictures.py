"""Pictures ever seen, as they are known again when a work is registered later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import Listing, ListingPicture, SeenPicture
from storage.upsert import take_turn, upsert

_LOCK: Final = 7_216_003  # numbers must become visible in order: the files of hashes are filled up to the highest one
_FORGOTTEN_AT_ONCE: Final = 10


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
    by_hash = {bytes.fromhex(one.sha256): one for one in pictures}
    again = update(SeenPicture).where(SeenPicture.bytes_hash.in_(by_hash)).values(seen_at=now)
    known = set(await session.scalars(again.returning(SeenPicture.bytes_hash)))
    rows = [
        {
            "bytes_hash": bytes_hash,
            "whole": one.whole,
            "trimmed": one.trimmed,
            "thumbnail": one.thumbnail,
            "marketplace": one.marketplace,
            "listing_id": one.listing_id,
            "listing_url": one.listing_url,
            "picture_url": one.picture_url,
            "seen_at": now,
            "first_seen_at": now,
        }
        for bytes_hash, one in by_hash.items()
        if bytes_hash not in known
    ]
    if rows:
        await take_turn(session, _LOCK)
        # Conflicts are rare here, as they should be: PostgreSQL spends a number, a row of the files, on each.
        insert = upsert(session, SeenPicture)
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


async def listings_showing(session: AsyncSession, sha256: str) -> list[Listing]:
    """The listings that are known to show a file."""
    shown = select(Listing).join(ListingPicture, ListingPicture.listing_key == Listing.id)
    return list(await session.scalars(shown.where(ListingPicture.sha256 == sha256).order_by(Listing.id)))
