"""Whatever the other side does ends in a typed outcome, within its time and memory, and leads nowhere inside."""

import asyncio
import ipaddress
import resource
import socket
import sys
from urllib.parse import quote

import httpcore2
import pytest

from detectors.model import Outcome
from monitor.gate import Gate
from monitor.marketplaces.base import Request
from monitor.marketplaces.demo import DemoBazaar
from tests.faults.server import answer
from tests.monitor.crawling import crawling

pytestmark = pytest.mark.slow

BUDGET_S, BUDGET_BYTES = 30, 64 << 20
PER_UNIT = 1 if sys.platform == "darwin" else 1024

BLOCKED, FAILED, LIMITED, GONE = Outcome.BLOCKED, Outcome.FAILED, Outcome.RATE_LIMITED, Outcome.GONE

FAULTS = {
    "slow drip": ("/drip", FAILED),
    "slow drip of a head": ("/drip-head", FAILED),
    "no answer": ("/hang", FAILED),
    "no body": ("/hang-after-head", FAILED),
    "endless body": ("/endless", FAILED),
    "endless chunks": ("/endless-chunks", FAILED),
    "endless forerunners": ("/endless-continue", FAILED),
    "gzip bomb": ("/gzip-bomb", FAILED),
    "deflate bomb": ("/deflate-bomb", FAILED),
    "br bomb": ("/encoding?name=br", FAILED),
    "zstd bomb": ("/encoding?name=zstd", FAILED),
    "stacked encodings": ("/stacked-fields", FAILED),
    "lying encoding": ("/lying-gzip", FAILED),
    "10 MB head": ("/huge-head", FAILED),
    "many fields": ("/many-fields", FAILED),
    "too short": ("/short", FAILED),
    "too short chunk": ("/short-chunk", FAILED),
    "two lengths": ("/two-lengths", FAILED),
    "reset": ("/reset", FAILED),
    "closed": ("/close-at-once", FAILED),
    "no HTTP": ("/no-http", FAILED),
    "redirect loop": ("/redirect-loop", FAILED),
    "redirect to itself": ("/redirect-self", FAILED),
    "redirect chain": ("/redirect-chain?n=30", FAILED),
    "429": ("/status?code=429", LIMITED),
    "429 with a wish": ("/status?code=429&Retry_After=5", LIMITED),
    "503 with a wish": ("/status?code=503&Retry_After=5", LIMITED),
    "503": ("/status?code=503", FAILED),
    "403": ("/status?code=403", BLOCKED),
    "404": ("/status?code=404", GONE),
}

