"""Which search brought which listings, and which of them were confirmed."""

from datetime import timedelta

import pytest

from detectors.model import Outcome
from storage.keywords import confirmed_titles, keyword_yields
from storage.listings import record_listings
from storage.searches import add_capture, add_search, finish_crawl, get_search, open_crawl, remove_search
from storage.tables import Capture
from tests.storage.making import HOUR, NOW, SHA, add_a_work, add_alert_of, listing

PAGE = "https://bazaar.example/search"


class Story:
    """Pages of one marketplace, three seconds apart, and what came of the listings on them."""

    def __init__(self, database):
        self.database = database
        self.now = NOW - HOUR

    async def search(self, keyword):
        async with self.database.write("test") as session:
            return (await add_search(session, NOW, "mira", "bazaar", keyword, 24.0, 5)).id

    async def page(self, *numbers, search_id=None, how="fetched", outcome=Outcome.OK):
        """A page of a search, an import, or (``fetched`` without a search) an item's own page."""
        self.now += timedelta(seconds=3)
        async with self.database.write("test") as session:
            crawl = await open_crawl(session, await get_search(session, search_id), self.now) if search_id else None
            capture = Capture(marketplace="bazaar", url=PAGE, sha256=SHA, status=200, outcome="ok", how=how)
            capture.crawl_id, capture.captured_at = crawl.id if crawl else None, self.now
            await add_capture(session, capture)
            found = [listing(number) for number in numbers]
            recorded = await record_listings(session, found, capture.id, self.now + timedelta(seconds=1))
            if crawl:
                crawl.outcome, crawl.listings_new = outcome.value, len(recorded.new)
                await finish_crawl(session, crawl, self.now, None)

    async def alerts(self, **answers):
        """An alert on each listing, such as ``_7="infringing"``."""
        async with self.database.write("test") as session:
            work, reference = await add_a_work(session)
            for number, answer in answers.items():
                alert = await add_alert_of(session, work.id, reference.id, int(number[1:]))
                alert.answer = answer


@pytest.fixture
def story(database):
    return Story(database)


async def yields(database):
    async with database.read() as session:
        found = await keyword_yields(session)
        return {one.search.keyword: (one.runs, one.listings_new, one.alerted, one.confirmed) for one in found}


async def test_a_listing_counts_for_the_search_that_showed_it_first(story, database):
    moth, pin, idle = [await story.search(keyword) for keyword in ("moth", "pin", "idle")]
    await story.page(1, 2, search_id=moth)
    await story.page()  # an item's own page in between
    await story.page(2, 3, search_id=pin)
    await story.page(4, how="imported")
    await story.page(search_id=idle, outcome=Outcome.EMPTY)
    await story.page(search_id=idle, outcome=Outcome.BLOCKED)
    await story.alerts(_1="infringing", _2=None, _3="licensed", _4="infringing")
    assert await yields(database) == {"moth": (1, 2, 2, 1), "pin": (1, 1, 1, 0), "idle": (1, 0, 0, 0)}
    async with database.read() as session:
        assert await confirmed_titles(session) == [("bazaar", "Pin 1"), ("bazaar", "Pin 4")]


async def test_an_alert_that_is_kept_aside_and_a_search_that_is_gone_do_not_count(story, database):
    moth, gone = [await story.search(keyword) for keyword in ("moth", "gone")]
    await story.page(1, search_id=moth)
    async with database.write("test") as session:
        work, reference = await add_a_work(session)
        await add_alert_of(session, work.id, reference.id, 1, suppressed="an allowed seller")
        await remove_search(session, gone, NOW, "mira")
    assert await yields(database) == {"moth": (1, 1, 0, 0)}


async def test_a_listing_counts_for_its_own_page_though_another_searchs_page_came_in_between(story, database):
    moth, pin = [await story.search(keyword) for keyword in ("moth", "pin")]
    async with database.write("test") as session:
        pages = {}
        for seconds, search_id in enumerate((moth, pin)):
            at = NOW + timedelta(seconds=seconds)
            crawl = await open_crawl(session, await get_search(session, search_id), at)
            capture = Capture(marketplace="bazaar", url=PAGE, sha256=SHA, status=200, outcome="ok", how="fetched")
            capture.crawl_id, capture.captured_at = crawl.id, at
            pages[search_id] = (await add_capture(session, capture)).id
        await record_listings(session, [listing(1)], pages[moth], NOW + HOUR)
        await record_listings(session, [listing(1), listing(2)], pages[pin], NOW + 2 * HOUR)
    await story.alerts(_1=None, _2=None)
    found = await yields(database)
    assert {keyword: alerted for keyword, (_, _, alerted, _) in found.items()} == {"moth": 1, "pin": 1}
