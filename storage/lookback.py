"""The hashes of remembered pictures in files beside the database, by month, which a look back maps and searches."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import func, select

from storage.database import Database
from storage.tables import SeenPicture
from storage.turns import turn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROW_BYTES: Final = 64  # a picture's two hashes
_READ_AT_ONCE: Final = 50_000


class Row(NamedTuple):
    """A picture's number, both its hashes one behind the other, and the month in which it was seen first."""

    number: int
    hashes: bytes
    month: str


@dataclass(frozen=True, slots=True)
class Shard:
    """One month's file: picture number n is its row n - ``first``; rows of zeros are empty.

    Attributes:
        rows: How many are certainly on disk.
        held: How many of them hold a picture.
    """

    path: Path
    first: int
    rows: int = 0
    held: int = 0

    @property
    def month(self) -> int:
        """Months since the year 0, by which machines share the files: which come and go changes nobody's share."""
        return 12 * int(self.path.name[:4]) + int(self.path.name[5:7]) - 1

    def mapped(self) -> NDArray[np.uint8]:
        """rows x 64 uint8, read from disk as they are looked at."""
        import numpy as np  # only where pictures are looked for

        return np.memmap(self.path, np.uint8, "r", shape=(self.rows, ROW_BYTES))


class SeenHashes:
    """The files of one folder.

    The table is the truth: what is lost or belongs to another database is made from it again. Rows are appended,
    synced, and only then noted in ``shards.json``, so that a crash at any point leaves nothing half written that is
    believed. A month's file goes when its last picture is forgotten. Processes update the files one at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._noted = folder / "shards.json"

    async def shards(self, database: Database, tell: Callable[[int], None] = lambda _count: None) -> list[Shard]:
        """Every month's file, brought up to date with the table.

        Args:
            tell: Told how many pictures were added, batch by batch.
        """
        async with turn(self._folder):
            shards = await self._believed(database)
            for at, shard in enumerate(shards):
                shards[at] = await self._repaired(database, shard)
            async for rows in _seen(database, shards[-1].first + shards[-1].rows if shards else 0):
                await asyncio.to_thread(self._append, shards, rows)
                tell(len(rows))
        return shards

    async def _believed(self, database: Database) -> list[Shard]:
        """The noted files, less those of which nothing is remembered; none, if they are of another database."""
        noted = self._read_noted()
        if not noted:
            return []
        last = noted[-1].first + noted[-1].rows - 1
        async with database.read() as session:
            oldest, newest = (await session.execute(select(func.min(SeenPicture.id), func.max(SeenPicture.id)))).one()
            row = await session.get(SeenPicture, last)
        ours = row is None or not noted[-1].path.exists() or _last_of(noted[-1]) in (row.whole + row.trimmed, None)
        if not ours or newest is None or newest < last:
            kept = []
        else:
            kept = [shard for shard in noted if shard.first + shard.rows > oldest]
        if kept != noted:
            self._note(kept)
            for shard in set(noted) - set(kept):
                shard.path.unlink(missing_ok=True)
        return kept

    async def _repaired(self, database: Database, shard: Shard) -> Shard:
        """A month's file with what it lost filled in again."""
        size = shard.path.stat().st_size if shard.path.exists() else 0
        intact = min(size // ROW_BYTES, shard.rows)
        if intact < shard.rows:
            async for rows in _seen(database, shard.first + intact, shard.first + shard.rows):
                await asyncio.to_thread(_write, shard, rows)
            with shard.path.open("ab") as file:
                file.truncate(shard.rows * ROW_BYTES)  # the last ones may be forgotten by now
        return shard

    def _append(self, shards: list[Shard], rows: Sequence[Row]) -> None:
        """Put new rows behind the others, and note it when they are on disk."""
        for month, of_month in groupby(rows, lambda row: row.month):
            some = list(of_month)
            name = shards[-1].path.name[:7] if shards else ""
            if name < month:  # a clock that went back begins no file of before
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                shards.append(Shard(self._folder / f"{month}-{some[0].number}", some[0].number))
            shard = shards[-1]
            _write(shard, some)
            shards[-1] = replace(shard, rows=some[-1].number - shard.first + 1, held=shard.held + len(some))
        self._note(shards)

    def _note(self, shards: Iterable[Shard]) -> None:
        listed = [asdict(shard) | {"path": shard.path.name} for shard in shards]
        aside = self._noted.with_suffix(".new")
        with aside.open("w", encoding="utf-8") as file:
            json.dump(listed, file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._noted)

    def _read_noted(self) -> list[Shard]:
        try:
            listed = json.loads(self._noted.read_text("utf-8"))
            return [Shard(self._folder / Path(one.pop("path")).name, **one) for one in listed]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return []


async def _seen(database: Database, start: int, end: int | None = None) -> AsyncIterator[list[Row]]:
    """Batches of what is remembered under the numbers from ``start`` on, in order."""
    columns = select(SeenPicture.id, SeenPicture.whole, SeenPicture.trimmed, SeenPicture.first_seen_at)
    while True:
        some = columns.where(SeenPicture.id >= start).order_by(SeenPicture.id).limit(_READ_AT_ONCE)
        async with database.read() as session:
            found = (await session.execute(some if end is None else some.where(SeenPicture.id < end))).all()
        if not found:
            return
        yield [Row(number, whole + trimmed, f"{at:%Y-%m}") for number, whole, trimmed, at in found]
        start = found[-1][0] + 1


def _write(shard: Shard, rows: Sequence[Row]) -> None:
    """Put rows into their places, on disk when this ends; numbers between them stay empty."""
    import numpy as np

    begin = rows[0].number
    filled = np.zeros((rows[-1].number - begin + 1, ROW_BYTES), np.uint8)
    hashes = np.frombuffer(b"".join(row.hashes for row in rows), np.uint8).reshape(-1, ROW_BYTES)
    filled[[row.number - begin for row in rows]] = hashes
    with os.fdopen(os.open(shard.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        file.seek((begin - shard.first) * ROW_BYTES)
        file.write(filled.data)
        file.flush()
        os.fsync(file.fileno())


def _last_of(shard: Shard) -> bytes | None:
    """The hashes in the last noted row; none where the file is too short."""
    with shard.path.open("rb") as file:
        file.seek((shard.rows - 1) * ROW_BYTES)
        found = file.read(ROW_BYTES)
    return found if len(found) == ROW_BYTES else None
