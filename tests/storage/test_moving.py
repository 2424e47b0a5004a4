"""A move from SQLite to PostgreSQL: everything arrives as it was, or nothing does."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select, text

from storage.alerts import count_open
from storage.audit import first_broken
from storage.database import Database
from storage.errors import Refused, StaleState
from storage.invariants import contradictions
from storage.listings import record_listings
from storage.moving import TABLES, move
from storage.pictures import Seen, remember
from storage.search import found_by
from storage.tables import Alert, Listing
from tests.storage.making import NOW, add_an_alert, listing


@pytest.fixture
async def source(sqlite_url: str) -> AsyncIterator[Database]:
    """An artist's database with something in it of every kind of value: times, amounts, bytes, objects, nothing."""
    database = Database(sqlite_url)
    async with database.write("stock") as session:
        await add_an_alert(session)
        await record_listings(session, [listing(number) for number in range(2, 700)], None, NOW)
        hashes = bytes(range(32)), bytes(32)
        picture = Seen("cd" * 32, *hashes, b"\x00jpeg", "bazaar", "1", "https://b.example/1", "https://b.example/1.jpg")
        await remember(session, [picture], NOW, NOW)
    yield database
    await database.close()


@pytest.fixture
async def target(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url)
    yield database
    await database.close()


async def test_every_row_arrives_and_the_chain_the_search_and_the_numbers_go_on(
    source: Database, target: Database
) -> None:
    advanced: list[int] = []
    moved = {one.table: one for one in await move(source, target, lambda: advanced.append(1))}
    assert len(moved) == len(advanced) == len(TABLES)
    assert moved["listings"].rows == 699
    async with source.read() as old, target.read() as new:
        for table in TABLES:
            count = select(func.count()).select_from(table)
            assert await old.scalar(count) == await new.scalar(count) == moved[table.name].rows
        assert list(await old.scalars(select(Listing.title))) == list(await new.scalars(select(Listing.title)))
        assert await count_open(new, NOW) == await count_open(old, NOW)
        assert await first_broken(new) is None
        assert await contradictions(new) == await contradictions(old)
        assert len(list(await new.scalars(select(Alert).where(found_by(new, Alert, "pin 1"))))) == 1
    async with target.write("more") as session:
        recorded = await record_listings(session, [listing(1000)], None, NOW)
    assert recorded.new == (700,)


async def test_a_database_with_something_in_it_is_not_moved_to(source: Database, target: Database) -> None:
    async with target.write("a row") as session:
        await record_listings(session, [listing(1)], None, NOW)
    with pytest.raises(Refused, match=r"not empty: its table \w+ has rows"):
        await move(source, target)


async def test_if_one_row_arrives_otherwise_nothing_is_kept(source: Database, target: Database) -> None:
    async with target.write("a fault") as session:
        await session.execute(text(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN IF NEW.id = 600 THEN NEW.title := 'Pin'; END IF; RETURN NEW; END $$"
        ))  # fmt: skip
        await session.execute(
            text("CREATE TRIGGER spoil BEFORE INSERT ON listings FOR EACH ROW EXECUTE FUNCTION spoil()")
        )
    with pytest.raises(StaleState, match="table listings came out otherwise"):
        await move(source, target)
    async with target.read() as session:
        assert await session.scalar(select(func.count()).select_from(Listing)) == 0
