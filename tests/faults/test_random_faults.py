"""A demo bazaar of which almost a third of all answers goes wrong: what it served is kept, once, and none is missed."""

from datetime import timedelta

import pytest

from detectors.model import Listing, Outcome
from monitor.demo.catalogue import KEYWORDS, make_catalogue
from monitor.demo.faults import FaultPlan
from monitor.demo.server import demo_server
from monitor.marketplaces.demo import DemoBazaar
from tests.monitor.crawling import crawling

MOST_ROUNDS = 400
SOAK = pytest.mark.soak
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_waiting_between_retries")]


async def run_when_due(world, search_ids, clock, wanted):
    """Days of running every search when it is due, until all that is wanted was found; how many runs that took."""
    for number in range(MOST_ROUNDS):
        due = min([(await world.next_run(search_id), search_id) for search_id in search_ids])
        clock.advance(max(0.0, (due[0] - clock.now()).total_seconds()))
        await world.crawl(due[1])
        if len(await world.listings()) == wanted:
            return number + 1
    raise AssertionError(f"{len(await world.listings())} of {wanted} listings after {MOST_ROUNDS} runs")


async def read_own_page(world, site, row, clock):
    """The item's own page, asked for until it comes."""
    known = Listing(row.marketplace, row.listing_id, row.url, row.title)
    for _ in range(50):
        reading = await world.crawler.reader.read(site.listing_request(known), site.name)
        if reading.parsed.outcome is Outcome.OK:
            return reading.parsed.listings
        assert reading.parsed.outcome is not Outcome.GONE
        again = reading.page.retry_at or clock.now() + timedelta(hours=1)
        clock.advance(max(0.0, (again - clock.now()).total_seconds()))
    raise AssertionError(f"{row.url} never came")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("seed", "size"), [(1, 40), (2, 40), *(pytest.param(seed, 2000, marks=SOAK) for seed in range(1, 21))]
)
async def test_with_faults_in_almost_a_third_of_all_answers_everything_is_kept_once(store, clock, tmp_path, seed, size):
    catalogue = make_catalogue(seed, works=3, listings=size, sellers=9)
    faults = FaultPlan(0.3, seed=seed, hang_s=0.01)  # slower than that is another test's
    async with demo_server(catalogue, faults=faults) as bazaar:
        site = DemoBazaar(base_url=bazaar.base_url)
        own = [bazaar.base_url.removeprefix("http://")]
        async with crawling(store, clock, tmp_path, own, {site.name: site}) as world:
            search_ids = [await world.search(site.name, keyword, pages=100) for keyword in KEYWORDS]
            runs = await run_when_due(world, search_ids, clock, wanted=size)
            rows = await world.listings()
            assert sorted(row.listing_id for row in rows) == sorted(one.listing_id for one in catalogue.listings)
            truth = {one.listing_id: (one.title, one.price, one.currency) for one in catalogue.listings}
            assert {row.listing_id: (row.title, row.price, row.currency) for row in rows} == truth
            for row in rows:
                (own_page,) = await read_own_page(world, site, row, clock)
                assert (own_page.listing_id, own_page.title) == (row.listing_id, row.title)
            outcomes = {capture.outcome for capture in await world.captures()}
    assert runs > len(KEYWORDS)
    assert Outcome.GONE not in outcomes
    assert outcomes - {Outcome.OK}, "nothing went wrong: no faults were tried"
