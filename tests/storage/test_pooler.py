"""All but LISTEN through PgBouncer, which gives each transaction whatever connection is free."""

import asyncio
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from sqlalchemy import select, text

from monitor.engines.postgres import PostgresEngine
from monitor.engines.shared import held, install, load
from storage.database import Database
from storage.listings import record_listings
from storage.tables import Listing
from tests.storage.making import NOW, listing

pytestmark = pytest.mark.slow

_PROGRAM = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
_PORT = 6432
_SETTINGS = """
[databases]
* = host={folder} port=5432 user=postgres
[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = 3
server_round_robin = 1
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
"""


@pytest.fixture
def pooler(postgres_server):
    """The end of addresses that lead through PgBouncer in transaction mode: three connections, in turn."""
    if not Path(_PROGRAM).exists():
        pytest.skip("PgBouncer is not installed (Debian: apt-get install pgbouncer)")
    settings = postgres_server.folder / "pgbouncer.ini"
    settings.write_text(_SETTINGS.format(folder=postgres_server.folder, port=_PORT))
    command = [_PROGRAM, settings]
    if os.geteuid() == 0:  # PgBouncer refuses root
        command = ["runuser", "-u", "postgres", "--", *command]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        socket = postgres_server.folder / f".s.PGSQL.{_PORT}"
        for _ in range(100):
            if socket.exists():
                break
            assert process.poll() is None, (postgres_server.folder / "pgbouncer.log").read_text()
            time.sleep(0.1)
        yield f"&port={_PORT}"
        process.terminate()


@pytest.fixture
async def pooled(pooler, postgres_url):
    database = Database(postgres_url + pooler, listen_url=postgres_url, pool_size=4)
    assert database.pooled
    yield database
    await database.close()


async def test_many_transactions_at_once_share_three_connections_and_none_is_mixed_up(pooled):
    async def write(number):
        async with pooled.write("test") as session:
            (key,) = (await record_listings(session, [listing(number)], None, NOW)).new
        async with pooled.read() as session:
            row = await session.get_one(Listing, key)
            return row.listing_id, await session.scalar(text("SELECT count(*) FROM pg_stat_activity"))

    found = await asyncio.gather(*(write(number) for number in range(60)))
    assert [one for one, _ in found] == [str(number) for number in range(60)]
    async with pooled.read() as session:
        assert len((await session.scalars(select(Listing.id))).all()) == 60
        used = await session.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"))
        assert used <= 3


async def test_the_shared_queue_works_through_it_and_listens_past_it(pooled):
    await install(pooled)
    done = []

    async def task(number):
        async with pooled.write("test") as session:
            await session.execute(text("SELECT pg_sleep(0.01)"))
        done.append(number)

    async def lost(*_):
        raise AssertionError("lost")

    engines = [PostgresEngine(pooled, {"one": task}, lost, 3) for _ in range(2)]
    await engines[0].enqueue("one", range(40))
    assert [(one.task, one.waiting) for one in await load(pooled)] == [("one", 40)]
    running = [asyncio.create_task(engine.run()) for engine in engines]
    while len(done) < 40:
        await asyncio.sleep(0.05)
    for engine, task in zip(engines, running, strict=True):
        engine.stop()
        await asyncio.wait_for(task, 30)
    assert sorted(done) == list(range(40))
    assert await held(pooled) == []