INSIDE = [
    *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.1.", "0"),
    *("localhost", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"),
    *("[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fe80::1]", "[fe80::1%25lo]", "[fc00::1]", "[ff02::1]"),
    *("10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255"),
    *("user@127.0.0.1", "１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "rebinding.example", "inside.example"),
]


@pytest.fixture(autouse=True)
def _within_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * PER_UNIT < BUDGET_BYTES


class OnlyTo(httpcore2.AsyncNetworkBackend):
    """Connects to one server; whatever else the gate lets through is written down and not connected to."""

    def __init__(self, address):
        self.address = address
        self.reached = []

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        if f"{host}:{port}" == self.address:
            return await httpcore2.AnyIOBackend().connect_tcp(host, port, timeout)
        self.reached.append(host)
        raise httpcore2.ConnectError("nobody there")


async def resolve(name):
    """Names of tests: one inside, one that alternates, none else."""
    if name == "rebinding.example":
        resolve.turn += 1
        return [("93.184.215.14", "127.0.0.1")[resolve.turn % 2]]
    if name in ("inside.example", "localhost"):
        return ["93.184.215.14", "127.0.0.1"]
    raise socket.gaierror("no such name")


resolve.turn = 0


@pytest.fixture
async def world(store, clock, tmp_path, server):
    gate = Gate([server.address], 10_000_000 + (64 << 10), resolve, OnlyTo(server.address))
    limits = {"timeout_s": 1.0, "max_bytes": 10_000_000}
    async with crawling(
        store, clock, tmp_path, [server.address], {"demo-bazaar": DemoBazaar()}, gate=gate, **limits
    ) as world:
        world.backend = gate._backend
        yield world
    assert [host for host in world.backend.reached if not ipaddress.ip_address(host).is_global] == []


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_ends_in_its_outcome_within_its_budget(world, server, fault):
    path, outcome = FAULTS[fault]
    async with asyncio.timeout(BUDGET_S):
        page = await world.fetcher.get(Request(f"{server.url}{path}"))
    assert page.outcome is outcome, page.reason
    assert page.reason


@pytest.mark.parametrize("host", INSIDE)
async def test_no_notation_of_a_private_address_is_reached_by_a_redirect(world, server, host):
    server.elsewhere = lambda: answer(b"", "302 Found", f"Location: http://{quote(host, safe='[]:@.%')}/page")
    for _ in range(2):
        async with asyncio.timeout(BUDGET_S):
            page = await world.fetcher.get(Request(f"{server.url}/elsewhere"))
        assert page.outcome is FAILED, page
    assert server.pages.count("/page") == 0


WALLS = {
    "captcha": b"<html><title>Security check</title><h1>Please verify you are a human</h1>"
    b'<p>Complete the captcha to continue.</p><form id="captcha-form"><div class="g-recaptcha"></div></form></html>',
    "punish": b"<html><title>Captcha Interception</title><script src=//x/_____tmd_____/punish></script></html>",
    "ebay": b"<html><title>Pardon Our Interruption...</title><p>splashui</p></html>",
    "cloudflare": b"<html><title>Attention Required! | Cloudflare</title><p class=cf-error-details>1020</p></html>",
}


@pytest.mark.parametrize("wall", WALLS)
async def test_a_wall_is_blocked_and_leaves_the_host_alone(world, server, wall):
    server.search = lambda **_: answer(WALLS[wall], "200 OK", "Content-Type: text/html")
    crawl = await world.crawl(await world.search("demo-bazaar", "pin", shop=server.url))
    assert (crawl.outcome, crawl.listings_seen) == (BLOCKED, 0), crawl.reason
    again = await world.fetcher.get(Request(f"{server.url}/page"))
    assert (again.outcome, server.pages) == (BLOCKED, ["/search?q=pin"])


CARD = '<article class="listing" data-id="1"><a class="title" href="/item/1">Müll 蛾 пин</a></article>'
PAGE = f'<html><head>%s</head><main data-bazaar="search" data-total="1">{CARD}</main></html>'
CHARSETS = [
    ("text/html; charset=utf-16", "", "utf-8"),
    ("text/html; charset=utf-8", "", "utf-16"),
    ("text/html; charset=utf-7", "", "utf-8"),
    ("text/html; charset=idna", "", "utf-8"),
    ("text/html; charset=base64", "", "utf-8"),
    ("text/html; charset=zlib_codec", "", "utf-8"),
    ("text/html; charset=" + "x" * 5000, "", "utf-8"),
    ("text/html", '<meta charset="unicode_escape">', "utf-8"),
    ("text/html", '<meta charset="gbk">', "utf-8"),
    ("text/html; charset=gbk", '<meta charset="utf-8">', "gb18030"),
    ("application/json", "", "utf-8"),
    ("image/png", "", "utf-8"),
]


@pytest.mark.parametrize(("declared", "meta", "actual"), CHARSETS)
async def test_a_lie_about_the_charset_ends_in_an_outcome(world, server, declared, meta, actual):
    body = (PAGE % meta).encode(actual)
    server.search = lambda **_: answer(body, "200 OK", f"Content-Type: {declared}")
    async with asyncio.timeout(BUDGET_S):
        crawl = await world.crawl(await world.search("demo-bazaar", "pin", shop=server.url))
    assert Outcome(crawl.outcome) in (Outcome.OK, Outcome.DRIFT), crawl.reason
    assert [one.listing_id for one in await world.listings()] == ["1"][: crawl.listings_seen]


async def test_pagination_without_end_ends(world, server):
    def search(q="", page="1"):
        cards = CARD.replace('data-id="1"', f'data-id="{page}"')
        link = f'<a rel="next" href="/search?q=pin&amp;page={int(page) + 1}">next</a>'
        return answer(f'<html><main data-bazaar="search" data-total="9">{cards}{link}</main></html>'.encode())

    server.search = search
    crawl = await world.crawl(await world.search("demo-bazaar", "pin", pages=20, shop=server.url))
    assert (crawl.outcome, crawl.pages, crawl.listings_seen) == (Outcome.OK, 20, 20)
