"""Requests that carry something, an explicit proxy, and pages that name what is the operator's own."""

import asyncio
import threading

import httpcore2
import pytest

from detectors.model import Outcome
from monitor.errors import FetchError
from monitor.gate import AddressRefused, Gate, SystemResolver
from monitor.marketplaces.base import Api, Request
from storage.tables import Host
from tests.faults.server import FaultServer, answer
from tests.monitor.crawling import crawling


@pytest.fixture
async def fetcher(store, clock, tmp_path, server):
    async with crawling(store, clock, tmp_path, [server.address], timeout_s=2) as world:
        yield world.fetcher


def post(url, **changes):
    return Request(url, method="POST", body=b'{"a":1}', headers={"content-type": "application/json"}, **changes)


# Requests that carry something


async def test_a_posted_body_arrives_as_it_was(fetcher, server):
    page = await fetcher.get(post(f"{server.url}/page"))
    assert (page.outcome, page.body) == (None, b"<html>a page</html>")
    assert (server.methods[-1], server.bodies[-1]) == ("POST", b'{"a":1}')
    _, headers, _ = server.requests[-1]
    assert (headers["content-length"], headers["content-type"]) == ("7", "application/json")


@pytest.mark.parametrize(("repeatable", "times"), [(True, 3), (False, 1)])
async def test_what_is_sent_is_sent_again_only_where_that_does_no_harm(fetcher, server, repeatable, times):
    page = await fetcher.get(post(f"{server.url}/status?code=500", repeatable=repeatable))
    assert (page.outcome, len(server.pages)) == (Outcome.FAILED, times)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_what_was_sent_is_not_sent_on_by_a_redirect(fetcher, server, code):
    page = await fetcher.get(post(f"{server.url}/status?code={code}&Location=/page"))
    assert (page.outcome, len(server.pages)) == (Outcome.FAILED, 1)
    assert "not sent elsewhere" in page.reason


async def test_a_refused_header_is_named_and_its_value_is_not_repeated(fetcher, server):
    for value in ("canary\r\nx", "canary\u20ac", "canary\0"):
        with pytest.raises(FetchError, match="x-api-key") as raised:
            await fetcher.get(Request(f"{server.url}/page", headers={"X-Api-Key": value}))
        assert "canary" not in str(raised.value)


async def test_a_key_that_is_refused_leaves_the_host_open(fetcher, server):
    api = Api("documented", 100)
    page = await fetcher.get(Request(f"{server.url}/status?code=401", api=api))
    assert (page.outcome, page.retry_at) == (Outcome.BLOCKED, None)
    assert (await fetcher.get(Request(f"{server.url}/page", api=api))).outcome is None
    assert (await fetcher.get(Request(f"{server.url}/status?code=403", api=api))).retry_at is not None


async def test_an_apis_terms_do_not_go_with_a_redirect_to_another_origin(store, clock, tmp_path, server):
    async with FaultServer() as other:
        other.robots = answer(b"User-agent: *\nDisallow: /")
        async with crawling(store, clock, tmp_path, [server.address, other.address]) as world:
            to = Request(f"{server.url}/redirect?to={other.url}/page", api=Api("documented", 100))
            page = await world.fetcher.get(to)
        assert (page.outcome, other.pages) == (Outcome.BLOCKED, [])


# Pages that name what is the operator's own


@pytest.mark.parametrize("referrer", ["https://foreign.example/item", "http://127.0.0.1:1/", ""])
async def test_a_page_from_elsewhere_leads_to_no_own_server(fetcher, server, referrer):
    with pytest.raises(AddressRefused, match="operator's own"):
        await fetcher.get(Request(f"{server.url}/page", referrer=referrer))
    assert server.requests == []


async def test_an_own_page_leads_to_what_it_names(fetcher, server):
    assert (await fetcher.get(Request(f"{server.url}/page", referrer=f"{server.url}/search"))).outcome is None


# A proxy


async def test_everything_but_own_servers_goes_through_the_proxy(store, clock, tmp_path, server):
    async with FaultServer() as proxy:
        secret = proxy.url.replace("//", "//user:canary@")
        async with crawling(store, clock, tmp_path, [server.address], proxy=secret) as world:
            page = await world.fetcher.get(Request("http://shop.example/page"))
            own = await world.fetcher.get(Request(f"{server.url}/page"))
    assert (page.body, page.address) == (b"<html>a page</html>", None)
    assert (own.body, own.address) == (b"<html>a page</html>", "127.0.0.1")
    paths = [path for path, _, _ in proxy.requests]
    assert paths == ["http://shop.example:80/robots.txt", "http://shop.example:80/page"]
    assert server.pages == ["/page"]
    assert all(headers["proxy-authorization"].startswith("Basic ") for _, headers, _ in proxy.requests)
    assert not any("proxy-authorization" in headers for _, headers, _ in server.requests)


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://[::1]/", "http://10.0.0.1/", "http://shop.example:81/"])
async def test_literal_addresses_are_checked_before_the_proxy_is_asked(store, clock, tmp_path, url):
    async with FaultServer() as proxy, crawling(store, clock, tmp_path, [], proxy=proxy.url) as world:
        with pytest.raises(AddressRefused):
            await world.fetcher.get(Request(url))
        away = Request(f"http://shop.example/redirect?to={url}")
        assert (await world.fetcher.get(away)).reason.startswith("redirect refused")
        assert url not in [path for path, _, _ in proxy.requests]


