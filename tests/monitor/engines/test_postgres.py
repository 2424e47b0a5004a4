"""The engine that processes share: who does what, what the dead leave behind, and what nobody does twice."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
from asyncpg import InterfaceError, PostgresError
from sqlalchemy import text

from monitor.engines.base import Chore
from monitor.engines.postgres import PostgresEngine, cron
from monitor.engines.shared import held, install, load, try_again
from storage.database import Database
from storage.errors import NotFound, SchemaOutdated
from storage.postgres import raw

pytestmark = pytest.mark.slow

_WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.CRITICAL, "pgqueuer")


@pytest.fixture
async def ask(queue_database):
    """Asks the database one thing; what it answers."""

    async def asking(question, *values):
        async with raw(queue_database.engine) as connection:
            return [tuple(row) for row in await connection.fetch(question, *values)]

    await asking("CREATE TABLE notes (who integer, number integer, what text)")
    return asking


async def _until(true):
    while not await true():
        await asyncio.sleep(0.05)


async def _stop(engine, running):
    engine.stop()
    await asyncio.wait_for(running, 30)


@pytest.fixture
def start(queue_database):
    """Starts a worker as a process of its own; ends it with the test."""
    started = []

    def starting(how):
        url = queue_database.url.render_as_string(hide_password=False)
        process = subprocess.Popen([sys.executable, str(_WORKER), url, how], stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield starting
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


async def test_what_a_killed_worker_had_under_way_is_done_by_another(shared_work, ask, start):
    victim = await asyncio.to_thread(start, "hang")
    await shared_work.engine().enqueue("one", [7])
    await _until(lambda: ask("SELECT 1 FROM notes WHERE who = $1 AND what = 'begun'", victim.pid))
    heir = await asyncio.to_thread(start, "finish")
    victim.send_signal(signal.SIGKILL)
    await _until(lambda: ask("SELECT 1 FROM notes WHERE what = 'done'"))
    assert await ask("SELECT who, number, what FROM notes ORDER BY ctid") == [
        (victim.pid, 7, "begun"),
        (heir.pid, 7, "begun"),
        (heir.pid, 7, "done"),
    ]
    await _until(_is_empty(ask))


@pytest.mark.soak
async def test_a_worker_that_was_taken_for_dead_and_comes_back_writes_nothing(shared_work, ask, start):
    sleeper = await asyncio.to_thread(start, "late")
    await shared_work.engine().enqueue("one", [7])
    await _until(lambda: ask("SELECT 1 FROM notes WHERE who = $1", sleeper.pid))
    sleeper.send_signal(signal.SIGSTOP)
    heir = await asyncio.to_thread(start, "finish")
    await _until(lambda: ask("SELECT 1 FROM notes WHERE what = 'done'"))
    sleeper.send_signal(signal.SIGCONT)
    assert b"another worker does it" in await asyncio.to_thread(sleeper.stdout.readline)
    assert await ask("SELECT who, what FROM notes ORDER BY ctid") == [
        (sleeper.pid, "begun"),
        (heir.pid, "begun"),
        (heir.pid, "done"),
    ]


def _is_empty(ask):
    async def empty():
        return not await ask("SELECT 1 FROM pgqueuer")

    return empty


async def test_a_unit_whose_job_is_anothers_by_now_is_refused_its_writes_and_leaves_the_job_alone(
    shared_work, queue_database, ask
):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def task(number):
        begun.set()
        await go_on.wait()
        async with queue_database.write("note") as session:
            await session.execute(text("INSERT INTO notes VALUES (0, :number, 'done')"), {"number": number})

    engine = PostgresEngine(queue_database, {"one": task}, shared_work.note, 1)
    running = asyncio.create_task(engine.run())
    await engine.enqueue("one", [7])
    await begun.wait()
    other = uuid4()
    await ask("UPDATE pgqueuer SET queue_manager_id = $1", other)
    go_on.set()
    await _until(lambda: _answer(engine.finished["one"]))
    await _stop(engine, running)
    assert await ask("SELECT * FROM notes") == []
    assert await ask("SELECT status::text, queue_manager_id FROM pgqueuer") == [("picked", other)]
    assert (shared_work.lost, engine.lost) == ([], 0)


async def _answer(value):
    return value


async def test_no_more_units_ask_one_marketplace_at_once_than_allowed_whatever_the_number_of_workers(shared_work):
    engines = [shared_work.engine(4, sites={"shop"}, site_concurrency=2) for _ in range(3)]
    await engines[0].enqueue("one", range(12), site="shop")
    running = [asyncio.create_task(engine.run()) for engine in engines]
    await _until(lambda: _answer(len(shared_work.done) == 12))
    assert shared_work.most <= 2
    await engines[0].enqueue("one", range(20, 32), site="a shop that nobody knows")
    await _until(lambda: _answer(len(shared_work.done) == 24))
    assert shared_work.most > 2
    for engine, task in zip(engines, running, strict=True):
        await _stop(engine, task)
    assert sorted(shared_work.done) == [*range(12), *range(20, 32)]


async def test_a_worker_does_what_it_is_for_and_leaves_the_rest(shared_work):
    engine = shared_work.engine()
    engine.works_on = {"one"}
    await engine.enqueue("one", [1])
    await engine.enqueue("other", [2])
    running = asyncio.create_task(engine.run())
    await _until(lambda: _answer(shared_work.done))
    await _stop(engine, running)
    assert shared_work.done == [1]
    assert [(one.task, one.waiting, one.running) for one in await load(engine._database)] == [("other", 1, 0)]


async def test_a_chore_is_done_once_each_time_however_many_there_are_to_do_it(shared_work, ask):
    done = []

    async def chore():
        done.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.2)

    engines = [shared_work.engine() for _ in range(3)]
    chores = [Chore("tidy", 1, chore, at_once=False)]
    running = [asyncio.create_task(engine.run(chores)) for engine in engines]
    await _until(lambda: _answer(len(done) >= 3))
    for engine, task in zip(engines, running, strict=True):
        await _stop(engine, task)
    slots = Counter(
        at for (at,) in await ask("SELECT date_trunc('second', created) FROM pgqueuer_log WHERE status = 'queued' "
                                  "AND entrypoint = 'tidy'")
    )  # fmt: skip
    assert max(slots.values()) == 1
    assert len(slots) == len(done)


async def test_a_chore_that_fails_again_and_again_is_held_with_its_reason_and_may_be_tried_again(
    shared_work, queue_database, monkeypatch
):
    monkeypatch.setattr("monitor.engines.postgres._FIRST_DELAY_S", 0.01)
    tries = []

    async def chore():
        tries.append(1)
        if len(tries) < 7:
            raise ValueError("no paper in the printer")

    engine = shared_work.engine()
    running = asyncio.create_task(engine.run([Chore("print", 3600, chore)]))
    for _ in range(2):
        await _until(lambda: held(queue_database))
        (one,) = await held(queue_database)
        assert (one.chore, one.reason, len(tries) % 3) == ("print", "ValueError: no paper in the printer", 0)
        await try_again(queue_database, [one.job])
    await _until(lambda: _answer(len(tries) == 7))
    await _stop(engine, running)
    assert await held(queue_database) == []
    with pytest.raises(NotFound, match="no held job 1;"):
        await try_again(queue_database, [1])


async def test_when_every_connection_is_cut_the_work_goes_on(shared_work, ask):
    engine = shared_work.engine()
    running = asyncio.create_task(engine.run())
    await engine.enqueue("one", [1])
    await _until(lambda: _answer(shared_work.done))
    await ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
              "AND pid <> pg_backend_pid()")  # fmt: skip
    await engine.enqueue("one", [2])
    await _until(lambda: _answer(len(shared_work.done) == 2))
    await _stop(engine, running)
    assert (shared_work.done, shared_work.lost) == ([1, 2], [])


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_with_the_server_away_twenty_times_once_for_a_minute_every_unit_is_done_without_a_busy_loop(
    mortal_postgres, caplog
):
    database = Database(mortal_postgres.create("cut"))
    await install(database)
    caplog.set_level(logging.WARNING, "monitor.engines.postgres")
    done, lost = Counter(), []

    async def ask(question):
        async with raw(database.engine) as connection:
            return [tuple(row) for row in await connection.fetch(question)]

    await ask("CREATE TABLE notes (number integer)")

    async def task(number):
        await asyncio.sleep(0.2)
        async with database.write("note") as session:
            await session.execute(text("INSERT INTO notes VALUES (:number)"), {"number": number})
        done[number] += 1

    async def told(*what):
        lost.append(what)

    engine = PostgresEngine(database, {"one": task}, told, 4, dead_after=timedelta(seconds=3))

    async def queue_due():  # as `Tasks.enqueue_due` does from the tables
        await engine.enqueue("one", set(range(400)) - {number for (number,) in await ask("SELECT number FROM notes")})

    await engine.enqueue("one", range(400))
    chores = [Chore("hang", 1, asyncio.Event().wait), Chore("queue_due", 1, queue_due)]
    running = asyncio.create_task(engine.run(chores))
    lengths = Random(9)
    for cut in range(20):
        await asyncio.sleep(lengths.uniform(0.5, 2))
        before_mb = _own_mb()
        caplog.clear()
        mortal_postgres.kill()
        away_s = 60 if cut == 10 else lengths.uniform(0.5, 4)
        await asyncio.sleep(away_s)
        tries = sum("database away" in record.message for record in caplog.records)
        assert tries <= 2 * away_s + 2
        await asyncio.to_thread(mortal_postgres.start)
        assert _own_mb() - before_mb < 50
        assert not running.done(), "it goes on by itself"

    async def all_done():
        try:
            return await ask("SELECT count(DISTINCT number) FROM notes") == [(400,)]
        except (OSError, InterfaceError, PostgresError):
            return False

    await asyncio.wait_for(_until(all_done), 300)
    running.cancel()  # the chore would never end
    with suppress(asyncio.CancelledError):
        await running
    assert lost == []
    await database.close()


def _own_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def test_the_queues_tables_are_made_once_however_many_make_them(empty_postgres_url):
    database = Database(empty_postgres_url)
    engine = PostgresEngine(database, {"one": asyncio.sleep}, asyncio.sleep, 1)
    with pytest.raises(SchemaOutdated, match="run `bazaarwatch db upgrade`"):
        await engine.run()
    with pytest.raises(SchemaOutdated, match="run `bazaarwatch db upgrade`"):
        await engine.enqueue("one", [0])
    await asyncio.gather(*(install(database) for _ in range(3)))
    await engine.enqueue("one", [0])
    await engine.drain()
    assert engine.finished["one"] == 1
    await database.close()


@pytest.mark.parametrize(
    ("every_s", "line"),
    [
        (0.2, "* * * * * */1"),
        (30, "* * * * * */30"),
        (60, "*/1 * * * *"),
        (600, "*/10 * * * *"),
        (3600, "0 */1 * * *"),
        (86_400, "0 0 */1 * *"),
        (timedelta(days=400).total_seconds(), "0 0 */28 * *"),
    ],
)
def test_a_rhythm_becomes_the_nearest_cron_line(every_s, line):
    assert cron(every_s) == line
