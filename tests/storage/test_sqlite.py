"""The connection that makes one trip to its thread for each statement behaves as SQLite does."""

import asyncio
from threading import get_ident

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from storage import sqlite
from storage.database import Database
from storage.tables import Host


@pytest.fixture
async def store(sqlite_url):
    database = Database(sqlite_url)
    yield database
    await database.close()


async def hosts(database):
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(Host))


async def test_a_write_that_does_nothing_leaves_nothing_open(store):
    async with store.write("nothing"):
        pass
    async with store.read():
        pass
    async with store.write("something") as session:
        session.add(Host(host="a:1"))
    assert await hosts(store) == 1


async def test_what_is_undone_is_undone_before_the_connection_is_used_again(store):
    async def twice():
        async with store.write("twice") as session:
            session.add(Host(host="a:1"))
            await session.flush()
            await session.execute(text("INSERT INTO hosts (host, block_count, slow_s) VALUES ('a:1', 0, 0)"))

    for _ in range(3):
        with pytest.raises(IntegrityError):
            await twice()
        assert await hosts(store) == 0


async def test_a_writer_takes_the_lock_with_its_first_statement_and_another_waits_for_it(store, sqlite_url):
    other = Database(sqlite_url)
    try:
        async with store.write("first") as session:
            await session.execute(select(Host))
            waiting = asyncio.ensure_future(add(other, "b:1"))
            await asyncio.sleep(0.1)
            assert not waiting.done()
            session.add(Host(host="a:1"))
        await waiting
        assert await hosts(store) == 2
    finally:
        await other.close()


async def add(database, host, *, brief=False):
    async with database.write("add", brief=brief) as session:
        session.add(Host(host=host))


async def test_a_brief_writer_takes_a_free_lock_at_once_and_waits_for_one_that_is_held(sqlite_url):
    store, other = Database(sqlite_url), Database(sqlite_url)
    try:
        async with store.write("brief", brief=True) as session:
            session.add(Host(host="a:1"))
            await session.flush()
            waiting = asyncio.ensure_future(add(other, "b:1", brief=True))
            await asyncio.sleep(0.1)
            assert not waiting.done()
        await waiting
        assert await hosts(store) == 2
    finally:
        await store.close()
        await other.close()


async def test_a_lock_that_is_not_given_up_is_an_error_and_leaves_the_connection_usable(sqlite_url, monkeypatch):
    monkeypatch.setattr("storage.database.BUSY_TIMEOUT_S", 0.1)
    store, other = Database(sqlite_url), Database(sqlite_url)
    try:
        async with other.write("holds the lock") as session:
            session.add(Host(host="a:1"))
            await session.flush()
            with pytest.raises(OperationalError, match="locked"):
                await add(store, "b:1")
        await add(store, "b:1")
        assert await hosts(store) == 2
    finally:
        await store.close()
        await other.close()


async def test_rows_columns_counts_and_ids_come_with_the_one_trip(tmp_path):
    connection = await sqlite.connect(str(tmp_path / "a.db"), isolation_level=None)
    cursor = connection.cursor()
    await cursor.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, b)")
    await cursor.executemany("INSERT INTO a (b) VALUES (?)", [("x",), ("y",)])
    assert cursor.rowcount == 2
    await cursor.execute("INSERT INTO a (b) VALUES (?)", ("z",))
    assert cursor.lastrowid == 3
    await cursor.execute("SELECT id, b FROM a ORDER BY id")
    assert [column[0] for column in cursor.description] == ["id", "b"]
    assert await cursor.fetchall() == [(1, "x"), (2, "y"), (3, "z")]
    await connection.close()


async def test_many_rows_come_in_parts_and_a_statement_left_half_read_holds_nothing(tmp_path):
    path = str(tmp_path / "a.db")
    connection, other = await sqlite.connect(path, isolation_level=None), await sqlite.connect(path, timeout=0.1)
    cursor = connection.cursor()
    await cursor.execute("CREATE TABLE a (id INTEGER PRIMARY KEY)")
    await cursor.execute("BEGIN")
    await cursor.executemany("INSERT INTO a (id) VALUES (?)", [(number,) for number in range(2500)])
    await cursor.execute("COMMIT")
    await cursor.execute("SELECT id FROM a ORDER BY id")
    assert [row[0] for row in await cursor.fetchall()] == list(range(2500))
    await cursor.execute("SELECT id FROM a ORDER BY id")
    parts = [await cursor.fetchmany(700) for _ in range(6)]
    assert [row[0] for part in parts for row in part] == list(range(2500))
    assert await cursor.fetchmany(700) == []
    half_read = connection.cursor()
    await half_read.execute("SELECT id FROM a")
    await half_read.close()
    await other.cursor().execute("DROP TABLE a")
    await connection.close()
    await other.close()


async def test_a_brief_transaction_does_what_others_do(store):
    async with store.write("two", brief=True) as session:
        session.add_all([Host(host="a:1"), Host(host="b:1")])

    async def add_again():
        async with store.write("again", brief=True) as session:
            session.add(Host(host="c:1"))
            await session.flush()
            await session.execute(text("INSERT INTO hosts (host, block_count, slow_s) VALUES ('a:1', 0, 0)"))

    with pytest.raises(IntegrityError):
        await add_again()
    async with store.read(brief=True) as session:
        assert await session.scalar(select(func.count()).select_from(Host)) == 2
    assert await hosts(store) == 2


async def test_a_brief_transaction_writes_many_rows_aside(store):
    threads = {}
    async with store.write("many", brief=True) as session:
        session.add(Host(host="a:1"))
        await session.flush()  # takes the lock, aside
        raw = (await (await session.connection()).get_raw_connection()).driver_connection
        await raw.create_function("noted", 2, lambda of, host: threads.setdefault(of, get_ident()) and host)
        insert = text("INSERT INTO hosts (host, block_count, slow_s) VALUES (noted(:of, :host), 0, 0)")
        await session.execute(insert, [{"of": "few", "host": f"a{number}:1"} for number in range(10)])
        await session.execute(insert, [{"of": "many", "host": f"b{number}:1"} for number in range(2000)])
    assert await hosts(store) == 2011
    assert threads["few"] == get_ident() != threads["many"]


@pytest.mark.slow
async def test_a_brief_writer_waits_for_the_lock_aside_and_nothing_passes_it_by(store, sqlite_url):
    other = Database(sqlite_url)

    async def add_briefly(host):
        async with store.write("add", brief=True) as session:
            session.add(Host(host=host))

    try:
        async with other.write("holds the lock") as session:
            session.add(Host(host="a:1"))
            await session.flush()
            waiting = asyncio.ensure_future(add_briefly("b:1"))
            await asyncio.sleep(0.1)  # the loop goes on while the thread waits
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            async with store.read(brief=True) as session:
                assert await session.scalar(select(func.count()).select_from(Host)) == 0
        await add_briefly("c:1")
        assert await hosts(store) == 2
    finally:
        await other.close()
