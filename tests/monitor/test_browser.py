"""Rendering in a real Chromium: what a page's scripts may do, and everything that they may not reach."""

import asyncio
import os
import re
import shutil
import sys
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from config.errors import ConfigError
from config.settings import load
from detectors.model import Outcome
from monitor import browser
from monitor.browser import Renderer, make_renderer
from monitor.clock import SystemClock
from monitor.crawl import Crawler
from monitor.daemon import build
from monitor.fetch import Fetcher
from monitor.gate import Gate, read_url
from monitor.marketplaces import MARKETPLACES, parse
from monitor.marketplaces.base import Page, Request
from monitor.marketplaces.demo import DemoBazaar
from monitor.proxy import Proxy
from storage import hosts
from storage.database import Database
from storage.searches import add_search
from storage.tables import Capture, Crawl, Listing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="session")
def chromium():
    if not any(map(shutil.which, ("chromium", "chromium-browser"))):
        reason = "Chromium is not installed (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}; with CI=true that is a failure", pytrace=False)
        pytest.skip(reason)


class Shop:
    """A server of fixed answers by path; ``asked`` lists method, path and headers of each request."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    @property
    def paths(self):
        return [path for _, path, _ in self.asked]

    async def answer(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, path, _ = head.split("\r\n", 1)[0].split(" ")
            headers = {
                line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in head.split("\r\n")[1:]
            }
            self.asked.append((method, path, headers))
            given = self.answers.get(path, ("text/plain", None))
            kind, body, *more = given
            status = "404 Not Found" if body is None else "302 Found" if more else "200 OK"
            lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", *more]
            if isinstance(body, str):
                lines.append(f"Content-Length: {len(body.encode())}")
            writer.write("\r\n".join([*lines, "", ""]).encode() + (body.encode() if isinstance(body, str) else b""))
            while callable(body):
                writer.write(body())
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(answers):
    shop = Shop(answers)
    server = await asyncio.start_server(shop.answer, "127.0.0.1", 0)
    async with server:
        shop.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield shop


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, reached):
        self._reached = reached

    def datagram_received(self, data, address):
        self._reached.append(("udp", data))


@asynccontextmanager
async def forbidden():
    """A port that nothing may reach, by TCP over IPv4 and by UDP; gives its number and what reached it."""
    reached = []

    async def accept(reader, writer):
        reached.append(("tcp", await reader.read(200)))
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Datagrams(reached), local_addr=("127.0.0.1", port)
    )
    async with server:
        yield port, reached
    transport.close()


@pytest.fixture
def render(chromium, tmp_path, sqlite_url):
    """Fetches a page as the product does, then renders it."""

    async def rendering(shop, path="/", **limits):
        environ = {
            "BAZAARWATCH_FETCH__CONTACT": "test@example.org",
            "BAZAARWATCH_FETCH__OWN_ADDRESSES": f'["{shop.address}"]',
            **{f"BAZAARWATCH_BROWSER__{name.upper()}": str(value) for name, value in limits.items()},
        }
        settings, clock, database = load(tmp_path, environ), SystemClock(), Database(sqlite_url)
        fetcher = Fetcher(settings.fetch, database, clock)
        try:
            page = await fetcher.get(Request(f"http://{shop.address}{path}"))
            assert page.outcome is None, page
            return await make_renderer(settings.browser, settings.fetch, database, clock).render(page)
        finally:
            await fetcher.aclose()
            await database.close()

    return rendering


SHELL = """<!doctype html><title>Shop</title><div id="root"></div><script src="/app.js"></script>"""
APP = """fetch("/api/items").then((answer) => answer.json()).then((items) => {
  const cards = items.map(([id, title]) => `<article class="listing" data-id="${id}">
    <a class="title" href="/item/${id}">${title}</a><img src="/thumb/${id}.jpg"></article>`);
  document.getElementById("root").innerHTML =
    `<main data-bazaar="search" data-total="${items.length}">${cards.join("")}</main>`;
});"""


async def test_a_page_that_scripts_fill_is_read_as_they_fill_it(render):
    answers = {
        "/": ("text/html", SHELL),
        "/app.js": ("text/javascript", APP),
        "/api/items": ("application/json", '[[1, "Fox pin"], [2, "Owl pin £5"]]'),
    }
    async with serving(answers) as shop:
        assert parse(Page(f"http://{shop.address}/", SHELL.encode())).outcome is not Outcome.OK
        page = await render(shop)
    assert page.outcome is None
    parsed = parse(page)
    assert [one.title for one in parsed.listings] == ["Fox pin", "Owl pin £5"]
    assert page.screenshot is not None
    assert page.screenshot.startswith(b"\xff\xd8\xff"), "a JPEG of what was shown"
    assert shop.paths == ["/robots.txt", "/", "/app.js", "/api/items"], "the page once, and no picture"
    assert {headers["user-agent"] for _, _, headers in shop.asked} == {"Bazaarwatch/0.1 (+test@example.org)"}


ATTACK = """<!doctype html><title>Shop</title><p id="root">filled</p>
<link rel="preconnect" href="http://127.0.0.1:PORT"><link rel="prefetch" href="http://127.0.0.1:PORT/prefetch">
<link rel="stylesheet" href="http://127.0.0.1:PORT/style.css"><script src="http://127.0.0.1:PORT/app.js"></script>
<img src="http://127.0.0.1:PORT/picture.png"><iframe src="http://127.0.0.1:PORT/frame"></iframe>
<iframe src="file:///etc/passwd"></iframe><object data="http://127.0.0.1:PORT/object"></object>
<video src="http://127.0.0.1:PORT/film.mp4"></video>
<script>
const note = (what) => document.body.append(Object.assign(document.createElement("p"), { textContent: what }));
const hosts = ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0",
               "127.0.0.1.", "localhost.localdomain"];
