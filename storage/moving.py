"""Everything of one database into another that is empty, compared row by row before it counts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import JSON, Row, Table, bindparam, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.database import Database
from storage.errors import Refused, StaleState
from storage.months import make_months
from storage.search import note_title, note_words

_AT_ONCE: Final = 500  # rows; those of remembered pictures are 13 KB each
_DIGEST_BYTES: Final = 32
TABLES: Final[Sequence[Table]] = tables.Table.metadata.sorted_tables


@dataclass(frozen=True, slots=True)
class Moved:
    """One table: how many rows it has, and a digest of all of them that does not depend on their order."""

    table: str
    rows: int
    sha256: str


async def move(source: Database, target: Database, advance: Callable[[], None] = lambda: None) -> list[Moved]:
    """Copy every row, compare both sides, and only then make it durable. Nothing may write to the source meanwhile.

    Args:
        source: Of the newest version; its lock is held, where it is embedded, until the copy is done.
        target: Of the newest version, without any row.
        advance: Called when a table is done.

    Raises:
        Refused: The target is not empty.
        StaleState: A row arrived otherwise than it left; nothing was kept.
    """
    moved = []
    async with source.write("locked for a move") as reading, target.write("database moved") as session:
        old, new = await reading.connection(), await session.connection()
        await _require_empty(new)
        captured = tables.Capture.captured_at
        first, last = (await reading.execute(select(func.min(captured), func.max(captured)))).one()
        if first:
            await make_months(session, first, last)
        for table in TABLES:
            left = await _copy(old, new, table)
            arrived = await _digest(new, table)
            if left != arrived:
                raise StaleState(f"table {table.name} came out otherwise: {left.rows} rows, {arrived.rows} arrived")
            moved.append(left)
            advance()
        await _go_on_counting(new)
        async for alert in await session.stream_scalars(select(tables.Alert).execution_options(yield_per=_AT_ONCE)):
            await note_words(session, alert)
        for work in await session.scalars(select(tables.Work)):
            await note_title(session, work)
    return moved


async def _require_empty(connection: AsyncConnection) -> None:
    for table in TABLES:
        if await connection.scalar(select(func.count()).select_from(table)):
            raise Refused(f"the database to move to is not empty: its table {table.name} has rows; give it a new one")


async def _copy(old: AsyncConnection, new: AsyncConnection, table: Table) -> Moved:
    rows, total = 0, 0
    # A JSON column without a value is NULL there too, and not the word null: constraints tell them apart.
    types = {one.name: JSON(none_as_null=True) if isinstance(one.type, JSON) else one.type for one in table.c}
    adding = insert(table).values({name: bindparam(f"new_{name}", type_=kind) for name, kind in types.items()})
    async for part in _parts(old, table):
        await new.execute(adding, [{f"new_{name}": value for name, value in row._mapping.items()} for row in part])
        rows, total = rows + len(part), total + sum(map(_row_digest, part))
    return _moved(table, rows, total)


async def _digest(connection: AsyncConnection, table: Table) -> Moved:
    rows, total = 0, 0
    async for part in _parts(connection, table):
        rows, total = rows + len(part), total + sum(map(_row_digest, part))
    return _moved(table, rows, total)


def _moved(table: Table, rows: int, total: int) -> Moved:
    return Moved(table.name, rows, (total % (1 << 8 * _DIGEST_BYTES)).to_bytes(_DIGEST_BYTES, "big").hex())


async def _parts(connection: AsyncConnection, table: Table) -> AsyncIterator[Sequence[Row[Any]]]:
    """All rows, some at a time, in the order of their keys: one that says another again comes after it."""
    every = select(table).order_by(*table.primary_key)
    result = await connection.stream(every, execution_options={"yield_per": _AT_ONCE})
    async for part in result.partitions():
        yield part


def _row_digest(row: Row[Any]) -> int:
    """What one row says, whichever database tells it: times are UTC, amounts exact, objects without an order."""
    said = json.dumps([_plain(value) for value in row], sort_keys=True, default=_plain)
    return int.from_bytes(hashlib.sha256(said.encode()).digest(), "big")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, str | int | float | list | dict) else str(value)


async def _go_on_counting(connection: AsyncConnection) -> None:
    """Let PostgreSQL number new rows after those that came with theirs; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in TABLES:
        sequence = await connection.scalar(
            text("SELECT pg_get_serial_sequence(:table, 'id') FROM information_schema.columns"
                 " WHERE table_name = :table AND column_name = 'id'"), {"table": table.name}
        )  # fmt: skip
        highest = await connection.scalar(select(func.max(table.c.id))) if sequence else None
        if highest:
            await connection.execute(select(func.setval(sequence, highest)))
