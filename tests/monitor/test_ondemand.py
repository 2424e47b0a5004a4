"""What a console does by itself: searches on demand, unless a daemon works on the same data folder."""

import os

import pytest

from config.settings import load
from monitor.daemon import RUNNING, build
from monitor.ondemand import OnDemand
from storage.turns import hold

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows' processes do not keep a file from each other")


async def test_searches_are_left_to_the_daemon_that_works_beside(tmp_path, monkeypatch):
    queued = []
    environ = {"BAZAARWATCH_FETCH__CONTACT": "mira@example.org"}
    async with build(load(tmp_path, environ)) as parts:
        demand = OnDemand(parts)

        async def noted(ids):
            queued.append(list(ids))

        monkeypatch.setattr(demand._tasks, "enqueue_searches", noted)
        daemon = hold(tmp_path / RUNNING)
        await demand.search([1])
        assert queued == []
        os.close(daemon)
        await demand.search([1])
        assert queued == [[1]]
        assert hold(tmp_path / RUNNING) is not None, "only a moment was looked"


async def test_evidence_is_drawn_by_a_console_unless_a_daemon_works_beside(tmp_path, monkeypatch):
    drawn = []

    async def due(_session):
        return [] if drawn else [3]

    async with build(load(tmp_path, {})) as parts:
        monkeypatch.setattr("monitor.tasks.due_drawings", due)
        demand = OnDemand(parts)

        async def draw(complaint_id):
            drawn.append(complaint_id)

        monkeypatch.setattr(demand._tasks, "_draw", draw)
        (chore,) = demand.chores()
        daemon = hold(tmp_path / RUNNING)
        await chore.do()
        await demand.engine.drain()
        assert drawn == []
        os.close(daemon)
        await chore.do()
        await demand.engine.drain()
        assert drawn == [3]