async def test_tls_is_asked_of_the_proxy_by_name(store, clock, tmp_path):
    async with FaultServer() as proxy:
        proxy.connect_status = "403 Forbidden"
        async with crawling(store, clock, tmp_path, [], proxy=proxy.url) as world:
            page = await world.fetcher.get(Request("https://shop.example/page"))
    assert page.outcome == Outcome.FAILED
    assert {(method, path) for method, (path, _, _) in zip(proxy.methods, proxy.requests, strict=True)} == {
        ("CONNECT", "shop.example:443")
    }


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "127.0.0.1:1", "http://canary@/", "http://a.example/path"])
async def test_a_proxy_that_is_none_is_refused_without_repeating_it(store, clock, tmp_path, proxy):
    with pytest.raises(FetchError, match=r"fetch\.proxy") as raised:
        async with crawling(store, clock, tmp_path, [], proxy=proxy):
            pass
    assert "canary" not in str(raised.value)


# Forerunners of an answer


async def test_endless_forerunners_end_after_a_quarter_of_a_megabyte(store, clock, tmp_path, server):
    async with crawling(store, clock, tmp_path, [server.address], max_bytes=100_000_000) as world:
        page = await world.fetcher.get(Request(f"{server.url}/endless-continue"))
    assert (page.outcome, page.reason) == (Outcome.FAILED, "the head takes more than 262144 bytes")


async def test_a_few_forerunners_and_a_large_body_do_no_harm(store, clock, tmp_path, server):
    body = bytes(1_000_000)
    server.early = lambda: b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" * 3 + answer(body)
    async with crawling(store, clock, tmp_path, [server.address]) as world:
        assert (await world.fetcher.get(Request(f"{server.url}/early"))).body == body


# Name lookups that hang


async def test_lookups_that_hang_keep_a_few_threads_and_harm_no_one_after():
    stuck, asked = threading.Event(), []

    def look_up(host):
        asked.append(host)
        if host != "good.example":
            assert stuck.wait(60)
        return [(None, None, None, "", ("93.184.215.14", 0))]

    resolve = SystemResolver(look_up)

    async def given_up(host):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await resolve(host)

    await asyncio.gather(*(given_up(f"bad{n % 20}.example") for n in range(100)))
    alive = [thread for thread in threading.enumerate() if thread.name.startswith("lookup ")]
    assert (len(alive), len(asked)) == (8, 8)
    stuck.set()
    assert await resolve("good.example") == ["93.184.215.14"]


async def test_one_lookup_serves_all_who_wait_for_the_name():
    asked = []

    def look_up(host):
        asked.append(host)
        if host == "none.example":
            raise OSError("Name or service not known")
        return [(None, None, None, "", ("93.184.215.14", 0))] * 2

    resolve = SystemResolver(look_up)
    assert await asyncio.gather(*(resolve("good.example") for _ in range(5))) == [["93.184.215.14"]] * 5
    with pytest.raises(OSError, match="not known"):
        await resolve("none.example")
    assert asked == ["good.example", "none.example"]


async def test_a_name_that_turns_inside_after_it_was_checked_is_not_reached():
    answers = iter([["93.184.215.14"], ["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["::ffff:127.0.0.1"]])
    reached = []

    async def rebinding(_):
        return next(answers)

    class Recording(httpcore2.AsyncNetworkBackend):
        async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
            reached.append(host)
            raise httpcore2.ConnectError("nobody there")

    gate = Gate((), 1000, rebinding, Recording())
    with pytest.raises(httpcore2.ConnectError):
        await gate.connect_tcp("rebinding.example", 80, 1.0)
    for _ in range(3):
        with pytest.raises(AddressRefused):
            await gate.connect_tcp("rebinding.example", 80, 1.0)
    assert reached == ["93.184.215.14"]


# A pace that learns


async def test_a_server_that_says_it_is_too_much_is_asked_more_slowly(store, clock, tmp_path, server):
    async with crawling(store, clock, tmp_path, [server.address], own_pace_s=2.0, retries=0) as world:
        await world.fetcher.get(Request(f"{server.url}/status?code=503"))
        before = len(clock.slept)
        for _ in range(2):
            assert (await world.fetcher.get(Request(f"{server.url}/page"))).outcome is None
    assert [slept > 2.4 for slept in clock.slept[before:]][-1]


async def test_a_server_that_answers_late_is_asked_no_faster_than_it_answers(store, clock, tmp_path, server):
    def late():
        clock.advance(9)
        return answer(b"at last")

    server.late = late
    async with crawling(store, clock, tmp_path, [server.address], own_pace_s=2.0) as world:
        for _ in range(3):
            await world.fetcher.get(Request(f"{server.url}/late"))
        assert (await world.rows(Host))[0].slow_s == 9
