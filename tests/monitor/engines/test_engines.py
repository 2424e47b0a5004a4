"""What both engines promise: how many units run at once, in which order, what becomes of one that fails."""

import asyncio
import logging
from datetime import UTC, datetime

import pytest

from monitor.engines import base
from monitor.errors import Offline


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.CRITICAL, "pgqueuer")


async def test_no_more_units_run_at_once_than_allowed_and_all_of_them_run(work):
    engine = work.engine(concurrency=3)
    await engine.enqueue("one", range(40))
    await engine.drain()
    assert sorted(work.done) == list(range(40))
    assert work.most == 3
    assert engine.finished["one"] == engine.queued["one"] == 40


async def test_a_unit_that_waits_already_is_not_queued_again_but_may_come_back_later(work):
    engine = work.engine()
    await engine.enqueue("one", [1, 2, 2])
    await engine.enqueue("one", [2, 3])
    await engine.enqueue("other", [2])
    await engine.drain()
    assert sorted(work.done) == [1, 2, 2, 3]
    assert engine.queued == {"one": 3, "other": 1}
    await engine.enqueue("one", [2])
    await engine.drain()
    assert work.done[-1] == 2
    assert len(work.done) == 5


async def test_what_matters_more_runs_first(work):
    engine = work.engine(concurrency=1)
    await engine.enqueue("one", [1, 2])
    await engine.enqueue("other", [10, 11], priority=1)
    await engine.drain()
    assert sorted(work.done[:2]) == [10, 11]


async def test_a_unit_that_raises_is_told_and_the_others_go_on(work):
    work.raises[2] = ValueError("broken")
    engine = work.engine()
    await engine.enqueue("one", [1, 2, 3])
    await engine.drain()
    assert sorted(work.done) == [1, 3]
    assert work.lost == [("one", 2, "broken")]
    assert engine.put_back is None


async def test_a_unit_that_cannot_be_done_now_is_put_back_and_not_lost(work):
    work.raises[1] = Offline("no network", datetime(2026, 1, 5, tzinfo=UTC))
    engine = work.engine()
    await engine.enqueue("one", [1])
    await engine.drain()
    assert (work.done, work.lost, str(engine.put_back)) == ([], [], "no network")
    work.raises.clear()
    await engine.enqueue("one", [1])
    await engine.drain()
    assert (work.done, engine.put_back) == ([1], None)


async def test_asked_to_stop_it_finishes_what_is_under_way_and_takes_nothing_more(work):
    engine = work.engine(concurrency=2)
    await engine.enqueue("one", range(20))
    work.gate.clear()
    running = asyncio.create_task(engine.run())
    while work.running < 2:
        await asyncio.sleep(0.01)
    engine.stop()
    work.gate.set()
    await asyncio.wait_for(running, 20)
    assert len(work.done) == 2


async def test_work_that_comes_while_it_runs_is_done_too(work):
    engine = work.engine()
    running = asyncio.create_task(engine.run())
    await engine.enqueue("one", [1])
    while not work.done:
        await asyncio.sleep(0.01)
    await engine.enqueue("one", [2])
    while len(work.done) < 2:
        await asyncio.sleep(0.01)
    engine.stop()
    await asyncio.wait_for(running, 20)
    assert work.done == [1, 2]


async def test_what_is_under_way_when_the_program_is_interrupted_is_given_up_and_not_lost(work):
    engine = work.engine(concurrency=3)
    work.gate.clear()
    await engine.enqueue("one", range(10))
    draining = asyncio.create_task(engine.drain())
    while work.running < 3:
        await asyncio.sleep(0.001)
    draining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await draining
    assert work.running == 0, "the units have ended before the drain has"
    assert (work.done, work.lost, engine.lost, engine.finished["one"]) == ([], [], 0, 0)
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_a_unit_that_misses_the_word_to_end_is_told_again(monkeypatch):
    monkeypatch.setattr(base, "_AGAIN_S", 0.01)
    told = []

    async def deaf():
        while len(told) < 3:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                told.append(len(told))
        raise asyncio.CancelledError

    unit = asyncio.create_task(deaf())
    stopped = []
    waiting = asyncio.create_task(base.until_done(_until(unit), {unit}, lambda: stopped.append(True)))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (told, stopped, unit.done()) == ([0, 1, 2], [True], True)


async def _until(unit):
    await asyncio.wait({unit})
