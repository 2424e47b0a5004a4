"""The months into which PostgreSQL parts the pages that were asked for; SQLite keeps them in one table.

A month's pages are a table of their own, so that forgetting them is one step whatever their number. What belongs to no
month that was made, or outlives its month, lies in one more: nothing is refused for want of a month.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from storage.upsert import dialect_of, take_turn

_LOCK: Final = 7_216_005
_AHEAD: Final = 2  # months that are there before they begin
_PARTED: Final = "captures"
_OTHER: Final = f"{_PARTED}_other"
_WAITED_FOR: Final = "5s"  # other transactions; what asks the table meanwhile waits too
_MADE: Final = text(
    "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = to_regclass(:name)"
)


def month_of(at: datetime) -> datetime:
    """The first moment of the month (UTC) that a time lies in."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


async def make_months(session: AsyncSession, first: datetime, last: datetime) -> list[str]:
    """Make the months from one time's to another's and the next two, those that there are left out; their names."""
    if dialect_of(session) != "postgresql":
        return []
    connection = await session.connection()
    wanted = list(_months(month_of(first), _later(month_of(last), _AHEAD)))
    if set(map(_name, wanted)) <= await _made(connection):
        return []
    await _alone(session)
    missing = [month for month in wanted if _name(month) not in await _made(connection)]
    for month in missing:
        await _make(connection, month)
    return [_name(month) for month in missing]


async def drop_months(session: AsyncSession, before: datetime) -> int:
    """Forget the months that ended before a time; how many pages are gone.

    Pages whose bytes are kept, and those on which a listing was seen first or last, stay beside the months.
    """
    if dialect_of(session) != "postgresql":
        return 0
    connection, gone = await session.connection(), 0
    if await _old(connection, before):
        await _alone(session)
        for month in await _old(connection, before):
            gone += await _drop(connection, month)
    return gone


async def _old(connection: AsyncConnection, before: datetime) -> list[str]:
    return sorted(name for name in await _made(connection) if name != _OTHER and name < _name(month_of(before)))


async def _drop(connection: AsyncConnection, month: str) -> int:
    await connection.execute(text(f"LOCK TABLE {month} IN SHARE MODE"))  # no page comes in behind our back
    held = await connection.scalar(text(f"SELECT count(*) FROM {month}"))  # noqa: S608 - our own name
    # Read before the month leaves the table, so that nobody who asks waits for it.
    await connection.execute(text(
        f"CREATE TEMPORARY TABLE kept ON COMMIT DROP AS SELECT * FROM {month} WHERE purged_at IS NULL"  # noqa: S608 - our own names
        f" UNION ALL SELECT * FROM {month} WHERE purged_at IS NOT NULL"
        " AND id IN (SELECT capture_id FROM listings UNION ALL SELECT first_capture_id FROM listings)"
    ))  # fmt: skip
    await connection.execute(text(f"ALTER TABLE {_PARTED} DETACH PARTITION {month}"))
    kept = await connection.execute(text(f"INSERT INTO {_PARTED} SELECT * FROM kept"))  # noqa: S608 - our own name
    for table in ("kept", month):
        await connection.execute(text(f"DROP TABLE {table}"))
    return int(held or 0) - kept.rowcount


async def _alone(session: AsyncSession) -> None:
    await take_turn(session, _LOCK)
    await session.execute(text(f"SET LOCAL lock_timeout = '{_WAITED_FOR}'"))


async def _made(connection: AsyncConnection) -> set[str]:
    return set(await connection.scalars(_MADE, {"name": _PARTED}))


async def _make(connection: AsyncConnection, month: datetime) -> None:
    """A month with the pages of it that came before it was made, and none that come while it is being made."""
    name, start, end = _name(month), month.isoformat(), _later(month, 1).isoformat()
    for step in (
        f"LOCK TABLE {_OTHER} IN ACCESS EXCLUSIVE MODE",
        f"CREATE TABLE {name} (LIKE {_PARTED} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
        f"WITH moved AS (DELETE FROM {_OTHER} WHERE captured_at >= '{start}' AND captured_at < '{end}' RETURNING *)"  # noqa: S608
        f" INSERT INTO {name} SELECT * FROM moved",
        f"ALTER TABLE {_PARTED} ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')",
    ):
        await connection.execute(text(step))


def _months(first: datetime, last: datetime) -> Iterator[datetime]:
    while first <= last:
        yield first
        first = _later(first, 1)


def _later(month: datetime, count: int) -> datetime:
    for _ in range(count):
        month = month_of(month + timedelta(days=31))
    return month


def _name(month: datetime) -> str:
    return f"{_PARTED}_{month:%Y_%m}"
