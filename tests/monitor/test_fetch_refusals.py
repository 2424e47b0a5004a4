"""A host that wants to be left alone is left alone: pauses, refusals, walls."""

from datetime import UTC, timedelta
from urllib.parse import quote

import pytest

from detectors.model import Outcome
from monitor.errands import pause_until
from monitor.marketplaces.base import Request
from tests.faults.server import http_date
from tests.monitor.fetching import host

BLOCKED, FAILED, GONE, LIMITED = Outcome.BLOCKED, Outcome.FAILED, Outcome.GONE, Outcome.RATE_LIMITED


@pytest.mark.parametrize(
    ("wish", "wait_s"),
    [
        ("3", 3),
        ("0", 0),
        ("86400", 86400),
        (None, 60),
        ("1000000000000", 3600),
        ("9" * 400, 3600),
        ("-5", 3600),
        ("soon", 3600),
        ("²", 3600),
        ("Mon, 05 Jan 2026 09:10:00 GMT", 600),
        ("Mon, 05 Jan 2099 09:10:00 GMT", 3600),
        ("Mon, 05 Jan 2026 08:00:00 GMT", 3600),
        ("Mon, 99 Jan 2026 08:00:00 GMT", 3600),
    ],
)
def test_a_wished_pause_is_obeyed_unless_absurd(clock, wish, wait_s):
    headers = {} if wish is None else {"retry-after": wish}
    assert pause_until(headers, clock.now()) == clock.now() + timedelta(seconds=wait_s)


@pytest.mark.parametrize("code", [429, 503])
async def test_nothing_is_asked_of_a_host_before_its_pause_is_over(make, server, clock, store, code):
    fetcher = make()
    page = await fetcher.get(Request(f"{server.url}/status?code={code}&Retry_After=600"))
    assert (page.outcome, page.body, page.retry_at) == (LIMITED, b"the body", clock.now() + timedelta(seconds=600))
    for asker in (fetcher, make()):
        clock.advance(100)
        again = await asker.get(Request(f"{server.url}/page"))
        assert (again.outcome, again.retry_at, len(server.pages)) == (LIMITED, page.retry_at, 1)
    clock.advance(401)
    assert (await fetcher.get(Request(f"{server.url}/page"))).outcome is None


async def test_a_pause_by_date_is_obeyed(make, server, clock):
    at = quote(http_date((clock.now() + timedelta(seconds=600)).astimezone(UTC)))
    page = await make().get(Request(f"{server.url}/retry-date?at={at}"))
    assert (page.outcome, page.retry_at) == (LIMITED, clock.now() + timedelta(seconds=600))


@pytest.mark.parametrize("code", [401, 403, 451])
async def test_a_host_that_refuses_us_is_left_alone_ever_longer(make, server, clock, code):
    fetcher = make()
    for number, hours in enumerate([1, 2, 4, 8, 16, 24, 24], 1):
        page = await fetcher.get(Request(f"{server.url}/status?code={code}"))
        assert (page.outcome, page.body, page.retry_at) == (BLOCKED, b"the body", clock.now() + timedelta(hours=hours))
        assert (await fetcher.get(Request(f"{server.url}/page"))).outcome == BLOCKED
        assert len(server.pages) == number
        clock.advance(3600 * hours)


async def test_a_wall_that_the_classifier_found_closes_the_host_too(make, server, clock):
    fetcher = make()
    for outcome, hours in ((Outcome.BLOCKED, 1), (Outcome.LOGIN_REQUIRED, 2)):
        page = await fetcher.get(Request(f"{server.url}/page"))
        await fetcher.report(page, outcome)
        again = await fetcher.get(Request(f"{server.url}/page"))
        assert (again.outcome, again.retry_at) == (BLOCKED, clock.now() + timedelta(hours=hours))
        clock.advance(3600 * hours)


async def test_a_healthy_classification_or_a_known_outcome_closes_nothing(make, server):
    fetcher = make()
    await fetcher.report(await fetcher.get(Request(f"{server.url}/page")), Outcome.OK)
    await fetcher.report(await fetcher.get(Request(f"{server.url}/status?code=404")), Outcome.BLOCKED)
    assert (await fetcher.get(Request(f"{server.url}/page"))).outcome is None


async def test_what_a_clock_that_ran_ahead_wrote_binds_nobody(make, server, clock):
    clock.advance(30 * 86400)
    await make().get(Request(f"{server.url}/status?code=403"))
    clock.advance(-30 * 86400)
    assert (await make().get(Request(f"{server.url}/page"))).outcome is None
    assert [path for path, _, _ in server.requests].count("/robots.txt") == 2


@pytest.mark.parametrize("code", [404, 410])
async def test_what_is_gone_is_gone(make, server, code, store):
    page = await make().get(Request(f"{server.url}/status?code={code}"))
    assert (page.outcome, page.body, len(server.pages)) == (GONE, b"the body", 1)
    assert (await host(store, server.address)).healthy_at is not None


@pytest.mark.parametrize("code", [400, 406, 418])
async def test_other_answers_are_left_to_the_classifier(make, server, code):
    page = await make().get(Request(f"{server.url}/status?code={code}"))
    assert (page.outcome, page.status, page.body) == (None, code, b"the body")


@pytest.mark.parametrize("code", [401, 403, 451])
async def test_one_refused_picture_says_nothing_of_its_host_and_three_in_a_row_do(make, server, clock, code):
    fetcher = make()
    refused, fine = Request(f"{server.url}/status?code={code}", part=True), Request(f"{server.url}/page", part=True)
    for _ in range(2):
        for _ in range(2):
            page = await fetcher.get(refused)
            assert (page.outcome, page.retry_at) == (BLOCKED, clock.now() + timedelta(hours=1))
        assert (await fetcher.get(fine)).outcome is None, "a picture that comes starts the count anew"
    for _ in range(3):
        assert (await fetcher.get(refused)).outcome == BLOCKED
    asked = len(server.pages)
    assert (await fetcher.get(fine)).outcome == BLOCKED
    assert len(server.pages) == asked, "the host is left alone"


async def test_a_refused_page_closes_its_host_whatever_its_pictures_say(make, server):
    fetcher = make()
    assert (await fetcher.get(Request(f"{server.url}/page", part=True))).outcome is None
    assert (await fetcher.get(Request(f"{server.url}/status?code=403"))).outcome == BLOCKED
    assert (await fetcher.get(Request(f"{server.url}/page", part=True))).outcome == BLOCKED
