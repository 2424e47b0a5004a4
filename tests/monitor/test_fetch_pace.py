"""How far apart requests to one host are."""

import asyncio
from datetime import timedelta
from itertools import pairwise

from detectors.model import Outcome
from monitor.marketplaces.base import Request
from tests.faults.server import answer
from tests.monitor.fetching import public_gate

BLOCKED, FAILED, GONE, LIMITED = Outcome.BLOCKED, Outcome.FAILED, Outcome.GONE, Outcome.RATE_LIMITED


async def test_requests_to_a_host_are_a_pace_apart_across_fetchers(make, clock):
    gate, _ = public_gate({("a.example", "/"): answer(b"page")})
    fetchers = [make(gate=gate), make(gate=gate)]
    times = []
    for number in range(6):
        await fetchers[number % 2].get(Request("http://a.example/"))
        times.append(clock.monotonic())
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert all(3.0 <= gap <= 3.6 for gap in gaps), gaps


async def test_a_marketplace_may_want_a_slower_pace_than_the_settings(make, clock):
    gate, _ = public_gate({})
    fetcher = make(gate=gate)
    for _ in range(2):
        await fetcher.get(Request("http://a.example/"), pace_s=20.0)
    assert len(clock.slept) == 2
    assert all(20 <= slept <= 24 for slept in clock.slept)


async def test_a_turn_that_is_too_far_off_is_not_waited_for(make, clock):
    gate, written = public_gate({})
    fetcher = make(gate=gate, respect_robots=False)
    pages = [await fetcher.get(Request("http://a.example/"), pace_s=100.0) for _ in range(2)]
    assert [page.outcome for page in pages] == [GONE, LIMITED]
    assert pages[1].retry_at >= clock.now() + timedelta(seconds=100)
    assert (clock.slept, len(written)) == ([], 1)


async def test_own_servers_have_a_pace_of_their_own(make, server, clock):
    fetcher = make(own_pace_s=1.0)
    for _ in range(2):
        await fetcher.get(Request(f"{server.url}/page"), pace_s=50.0)
    assert len(clock.slept) == 2
    assert all(1.0 <= slept <= 1.2 for slept in clock.slept)


async def test_a_host_has_one_connection_at_a_time(make, server):
    fetcher = make(own_pace_s=0.01)
    await asyncio.gather(*(fetcher.get(Request(f"{server.url}/page?n={n}")) for n in range(10)))
    assert server.peak_open == 1