for (const host of hosts) for (const scheme of ["http", "https"])
  fetch(`${scheme}://${host}:PORT/`, { mode: "no-cors" }).then(() => note("REACHED " + host), () => note("refused"));
for (const url of ["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://192.168.1.1/",
                   "http://[fe80::1]/", "http://[fd00::1]/", "file:///etc/passwd", "ftp://127.0.0.1:PORT/", "/away"])
  fetch(url).then((answer) => answer.text()).then((text) => note("REACHED " + text), () => note("refused"));
for (const url of ["ws://127.0.0.1:PORT/", "wss://127.0.0.1:PORT/", `ws://${location.host}/socket`])
  try { new WebSocket(url).onopen = () => note("REACHED socket"); } catch { note("refused"); }
try { navigator.sendBeacon("http://127.0.0.1:PORT/beacon", "x"); } catch {}
try { window.open("http://127.0.0.1:PORT/window"); } catch {}
const source = `
  fetch("http://127.0.0.1:PORT/worker").catch(() => 0);
  try { new WebSocket("ws://127.0.0.1:PORT/worker-socket"); } catch {}
  try { new WebSocket("ws://${location.host}/worker-socket"); } catch {}
  try { importScripts("http://127.0.0.1:PORT/import.js"); } catch {}`;
try { new Worker(URL.createObjectURL(new Blob([source]))); } catch {}
const frame = document.createElement("iframe");
document.body.append(frame);
for (const home of [window, frame.contentWindow]) try {
  const servers = ["stun:127.0.0.1:PORT", "turn:127.0.0.1:PORT?transport=udp", "turn:127.0.0.1:PORT?transport=tcp"];
  const peer = new home.RTCPeerConnection({
    iceServers: servers.map((urls) => ({ urls, username: "a", credential: "b" })) });
  peer.createDataChannel("x");
  peer.createOffer().then((offer) => peer.setLocalDescription(offer));
} catch { note("refused"); }
try { new frame.contentWindow.WebSocket("ws://127.0.0.1:PORT/"); } catch {}
try { new WebTransport("https://127.0.0.1:PORT/"); } catch {}
navigator.serviceWorker?.register("/worker.js").catch(() => 0);
setTimeout(() => { location.href = "http://127.0.0.1:PORT/gone"; }, 700);
</script>"""


@pytest.mark.parametrize(
    "only_the_proxy", [False, pytest.param(True, marks=pytest.mark.soak)], ids=["as it is", "proxy and switches alone"]
)
async def test_a_page_reaches_nothing_but_the_server_it_came_from(render, monkeypatch, only_the_proxy):
    if only_the_proxy:  # all that stands before the proxy is taken away

        async def yes(*_):
            return True

        every = {
            "script",
            "stylesheet",
            "xhr",
            "fetch",
            "image",
            "media",
            "font",
            "other",
            "ping",
            "websocket",
            "manifest",
        }
        monkeypatch.setattr(browser.Renderer, "_may_ask", yes)
        monkeypatch.setattr(browser, "_NEEDED", every)
        monkeypatch.setattr(browser, "_WITHOUT_SIDE_DOORS", "0")
    async with forbidden() as (port, reached):
        answers = {
            "/": ("text/html", ATTACK.replace("PORT", str(port))),
            "/away": ("text/plain", "", f"Location: http://127.0.0.1:{port}/redirected"),
        }
        async with serving(answers) as shop:
            page = await render(shop)
        assert reached == []
    assert page.outcome is None, page.reason
    assert b"filled" in page.body
    assert page.body.count(b"<p>refused</p>") > 20
    assert b"REACHED" not in page.body.partition(b"<script>")[0] + page.body.rpartition(b"</script>")[2]
    assert b"root:" not in page.body, "no local file was read"
    assert not [headers for _, _, headers in shop.asked if "upgrade" in headers]
    assert set(shop.paths) <= {"/robots.txt", "/", "/away"}


async def test_a_page_may_not_ask_for_what_robots_txt_forbids(render):
    page = """<script>for (const path of ["/open", "/private/x"])
      fetch(path).then((a) => a.text()).then((text) => document.body.append(text), () => document.body.append("no"));
      </script><body>"""
    answers = {
        "/": ("text/html", page),
        "/robots.txt": ("text/plain", "User-agent: *\nDisallow: /private"),
        "/open": ("text/plain", "opened"),
        "/private/x": ("text/plain", "secret"),
    }
    async with serving(answers) as shop:
        body = (await render(shop)).body
    assert "/open" in shop.paths
    assert "/private/x" not in shop.paths
    assert b"opened" in body
    assert b"secret" not in body


@pytest.mark.soak
async def test_a_page_of_another_server_does_not_reach_the_operators_own(render, chromium, tmp_path, sqlite_url):
    async with serving({"/data": ("text/plain", "own")}) as own, serving({}) as shop:
        shop.answers["/"] = ("text/html", f"<script>fetch('http://{own.address}/data', {{mode: 'no-cors'}})</script>x")
        environ = {
            "BAZAARWATCH_FETCH__CONTACT": "test@example.org",
            "BAZAARWATCH_FETCH__OWN_ADDRESSES": f'["{shop.address}", "{own.address}"]',
        }
        settings, database = load(tmp_path, environ), Database(sqlite_url)
        page = Page(f"http://{shop.address}/", shop.answers["/"][1].encode(), headers={"content-type": "text/html"})
        rendered = await make_renderer(settings.browser, settings.fetch, database, SystemClock()).render(page)
        await database.close()
    assert rendered.outcome is None
    assert own.asked == []


HOG = "for (;;) { keep.push(new Uint8Array(5e6).fill(1)); const end = Date.now() + 20; while (Date.now() < end); }"


@pytest.mark.soak
@pytest.mark.parametrize(
    ("script", "limits", "reason"),
    [
        ("while (true) {}", {"timeout_s": 4}, "longer than 4 s|gave up"),
        (HOG, {"memory_mb": 1100}, "1100 MB"),
        ("fetch('/endless').then((a) => a.text())", {"max_bytes": 2_000_000}, "2000000 bytes"),
        ("alert(1); confirm(2); print(); document.write('<p>written</p>')", {}, None),
    ],
    ids=["busy", "hungry", "endless", "talkative"],
)
async def test_no_page_takes_more_than_it_may(render, monkeypatch, script, limits, reason):
    pids = set()
    find = browser._pids

    async def remember(one):
        found = await find(one)
        pids.update(found)
        return found

    monkeypatch.setattr(browser, "_pids", remember)
    answers = {
        "/": ("text/html", f"<body>before<script>const keep = []; {script}</script>"),
        "/endless": ("text/plain", lambda: b"x" * 50_000),
    }
    async with serving(answers) as shop, asyncio.timeout(100):
        page = await render(shop, **limits)
    if reason is None:
        assert page.outcome is None, page.reason
        assert b"written" in page.body
    else:
        assert page.outcome is Outcome.FAILED
        assert re.search(reason, page.reason), page.reason
    assert pids
    if sys.platform == "linux":
        alive = [pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists() and b"chrom" in _command(pid)]
        assert alive == [], "every process of the browser has ended"


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


async def test_what_is_missing_is_said_before_anything_runs(tmp_path, chromium):
    for environ, words in (
        ({"BAZAARWATCH_BROWSER__PROGRAM": "/no/such/chromium"}, "apt-get install chromium"),
        ({"BAZAARWATCH_FETCH__PROXY": "http://proxy.example:3128"}, "fetch.proxy"),
    ):
        settings = load(tmp_path, environ)
        with pytest.raises(ConfigError, match=words):
            make_renderer(settings.browser, settings.fetch, None, SystemClock())


async def test_a_search_whose_pages_only_scripts_fill_is_rendered_once_and_kept_as_rendered(
    chromium, tmp_path, sqlite_url
):
    shell = SHELL.replace("/app.js", "/search.js")
    answers = {
        "/search?q=pin": ("text/html", shell),
        "/search.js": ("text/javascript", APP),
        "/api/items": ("application/json", '[[1, "Fox pin"], [2, "Owl pin"]]'),
    }
    async with serving(answers) as shop:
        environ = {
            "BAZAARWATCH_DATABASE__URL": sqlite_url,
            "BAZAARWATCH_FETCH__CONTACT": "test@example.org",
            "BAZAARWATCH_FETCH__OWN_ADDRESSES": f'["{shop.address}"]',
            "BAZAARWATCH_BROWSER__ENABLED": "true",
        }
        sites = {**MARKETPLACES, "demo-bazaar": DemoBazaar(base_url=f"http://{shop.address}")}
        async with build(load(tmp_path, environ), sites) as parts:
            async with parts.database.write("search") as session:
                search = await add_search(session, parts.clock.now(), "test", "demo-bazaar", "pin", 24.0, 3)
            await Crawler(parts.database, parts.reader, sites, parts.clock).crawl(search.id)
            async with parts.database.read() as session:
                crawl = await session.scalar(select(Crawl))
                capture = await session.scalar(select(Capture))
                titles = set(await session.scalars(select(Listing.title)))
            kept = await parts.blobs.get(capture.sha256)
    assert (crawl.outcome, crawl.pages, titles) == ("ok", 1, {"Fox pin", "Owl pin"})
    assert (capture.how, capture.outcome) == ("rendered", "ok")
    assert b"Owl pin" in kept
    assert shop.paths.count("/search?q=pin") == 1


async def test_what_a_pages_scripts_ask_for_is_counted_and_the_hosts_next_turn_waits(store, clock, tmp_path):
    settings = load(
        tmp_path, {"BAZAARWATCH_FETCH__CONTACT": "o@example.org", "BAZAARWATCH_FETCH__REQUESTS_PER_DAY": "60"}
    )
    renderer = Renderer(settings.browser, settings.fetch, store, clock, asyncio.Semaphore(1), "no browser is started")
    proxy = Proxy(Gate((), 1000), read_url("https://shop.example/"), 1000)

    async def ask(host, times):
        return [await renderer._may_ask(proxy, f"https://{host}/part{number}.js") for number in range(times)]

    assert await ask("shop.example", 20) == [True] * 20
    async with store.write("the next page's turn") as session:
        turn = await hosts.reserve(session, "shop.example:443", clock.now(), 3.0)
        assert turn - clock.now() == timedelta(seconds=60)
    assert await ask("shop.example", 50) == [True] * 40 + [False] * 10, "60 a day"
    async with store.write("a robots.txt that asks for ten seconds") as session:
        await hosts.save_robots(session, "slow.example:443", clock.now(), 200, b"User-agent: *\nCrawl-delay: 10\n")
    assert await ask("slow.example", 40) == [True] * 31 + [False] * 9, "not more than five minutes off"
    assert clock.slept == []
    own = Proxy(Gate(("127.0.0.1:80",), 1000), read_url("http://127.0.0.1/"), 1000)
    assert await renderer._may_ask(own, "http://127.0.0.1/a.js")
