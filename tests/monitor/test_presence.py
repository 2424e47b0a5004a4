"""How workers are seen, and how soon they know a new work."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy.exc import DBAPIError

from config.settings import load
from monitor.daemon import build
from monitor.presence import present
from storage.postgres import raw
from storage.tables import Worker
from storage.workers import list_workers, note_worker, worker_faults
from storage.works import add_reference, add_work, set_owner
from tests.storage.making import NOW


@pytest.fixture
async def parts(tmp_path, postgres_url):
    async with build(load(tmp_path, {"BAZAARWATCH_DATABASE__URL": postgres_url})) as parts:
        async with parts.database.write("owner") as session:
            await set_owner(session, NOW, "mira", "Mira Moss", {})
        yield parts


async def _add(parts, title):
    async with parts.database.write("work") as session:
        work = await add_work(session, NOW, "mira", 1, title)
        await add_reference(session, work.id, "ab" * 32, "moth.png", b"of a version that is no more", NOW, "mira")


async def _workers(parts):
    async with parts.database.read() as session:
        return list(await list_workers(session))


async def _until(true):
    while not await true():
        await asyncio.sleep(0.02)


async def test_a_worker_hears_of_a_change_of_the_works_at_once_and_is_seen_to_know_it(parts):
    await parts.works.index()  # of no works
    async with present(parts, ["examine"]):
        await _until(lambda: _workers(parts))
        (one,) = await _workers(parts)
        assert (one.roles, one.works_version, one.behind_since) == (["examine"], 0, None)
        async with parts.database.write("work") as session:
            await add_work(session, NOW, "mira", 1, "Moth")

        async def knows():
            return [one.works_version for one in await _workers(parts)] == [1]

        await asyncio.wait_for(_until(knows), 10)
        assert parts.works.version == 1
    assert await _workers(parts) == []


async def test_a_work_is_known_to_every_worker_within_seconds(parts, tmp_path, postgres_url):
    async with build(load(tmp_path, {"BAZAARWATCH_DATABASE__URL": postgres_url})) as other:
        for one in (parts, other):
            await one.works.index()
        async with present(parts, ["examine"]), present(other, ["examine"]):
            await _until(lambda: _workers(parts))
            async with parts.database.write("work") as session:
                await add_work(session, NOW, "mira", 1, "Moth")

            async def both_know():
                return [one.works_version for one in await _workers(parts)] == [1, 1]

            await asyncio.wait_for(_until(both_know), 60)
        assert (parts.works.version, other.works.version) == (1, 1)


async def test_a_worker_that_cannot_follow_the_works_is_seen_to_be_behind(parts, caplog):
    await parts.works.index()
    async with present(parts, ["examine"]):
        await _until(lambda: _workers(parts))
        await _add(parts, "Moth")  # whose picture is missing: it cannot be described anew

        async def is_behind():
            known = [one.works_version for one in await _workers(parts) if one.behind_since]
            return known == [0] and "works not followed" in caplog.text

        await asyncio.wait_for(_until(is_behind), 10)


async def test_a_worker_whose_connections_are_cut_is_seen_again(parts):
    async with present(parts, ["crawl"]):
        await _until(lambda: _workers(parts))
        before = (await _workers(parts))[0].seen_at
        async with raw(parts.database.engine) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

        async def again():
            with suppress(DBAPIError):  # who asks in the very moment may still be given a connection that was cut
                return (await _workers(parts))[0].seen_at > before

        await asyncio.wait_for(_until(again), 40)


async def test_a_silent_worker_and_one_with_works_of_before_are_faults_and_the_long_silent_is_forgotten(parts, clock):
    async def note(name, version):
        worker = Worker(id=name, host="box", pid=int(name), roles=["crawl"], started_at=clock.now())
        async with parts.database.write("worker") as session:
            await note_worker(session, worker, clock.now(), version)
        return worker

    async def faults():
        async with parts.database.read() as session:
            return await worker_faults(session, clock.now())

    await _add(parts, "Moth")
    await note("1", None)
    behind = await note("2", 0)
    assert await faults() == []
    clock.advance(70)
    async with parts.database.write("worker") as session:
        await note_worker(session, behind, clock.now(), 0)
    assert await faults() == [
        "worker 1 on box was last heard of at 2026-01-05 09:00:00 UTC",
        "worker 2 on box compares with works of before 2026-01-05 09:00:00 UTC",
    ]
    clock.advance(1000)
    await note("3", None)
    assert [one.id for one in await _workers(parts)] == ["3"]
