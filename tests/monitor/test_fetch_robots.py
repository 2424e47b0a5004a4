"""robots.txt is read first and kept to."""

from datetime import timedelta

import pytest

from detectors.model import Outcome
from monitor.marketplaces.base import Request
from monitor.robots import LIMIT_BYTES, PRODUCT, read_robots
from tests.faults.server import answer

BLOCKED, FAILED, GONE, LIMITED = Outcome.BLOCKED, Outcome.FAILED, Outcome.GONE, Outcome.RATE_LIMITED


async def test_robots_are_read_first_and_once_a_day(make, server, clock):
    server.robots = answer(b"User-agent: *\nDisallow: /trap")
    for _ in range(2):
        fetcher = make()
        assert (await fetcher.get(Request(f"{server.url}/page"))).outcome is None
        trap = await fetcher.get(Request(f"{server.url}/trap/x?y"))
        assert (trap.outcome, trap.reason) == (BLOCKED, "robots.txt disallows it")
    asked = [path for path, _, _ in server.requests]
    assert asked == ["/robots.txt", "/page", "/page"]
    clock.advance(86401)
    await fetcher.get(Request(f"{server.url}/page"))
    assert [path for path, _, _ in server.requests].count("/robots.txt") == 2


async def test_a_disallowed_page_does_not_close_the_host(make, server):
    server.robots = answer(b"User-agent: Bazaarwatch\nDisallow: /trap\n\nUser-agent: *\nDisallow: /")
    fetcher = make()
    assert (await fetcher.get(Request(f"{server.url}/trap"))).outcome == BLOCKED
    assert (await fetcher.get(Request(f"{server.url}/page"))).outcome is None


async def test_robots_that_fail_forbid_everything_for_a_while(make, server, clock):
    server.robots = answer(b"", "500 Oops")
    fetcher = make()
    page = await fetcher.get(Request(f"{server.url}/page"))
    assert (page.outcome, server.pages, len(server.requests)) == (BLOCKED, [], 3)
    assert page.retry_at == clock.now() + timedelta(minutes=10)
    await fetcher.get(Request(f"{server.url}/page"))
    assert len(server.requests) == 3
    server.robots = answer(b"", "404 Not Found")
    clock.advance(601)
    assert (await fetcher.get(Request(f"{server.url}/page"))).outcome is None


@pytest.mark.parametrize("fault", ["hang", "short", "redirect_loop", "gzip_bomb"])
async def test_robots_out_of_reach_let_no_page_be_asked_for_and_are_left_alone_for_a_minute(make, server, clock, fault):
    server.robots = getattr(server, fault)
    fetcher = make()
    page = await fetcher.get(Request(f"{server.url}/page"))
    assert (page.outcome, page.status) == (FAILED, 0)
    asked = len(server.requests)
    again = await fetcher.get(Request(f"{server.url}/page"))
    assert (again.outcome, again.reason, len(server.requests)) == (FAILED, page.reason, asked)
    assert "/page" not in server.pages
    server.robots = answer(b"", "404 Not Found")
    clock.advance(61)
    assert (await fetcher.get(Request(f"{server.url}/page"))).outcome is None


async def test_a_redirected_robots_file_counts(make, server):
    server.robots = answer(b"", "301 Moved", "Location: /packed?how=gzip")
    assert (await make().get(Request(f"{server.url}/page"))).outcome is None
    assert server.pages == ["/packed?how=gzip", "/page"]


async def test_a_redirect_is_judged_by_the_robots_of_where_it_leads(make, server, other):
    other.robots = answer(b"User-agent: *\nDisallow: /page")
    fetcher = make(own=(other.address,))
    page = await fetcher.get(Request(f"{server.url}/redirect?to={other.url}/page"))
    assert (page.outcome, page.url, other.pages) == (BLOCKED, f"{other.url}/page", [])


async def test_a_crawl_delay_slower_than_the_pace_is_kept(make, server, clock):
    server.robots = answer(b"User-agent: *\nCrawl-delay: 10")
    fetcher = make()
    for _ in range(3):
        await fetcher.get(Request(f"{server.url}/page"))
    assert len(clock.slept) == 2
    assert all(10 <= slept <= 12 for slept in clock.slept)


async def test_robots_are_not_asked_for_where_the_operator_said_so(make, server):
    server.robots = answer(b"User-agent: *\nDisallow: /")
    assert (await make(respect_robots=False).get(Request(f"{server.url}/page"))).outcome is None
    assert server.pages == ["/page"] == [path for path, _, _ in server.requests]


async def test_an_enormous_robots_file_is_read_in_its_first_half_megabyte(make, server):
    rules = b"User-agent: *\nDisallow: /early\n" + b"# filling\n" * 60_000 + b"Disallow: /status\n" * 10_000
    server.robots = answer(rules)
    fetcher = make(max_bytes=10_000_000, max_decoded_bytes=10_000_000)
    assert (await fetcher.get(Request(f"{server.url}/early"))).outcome == BLOCKED
    assert (await fetcher.get(Request(f"{server.url}/status?code=404"))).outcome == GONE


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_a_site_without_robots_allows_everything(status):
    assert read_robots(status, b"User-agent: *\nDisallow: /").allows("https://a.example/x")


@pytest.mark.parametrize("status", [0, 429, 500, 503, 302])
def test_a_site_whose_robots_cannot_be_read_allows_nothing(status):
    assert not read_robots(status, b"").allows("https://a.example/x")


@pytest.mark.parametrize(
    ("text", "path", "allowed"),
    [
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b", True),
        ("User-agent: *\nDisallow: /*.pdf$", "/x.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/x.pdf?y", True),
        ("User-agent: bazaarwatch\nDisallow: /", "/x", False),
        ("User-agent: bazaar\nAllow: /\n\nUser-agent: *\nDisallow: /", "/x", True),
        ("User-agent: other\nDisallow: /", "/x", True),
        ("User-agent: other\nUser-agent: Bazaarwatch\nDisallow: /", "/x", False),
        ("User-agent: other\nDisallow: /\n\nUser-agent: third\nDisallow: /\n", "/x", True),
        ("\ufeffuser-AGENT : * # all\nDISALLOW: /", "/x", False),
        ("<html>not robots</html>", "/x", True),
        ("", "/x", True),
        ("User-agent: *\nDisallow:", "/x", True),
    ],
)
def test_robots_are_read_as_rfc_9309_says(text, path, allowed):
    assert read_robots(200, text.encode()).allows(f"https://a.example{path}") is allowed


def test_robots_with_many_agents_and_rules_are_read_in_reasonable_time():
    agents = "".join(f"User-agent: a{n}\nUser-agent: b{'*' * (n % 90)}\n" for n in range(5000))
    body = (agents + "Disallow: /x\n" * 9000).encode()
    assert len(body) < LIMIT_BYTES
    assert not read_robots(200, body).allows("https://a.example/x")


def test_an_absurd_crawl_delay_is_an_hour():
    assert read_robots(200, b"User-agent: *\nCrawl-delay: 1e9").crawl_delay_s == 3600
    assert read_robots(200, b"User-agent: *\nCrawl-delay: nan").crawl_delay_s == 0
    assert PRODUCT == "Bazaarwatch"
