"""The units of work: what is due, and what becomes of one that is lost."""

import logging
from datetime import timedelta

import pytest

from detectors.model import Listing
from monitor.engines.local import LocalEngine
from monitor.tasks import Tasks
from storage.listings import get_listing, record_listings
from storage.searches import add_search, get_search, list_searches


class Crawler:
    """Finds what it was told to, or raises."""

    def __init__(self):
        self.found = []
        self.error = None

    async def crawl(self, search_id):
        if self.error:
            raise self.error
        return self.found


class Examiner:
    def __init__(self):
        self.examined = []
        self.error = None

    async def examine(self, key):
        self.examined.append(key)
        if self.error:
            raise self.error


class Painter:
    """Draws nothing but conclusions."""

    async def draw(self, complaint_id):
        raise ZeroDivisionError("a fault of ours")


@pytest.fixture
async def stock(database, clock):
    """One due search and two listings that wait."""
    async with database.write("stock") as session:
        search = await add_search(session, clock.now(), "test", "shop", "pin", 24.0, 5)
        listings = [Listing("shop", str(number), f"https://s.example/{number}", "Pin") for number in (1, 2)]
        recorded = await record_listings(session, listings, None, clock.now())
    return search.id, recorded.new


@pytest.fixture
def tasks(database, clock):
    def engine(work, lost):
        return LocalEngine(work, lost, 2)

    return Tasks(database, Crawler().crawl, Examiner().examine, Painter().draw, clock, engine, 3)


async def test_everything_due_is_queued_once_however_often_it_is_asked(tasks, stock):
    assert await tasks.enqueue_due() == 3
    assert await tasks.enqueue_due() == 3
    await tasks.engine.drain()
    assert sorted(tasks._examine.__self__.examined) == sorted(stock[1])
    assert tasks.engine.finished == {"crawl_search": 1, "examine_listing": 2}


async def test_what_a_search_finds_is_examined_in_the_same_run(tasks, stock):
    tasks._crawl.__self__.found = [77]
    await tasks.enqueue_due()
    await tasks.engine.drain()
    assert 77 in tasks._examine.__self__.examined


async def test_a_lost_examination_is_an_attempt_and_parked_with_its_reason_in_the_end(
    tasks, stock, database, clock, caplog
):
    caplog.set_level(logging.CRITICAL, "monitor.engines.local")
    tasks._examine.__self__.error = ZeroDivisionError("a fault of ours")
    for _ in range(3):
        await tasks.enqueue_due()
        await tasks.engine.drain()
        clock.advance(timedelta(days=1).total_seconds())
    async with database.read() as session:
        row = await get_listing(session, stock[1][0])
    assert (row.attempts, row.failure) == (3, "ZeroDivisionError: a fault of ours")
    tasks._examine.__self__.examined.clear()
    await tasks.enqueue_due()
    await tasks.engine.drain()
    assert tasks._examine.__self__.examined == []


async def test_a_lost_crawl_is_seen_in_the_list_and_tried_again_within_the_hour(tasks, stock, database, clock, caplog):
    caplog.set_level(logging.CRITICAL, "monitor.engines.local")
    tasks._crawl.__self__.error = ZeroDivisionError("a fault of ours")
    await tasks.enqueue_due()
    await tasks.engine.drain()
    async with database.read() as session:
        ((search, crawl),) = await list_searches(session)
    assert (crawl.outcome, crawl.reason) == ("failed", "ZeroDivisionError: a fault of ours")
    assert timedelta(0) < search.next_run_at - clock.now() <= timedelta(hours=1)


async def test_a_search_removed_while_it_waited_in_the_queue_is_no_fault(tasks, stock, database, clock):
    from storage.errors import NotFound

    tasks._crawl.__self__.error = NotFound("no search")
    await tasks.enqueue_due()
    await tasks.engine.drain()
    async with database.read() as session:
        assert (await get_search(session, stock[0])).next_run_at == clock.now()
        ((_, crawl),) = await list_searches(session)
    assert crawl is None


async def test_a_drawing_that_is_lost_is_left_to_the_export(tasks, database, clock, caplog, monkeypatch):
    caplog.set_level(logging.CRITICAL, "monitor.engines.local")
    noted = []

    async def due(_session):
        return [] if noted else [7]

    async def note(_session, complaint_id, at):
        noted.append((complaint_id, at))

    monkeypatch.setattr("monitor.tasks.due_drawings", due)
    monkeypatch.setattr("monitor.tasks.note_drawn", note)
    assert await tasks.enqueue_due() == 1
    await tasks.engine.drain()
    assert noted == [(7, clock.now())]
    assert await tasks.enqueue_due() == 0
