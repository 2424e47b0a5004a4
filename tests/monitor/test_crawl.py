"""Page after page of a search: where next leads, and where it must not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from detectors.model import Outcome
from monitor.marketplaces.base import Pace
from monitor.marketplaces.demo import DemoBazaar
from tests.faults.server import FaultServer, answer
from tests.monitor.crawling import crawling


def results(numbers, following=""):
    """A search page of the demo bazaar."""
    cards = "".join(
        f'<article class="listing" data-id="{n}"><a class="title" href="/item/{n}">Pin {n}</a></article>'
        for n in numbers
    )
    link = f'<a rel="next" href="{following}">next</a>' if following else ""
    page = f'<html><main data-bazaar="search" data-total="9">{cards}{link}</main></html>'
    return answer(page.encode(), "200 OK", "Content-Type: text/html; charset=utf-8")


@pytest.fixture
async def world(store, clock, tmp_path, server):
    site = {"demo-bazaar": DemoBazaar()}
    async with crawling(store, clock, tmp_path, [server.address], site) as world:
        yield world


async def crawl(world, server, pages=50):
    return await world.crawl(await world.search("demo-bazaar", "pin", pages, shop=server.url))


async def test_a_search_follows_its_pages_to_the_last(world, server):
    server.search = lambda q="", page="1": results([int(page)], f"?q=pin&page={int(page) + 1}" if page < "4" else "")
    done = await crawl(world, server)
    assert (done.outcome, done.pages, done.listings_seen) == (Outcome.OK, 4, 4)


async def test_a_search_stops_at_its_page_limit(world, server):
    server.search = lambda q="", page="1": results([int(page)], f"?q=pin&page={int(page) + 1}")
    assert (await crawl(world, server, pages=3)).pages == 3


@pytest.mark.parametrize("following", ["?q=pin", "?q=pin&page=1", "#top", "?q=pin&page=2"])
async def test_pages_in_a_circle_are_read_once_round(world, server, following):
    server.search = lambda q="", page="1": results([1, 2], following)
    done = await crawl(world, server)
    assert (done.outcome, done.listings_seen) == (Outcome.OK, 2 * done.pages)
    assert done.pages <= 2


async def test_pages_without_end_that_show_nothing_new_are_left(world, server):
    server.search = lambda q="", page="1": results([min(int(page), 3)], f"?q=pin&page={int(page) + 1}")
    done = await crawl(world, server)
    assert (done.outcome, done.pages, len(await world.listings())) == (Outcome.OK, 4, 3)


async def test_a_next_page_on_another_site_is_not_asked(world, server):
    async with FaultServer() as other:
        server.search = lambda **_: results([1], f"{other.url}/search?page=2")
        done = await crawl(world, server)
        assert (done.outcome, done.pages, other.requests) == (Outcome.OK, 1, [])


@pytest.mark.parametrize("scheme", ["file:///etc/passwd", "http://[::1", "//user@127.0.0.1/", "javascript:alert(1)"])
async def test_a_next_page_that_is_no_page_is_not_asked(world, server, scheme):
    server.search = lambda **_: results([1], scheme)
    assert (await crawl(world, server)).pages == 1


async def test_a_sellers_offers_are_looked_through(world, server):
    pages = {"/seller/s1": results([4, 5])}
    server.page = lambda **_: pages[server.pages[-1]]
    setattr(server, "seller/s1", server.page)
    done = await world.crawl(await world.search("demo-bazaar", seller="s1", shop=server.url))
    assert (done.outcome, done.listings_seen, server.pages) == (Outcome.OK, 2, ["/seller/s1"])


async def test_a_search_that_the_site_cannot_do_any_more_says_what_it_needs(world, server):
    done = await world.crawl(await world.search("etsy", "moth"))
    assert (done.outcome, done.pages) == (Outcome.NEEDS_RENDERING, 0)
    assert "marketplaces.etsy.keystring" in done.reason


async def test_a_crawl_goes_on_where_it_was_stopped_and_asks_alike(world, server):
    server.search = lambda q="", page="1": results([int(page)], f"?q=pin&page={int(page) + 1}" if page < "3" else "")
    search_id = await world.search("demo-bazaar", "pin", shop=server.url)
    record, left = type(world.crawler)._record, [2]

    async def stopping(self, run, request, reading):
        left[0] -= 1
        if not left[0]:
            raise KeyError("stopped")
        return await record(self, run, request, reading)

    type(world.crawler)._record = stopping
    try:
        with pytest.raises(KeyError):
            await world.crawler.crawl(search_id)
    finally:
        type(world.crawler)._record = record
    done = await world.crawl(search_id)
    assert (done.outcome, done.pages, done.listings_seen) == (Outcome.OK, 3, 3)
    assert server.pages.count("/search?q=pin") == 1


async def test_a_search_goes_on_at_the_page_that_failed(world, server, clock):
    failing = {"3"}

    def search(q="", page="1"):
        if page in failing:
            return answer(b"", "500 Oops")
        return results([int(page)], f"?q=pin&page={int(page) + 1}" if page < "5" else "")

    server.search = search
    search_id = await world.search("demo-bazaar", "pin", shop=server.url)
    first = await world.crawl(search_id)
    assert (first.outcome, first.listings_seen, await world.next_run(search_id) - clock.now()) == (
        Outcome.FAILED,
        2,
        timedelta(hours=1),
    )
    clock.advance(3600)
    failing.clear()
    second = await world.crawl(search_id)
    assert (second.outcome, second.pages, second.listings_seen) == (Outcome.OK, 5, 3)
    assert server.pages.count("/search?q=pin") == 1
    assert (await world.crawl(search_id)).listings_seen == 5


async def test_a_page_that_always_fails_does_not_keep_a_search_from_its_first_page(world, server, clock):
    def search(q="", page="1"):
        return results([1], "?q=pin&page=2") if page == "1" else answer(b"", "500 Oops")

    server.search = search
    search_id = await world.search("demo-bazaar", "pin", shop=server.url)
    seen = []
    for _ in range(4):
        seen.append((await world.crawl(search_id)).listings_seen)
        clock.advance(3600)
    assert seen == [1, 0, 1, 0]


async def test_a_search_goes_on_at_the_page_that_a_wall_stood_before_once_its_host_may_be_asked(world, server, clock):
    walled = {"3"}
    wall = answer(b"<title>Access denied</title>Denied", "403 Forbidden")

    def search(q="", page="1"):
        return wall if page in walled else results([int(page)], f"?q=pin&page={int(page) + 1}" if page < "5" else "")

    server.search = search
    search_id = await world.search("demo-bazaar", "pin", shop=server.url)
    first = await world.crawl(search_id)
    assert (first.outcome, first.listings_seen) == (Outcome.BLOCKED, 2)
    pause = await world.next_run(search_id) - clock.now()
    assert pause == timedelta(hours=1)
    walled.clear()
    clock.advance(pause.total_seconds())
    second = await world.crawl(search_id)
    assert (second.outcome, second.pages, second.listings_seen) == (Outcome.OK, 5, 3)
    assert server.pages.count("/search?q=pin") == 1


async def test_a_search_whose_host_is_left_alone_keeps_its_place(world, server, clock):
    walled = {"2"}
    wall = answer(b"<title>Access denied</title>Denied", "403 Forbidden")

    def search(q="", page="1"):
        return wall if page in walled else results([int(page)], "?q=pin&page=2" if page == "1" else "")

    server.search = search
    search_id = await world.search("demo-bazaar", "pin", shop=server.url)
    assert (await world.crawl(search_id)).listings_seen == 1
    clock.advance(1800)
    refused = await world.crawl(search_id)
    assert (refused.outcome, refused.listings_seen, len(server.pages)) == (Outcome.BLOCKED, 0, 2)
    walled.clear()
    clock.advance(1800)
    assert (await world.crawl(search_id)).listings_seen == 1
    assert server.pages[-1] == "/search?q=pin&page=2"


async def test_a_page_that_may_not_be_asked_is_not_where_a_search_goes_on(world, server, clock):
    server.robots = answer(b"User-agent: *\nDisallow: /search?q=pin&page=")
    server.search = lambda **_: results([1], "/search?q=pin&page=2")
    search_id = await world.search("demo-bazaar", "pin", shop=server.url)
    for _ in range(2):
        done = await world.crawl(search_id)
        assert (done.outcome, done.listings_seen) == (Outcome.BLOCKED, 1)
        assert await world.next_run(search_id) - clock.now() == timedelta(hours=24)
        clock.advance(24 * 3600)


async def test_a_search_that_broke_off_long_ago_begins_anew(world, server, clock):
    server.search = lambda q="", page="1": results([1], "?q=pin&page=2") if page == "1" else answer(b"", "500 Oops")
    search_id = await world.search("demo-bazaar", "pin", shop=server.url)
    for _ in range(2):
        assert (await world.crawl(search_id)).listings_seen == 1
        clock.advance(31 * 3600)


async def test_a_marketplaces_daily_budget_ends_a_search(world, server, clock):
    bazaar = world.crawler.marketplaces["demo-bazaar"]
    world.crawler.marketplaces["demo-bazaar"] = replace(bazaar, pace=Pace(requests_per_day=2))
    server.search = lambda q="", page="1": results([int(page)], f"?q=pin&page={int(page) + 1}")
    done = await crawl(world, server)
    assert (done.outcome, done.listings_seen) == (Outcome.RATE_LIMITED, 2)
    assert "2 requests of 24 hours" in done.reason
