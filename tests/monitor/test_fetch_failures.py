"""What comes of a request when the other side misbehaves, or there is no network."""

import httpcore2
import pytest

from detectors.model import Outcome
from monitor.errors import Offline
from monitor.gate import Gate
from monitor.marketplaces.base import Request
from tests.monitor.fetching import host

BLOCKED, FAILED, GONE, LIMITED = Outcome.BLOCKED, Outcome.FAILED, Outcome.GONE, Outcome.RATE_LIMITED


# The other side misbehaves


LATE = "no complete answer"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("hang", LATE),
        ("hang-after-head", LATE),
        ("drip", LATE),
        ("drip-head", LATE),
        ("endless", "265536 bytes"),
        ("endless-chunks", "bytes"),
        ("endless-continue", "bytes"),
        ("huge-head", "too long"),
        ("big-head", "head takes"),
        ("many-fields", "too long"),
        ("reset", "complete message|ReadError"),
        ("close-at-once", "disconnected|ReadError"),
        ("short", "complete message"),
        ("short-chunk", "incomplete chunked"),
        ("bad-chunk", "illegal chunk"),
        ("two-lengths", "Content-Length"),
        ("no-http", "illegal status line"),
        ("bad-field", "illegal header"),
        ("encoding?name=br", "'br'"),
        ("encoding?name=zstd", "'zstd'"),
        ("encoding?name=gzip,gzip", "gzip,gzip"),
        ("encoding?name=gzip,deflate,gzip", "packed as"),
        ("stacked-fields", "gzip, gzip"),
        ("lying-gzip", "broken"),
        ("cut-gzip", "too early"),
        ("gzip-bomb", "400000 bytes"),
        ("deflate-bomb", "400000 bytes"),
        ("status?code=500", "status 500"),
        ("status?code=503", "status 503"),
        ("status?code=600", "status 600"),
        ("status?code=304", "status 304"),
        ("redirect-without-location", "redirects to itself"),
        ("redirect-self", "redirects to itself"),
        ("redirect-loop", "more than 5"),
        ("redirect-chain?n=6", "more than 5"),
    ],
)
async def test_a_broken_answer_is_a_failed_page(make, server, path, reason):
    fetcher = make(timeout_s=0.2 if reason == LATE else 20)
    page = await fetcher.get(Request(f"{server.url}/{path}"))
    assert page.outcome == FAILED, page
    assert any(part in page.reason for part in reason.split("|")), page.reason


async def test_a_server_that_is_not_there_is_a_failed_page(make, server):
    address = server.address
    fetcher = make()
    await server.__aexit__()
    page = await fetcher.get(Request(f"http://{address}/page"))
    assert (page.outcome, page.status) == (FAILED, 0)


async def test_a_failure_that_may_pass_is_tried_again(make, server):
    page = await make().get(Request(f"{server.url}/flaky"))
    assert (page.outcome, page.status, server.pages) == (None, 200, ["/flaky"] * 3)


@pytest.mark.parametrize(("path", "times"), [("status?code=500", 3), ("lying-gzip", 1), ("hang", 1), ("short", 3)])
async def test_a_failure_is_tried_again_only_where_that_may_help(make, server, path, times):
    await make().get(Request(f"{server.url}/{path}"))
    assert len(server.pages) == times


async def test_a_server_error_keeps_its_body(make, server):
    page = await make().get(Request(f"{server.url}/status?code=502"))
    assert (page.outcome, page.status, page.body) == (FAILED, 502, b"the body")


async def test_a_failure_is_remembered_with_the_host(make, server, store):
    await make().get(Request(f"{server.url}/short"))
    row = await host(store, server.address)
    assert (row.outcome, row.healthy_at, row.blocked_until) == ("failed", None, None)


# No network


@pytest.mark.parametrize("fault", [OSError("Temporary failure in name resolution"), None])
async def test_without_network_no_retry_is_spent_and_no_host_is_blamed(make, store, clock, fault):
    asked = []

    async def resolve(name):
        asked.append(name)
        if fault:
            raise fault
        return ["93.184.215.1"]

    class NoRoute(httpcore2.AsyncNetworkBackend):
        async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
            raise httpcore2.ConnectError("Network is unreachable")

    fetcher = make(gate=Gate((), 1000, resolve, NoRoute()), online=False)
    with pytest.raises(Offline) as raised:
        await fetcher.get(Request("http://a.example/"))
    assert raised.value.retry_at > clock.now()
    assert len(asked) == 1
    row = await host(store, "a.example:80")
    assert (row.outcome, row.blocked_until, row.robots_status) == (None, None, None)


async def test_a_name_that_does_not_exist_is_a_failed_page_while_there_is_a_network(make):
    async def resolve(_):
        raise OSError("Name or service not known")

    page = await make(gate=Gate((), 1000, resolve)).get(Request("http://a.example/"))
    assert page.outcome == FAILED


async def test_an_own_server_that_is_down_is_no_sign_of_a_missing_network(make, server):
    fetcher = make(online=False)
    await server.__aexit__()
    assert (await fetcher.get(Request(f"{server.url}/page"))).outcome == FAILED
