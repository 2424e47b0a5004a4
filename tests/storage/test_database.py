from __future__ import annotations

import asyncio
import re
import subprocess
import sys

import pytest
from sqlalchemy import func, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database, check_schema, newest_version, upgrade_schema
from storage.errors import DatabaseAway, SchemaOutdated
from storage.tables import Host, Table


async def test_what_one_write_does_is_kept_together_or_not_at_all(database: Database) -> None:
    async def fail() -> None:
        async with database.write("test") as session:
            session.add(Host(host="a:443"))
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Host)) == 0


async def test_writers_in_two_processes_worth_of_engines_lose_no_update(database: Database) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    async with database.write("test") as session:
        session.add(Host(host="a:443", block_count=0))

    async def count_up(engine: Database) -> None:
        for _ in range(10):
            async with engine.write("count") as session:
                row = await session.scalar(select(Host).with_for_update())
                assert row is not None
                row.block_count += 1

    await asyncio.gather(*(count_up(engine) for engine in (database, other, database, other)))
    await other.close()
    async with database.read() as session:
        assert (await session.get_one(Host, "a:443")).block_count == 40


async def test_an_empty_database_is_refused_until_it_is_upgraded(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    try:
        with pytest.raises(SchemaOutdated, match="bazaarwatch db upgrade"):
            await check_schema(database)
        await upgrade_schema(database)
        await check_schema(database)
        await upgrade_schema(database)
    finally:
        await database.close()


def _is_mapped(name: str) -> bool:
    """Whether something stands in `storage.tables`: what finds words, and months, is made in each database's own."""
    return not re.match("(ix_)?(alert|seller|work)_search|captures_other", name)


async def test_the_migrations_make_exactly_the_tables(empty_database_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    database = Database(empty_database_url)
    try:
        await upgrade_schema(database)

        def differences(connection: object) -> list[object]:
            opts = {"compare_type": True, "include_name": lambda name, *_: name is None or _is_mapped(name)}
            context = MigrationContext.configure(connection, opts=opts)  # type: ignore[arg-type]
            return list(compare_metadata(context, Table.metadata))

        async with database.engine.connect() as connection:
            assert await connection.run_sync(differences) == []
            mapped = {name for name in await _tables(connection) if _is_mapped(name)}
            assert mapped == {*Table.metadata.tables, "alembic_version"}
    finally:
        await database.close()


def test_the_newest_version_is_that_of_the_newest_migration() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "migrations:")
    assert ScriptDirectory.from_config(config).get_current_head() == newest_version()


_CRASHING = """
import asyncio, sys
from storage.database import CommitPoints, Database
from storage.tables import Host
async def main():
    database = Database(sys.argv[1], CommitPoints(int(sys.argv[2])))
    async with database.write("one host") as session:
        session.add(Host(host="a:443", block_count=0))
    await database.close()
asyncio.run(main())
"""


@pytest.mark.parametrize(("crash_at", "kept"), [(1, 0), (2, 1), (3, 1)])
@pytest.mark.slow
async def test_a_kill_before_the_commit_keeps_nothing_and_one_after_it_everything(
    database_url: str, crash_at: int, kept: int
) -> None:
    command = [sys.executable, "-c", _CRASHING, database_url, str(crash_at)]
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60, check=False)
    assert (ended.returncode == -9) is (crash_at < 3)
    database = Database(database_url)
    try:
        async with database.read() as session:
            assert await session.scalar(select(func.count()).select_from(Host)) == kept
    finally:
        await database.close()


async def _tables(connection: AsyncConnection) -> set[str]:
    return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


async def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    database = Database("postgresql+asyncpg://mira:secret@127.0.0.1:1/bazaarwatch")
    with pytest.raises(DatabaseAway, match=r"//mira:\*\*\*@127\.0\.0\.1:1/bazaarwatch does not answer .*database\.url"):
        await check_schema(database)


async def test_postgresql_compiles_no_statement(postgres_url: str) -> None:
    database = Database(postgres_url)
    async with database.read() as session:
        assert await session.scalar(text("SHOW jit")) == "off"
    await database.close()
