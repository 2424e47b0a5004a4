"""The months of PostgreSQL: made before their pages come, dropped when they are old, and what outlives them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from monitor.engines.base import past_conflicts
from storage.database import Database
from storage.invariants import contradictions
from storage.listings import get_seen, record_listings
from storage.months import drop_months, make_months, month_of
from storage.moving import move
from storage.retention import Limits, count_due, forget_captures
from storage.searches import add_capture, captures_of
from storage.tables import Capture, Listing

from .making import NOW, SHA, listing

AGES = {month: NOW - timedelta(days=30 * month) for month in (0, 3, 15, 16)}


def _limits(before: datetime) -> Limits:
    return Limits(None, None, before, None, None, None)


def _page(at: datetime, *, purged: bool = True) -> Capture:
    facts = {"marketplace": "bazaar", "status": 200, "outcome": "ok", "reason": "", "how": "fetched", "head": {}}
    page = Capture(url=f"https://x/{at:%Y-%m-%d-%f}", sha256=SHA, captured_at=at, **facts)
    page.purged_at = NOW if purged else None
    return page


async def _where(database: Database) -> list[tuple[str, int]]:
    async with database.read() as session:
        rows = await session.execute(
            text("SELECT CAST(tableoid::regclass AS text), count(*) FROM captures GROUP BY 1 ORDER BY 1")
        )
        return [(row[0], row[1]) for row in rows]


@pytest.fixture
async def target(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url)
    yield database
    await database.close()


async def test_pages_lie_in_their_month_whether_it_was_made_before_them_or_after(target: Database) -> None:
    async with target.write("test") as session:
        before = await add_capture(session, _page(NOW))
        assert await make_months(session, NOW, NOW) == ["captures_2026_03", "captures_2026_04", "captures_2026_05"]
        assert await make_months(session, NOW, NOW) == []
        after = await add_capture(session, _page(NOW + timedelta(seconds=1)))
        again = await add_capture(session, _page(NOW))
        assert (again.id, after.id) == (before.id, before.id + 1), "one page at one time is one row"
        await add_capture(session, _page(datetime(2026, 5, 31, 23, 59, 59, 999_999, NOW.tzinfo)))
        await add_capture(session, _page(datetime(2026, 6, 1, tzinfo=NOW.tzinfo)))
    assert await _where(target) == [("captures_2026_03", 2), ("captures_2026_05", 1), ("captures_other", 1)]
    async with target.write("test") as session:
        made = await make_months(session, NOW, NOW + timedelta(days=300))
        assert made[0] == "captures_2026_06"
        assert made[-1] == "captures_2027_02"
        await add_capture(session, _page(NOW + timedelta(days=3000)))
    assert await _where(target) == [
        ("captures_2026_03", 2), ("captures_2026_05", 1), ("captures_2026_06", 1), ("captures_other", 1),
    ]  # fmt: skip


async def test_two_processes_make_the_months_once_while_pages_come_in(target: Database) -> None:
    async def make() -> list[str]:
        async with target.write("test") as session:
            return await make_months(session, NOW, NOW)

    async def fetch(second: int) -> None:
        async with target.write("test") as session:
            await add_capture(session, _page(NOW + timedelta(microseconds=second)))

    fetching = [past_conflicts(fetch, second) for second in range(20)]  # as every unit of work
    made = await asyncio.gather(make(), make(), *fetching, make())
    assert sorted(len(one) for one in made if one is not None) == [0, 0, 3]
    assert await _where(target) == [("captures_2026_03", 20)]


async def test_old_pages_go_by_months_but_for_those_that_a_listing_names_or_whose_bytes_are_kept(
    database: Database,
) -> None:
    async with database.write("test") as session:
        await make_months(session, AGES[16], NOW)
        pages = {age: await add_capture(session, _page(at)) for age, at in AGES.items()}
        second = timedelta(seconds=1)
        first_seen = await add_capture(session, _page(AGES[15] + second))
        proof = await add_capture(session, _page(AGES[15] + 2 * second, purged=False))
        await record_listings(session, [listing(1)], first_seen.id, AGES[15])
        await record_listings(session, [listing(1)], pages[3].id, AGES[3])
    limits = _limits(NOW - timedelta(days=400))
    async with database.read() as session:
        assert (await count_due(session, limits))["captures"] == 2
    async with database.write("test") as session:
        assert await forget_captures(session, limits, 100) == 2
        assert await forget_captures(session, limits, 100) == 0
    async with database.read() as session:
        left = set(await session.scalars(select(Capture.id)))
        assert left == {pages[0].id, pages[3].id, first_seen.id, proof.id}
        (row,) = await session.scalars(select(Listing))
        assert (await captures_of(session, [row]))[pages[3].id].url == pages[3].url
        assert (await get_seen(session, row.id))[2] == pages[3].url
        assert await contradictions(session) == []
    async with database.write("test") as session:  # nothing binds them any more
        await session.execute(update(Capture).values(purged_at=NOW))
        await session.execute(update(Listing).values(first_capture_id=None))
        assert await forget_captures(session, limits, 1) == 1
        assert await forget_captures(session, limits, 1) == 1
        assert await forget_captures(session, limits, 1) == 0


async def test_a_month_is_dropped_as_a_table(target: Database) -> None:
    async with target.write("test") as session:
        await make_months(session, AGES[3], NOW)
        for age in (0, 3):
            await add_capture(session, _page(AGES[age]))
        assert await drop_months(session, NOW) == 1
        left = await session.scalars(
            text("SELECT relname FROM pg_class WHERE relname LIKE 'captures\\_2%' AND relkind = 'r'")
        )
        assert min(left) == "captures_2026_03"
        assert await make_months(session, month_of(AGES[3]), NOW) != [], "an import of old pages may need them again"


async def test_a_page_that_a_listing_names_and_that_is_gone_is_found_by_the_doctor(database: Database) -> None:
    async with database.write("test") as session:
        page = await add_capture(session, _page(NOW))
        await record_listings(session, [listing(1)], page.id, NOW)
        await session.delete(await session.get_one(Capture, page.id))
    async with database.read() as session:
        assert await contradictions(session) == [
            "listing whose first page is not there: 1",
            "listing whose last page is not there: 1",
        ]


async def test_pages_of_an_artists_database_arrive_in_their_months(sqlite_url: str, target: Database) -> None:
    source = Database(sqlite_url)
    async with source.write("test") as session:
        for at in AGES.values():
            await add_capture(session, _page(at))
    moved = {one.table: one.rows for one in await move(source, target)}
    await source.close()
    assert moved["captures"] == 4
    assert await _where(target) == [(f"captures_{at:%Y_%m}", 1) for at in sorted(AGES.values())]
    async with target.write("test") as session:
        assert (await add_capture(session, _page(NOW + timedelta(days=1)))).id == 5
