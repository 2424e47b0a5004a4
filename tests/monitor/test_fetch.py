"""What comes of a request when the other side misbehaves, when it wants to be left alone, and when all is well."""

import asyncio
import importlib.util
from datetime import UTC, timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import httpcore2
import pytest
import stamina
from sqlalchemy import event

from config.settings import FetchSettings
from detectors.model import Outcome
from monitor import fetch
from monitor.errors import FetchError, Offline
from monitor.fetch import Fetcher, user_agent
from monitor.gate import AddressRefused, Gate
from monitor.marketplaces.base import Request
from monitor.robots import LIMIT_BYTES, PRODUCT, read_robots
from storage.database import Database
from storage.hosts import find_host

_path = Path(__file__).parents[1] / "faults" / "server.py"
_spec = importlib.util.spec_from_file_location("fault_server", _path)
fault_server = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fault_server)
FaultServer, answer, http_date = fault_server.FaultServer, fault_server.answer, fault_server.http_date

BLOCKED, FAILED, GONE, LIMITED = Outcome.BLOCKED, Outcome.FAILED, Outcome.GONE, Outcome.RATE_LIMITED


@pytest.fixture(autouse=True)
def _no_waiting_between_retries():
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
async def server():
    async with FaultServer() as server:
        yield server


@pytest.fixture
async def other():
    async with FaultServer() as server:
        yield server


def _without_waiting_for_the_disk(connection, _):
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.close()


@pytest.fixture
async def store(sqlite_url):
    database = Database(sqlite_url)
    event.listen(database.engine.sync_engine, "connect", _without_waiting_for_the_disk)
    yield database
    await database.close()


@pytest.fixture
async def make(store, clock, server):
    made = []

    def build(own=(), gate=None, online=True, **changes):
        settings = FetchSettings(
            **{
                "contact": "owner@example.org",
                "own_addresses": (server.address, *own),
                "pace_s": 3.0,
                "own_pace_s": 0.0,
                "timeout_s": 0.5,
                "connect_timeout_s": 0.5,
                "max_bytes": 200_000,
                "max_decoded_bytes": 400_000,
                "max_redirects": 5,
                "retries": 2,
                "max_wait_s": 60.0,
                "respect_robots": True,
                "requests_per_day": 0,
                "proxy": "",
                **changes,
            }
        )
        made.append(Fetcher(settings, store, clock, gate=gate, has_network=lambda: online))
        return made[-1]

    yield build
    for fetcher in made:
        await fetcher.aclose()


async def host(store, key):
    async with store.read() as session:
        return await find_host(session, key)


# All is well


async def test_a_page_comes_with_its_bytes_and_where_they_came_from(make, server, clock):
    page = await make().get(Request(f"{server.url}/page?a=b#c", {"d": "e f"}, {"Accept-Language": "de"}))
    assert (page.outcome, page.status, page.body) == (None, 200, b"<html>a page</html>")
    assert (page.address, page.fetched_at, page.headers["content-type"]) == ("127.0.0.1", clock.now(), "text/html")
    path, headers, _ = server.requests[-1]
    assert (path, page.url) == ("/page?a=b&d=e+f", f"{server.url}/page?a=b&d=e+f")
    assert headers == {
        "host": server.address,
        "accept": "*/*",
        "accept-language": "de",
        "accept-encoding": "gzip, deflate",
        "user-agent": "Bazaarwatch/0.1 (+owner@example.org)",
    }


@pytest.mark.parametrize("how", ["gzip", "x-gzip", "deflate", "raw", "identity"])
async def test_a_packed_body_is_unpacked(make, server, how):
    page = await make().get(Request(f"{server.url}/packed?how={how}"))
    assert page.body == b"the unpacked body " * 100


async def test_an_empty_body_that_claims_to_be_packed_is_empty(make, server):
    assert (await make().get(Request(f"{server.url}/empty-gzip"))).body == b""


async def test_connections_are_used_again(make, server):
    fetcher = make()
    for _ in range(5):
        await fetcher.get(Request(f"{server.url}/page"))
    assert server.peak_open == 1


async def test_pictures_of_an_own_server_are_fetched_side_by_side(make, server):
    fetcher = make()
    pages = await asyncio.gather(*(fetcher.get(Request(f"{server.url}/page?n={n}")) for n in range(40)))
    assert [page.status for page in pages] == [200] * 40
    assert [path for path, _, _ in server.requests].count("/robots.txt") == 1
    assert 1 < server.peak_open <= 16


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


# Redirects


async def test_a_redirect_is_followed_to_the_page_it_names(make, server):
    page = await make().get(Request(f"{server.url}/redirect-chain?n=5"))
    assert (page.outcome, page.status, page.url) == (None, 200, f"{server.url}/redirect-chain?n=0")


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:22/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fc00::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://192.168.0.1/",
        "http://100.64.0.1/",
        "http://user@127.0.0.1/",
        "//127.0.0.1/",
        "/\\127.0.0.1/",
        "http:\\\\127.0.0.1/",
        "http://inside.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "data:text/html,x",
        "javascript:alert(1)",
        "http://8.8.8.8:8080/",
        "http://8.8.8.8:22/",
    ],
)
async def test_a_redirect_into_the_private_network_leads_nowhere(make, server, to):
    async def resolve(name):
        assert name == "inside.example"
        return ["127.0.0.1"]

    gate = Gate((server.address,), 1_000_000, resolve, Unreachable())
    page = await make(gate=gate).get(Request(f"{server.url}/redirect?to={quote(to, safe='')}"))
    assert (page.outcome, page.status) == (FAILED, 0)
    assert page.reason.startswith("redirect refused"), page.reason


class Unreachable(httpcore2.AsyncNetworkBackend):
    """Connects to loopback servers of tests by the real backend; anything else is a failure of the gate."""

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        assert (host, port > 1024) == ("127.0.0.1", True), f"the gate let {host}:{port} through"
        return await httpcore2.AnyIOBackend().connect_tcp(host, port, timeout)


class Canned(httpcore2.AsyncNetworkBackend):
    """Public hosts by their addresses: each connection reads the canned answers and notes what was written."""

    def __init__(self, answers):
        self.answers = answers
        self.written = []

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        return CannedStream(self, host)


class CannedStream(httpcore2.AsyncNetworkStream):
    def __init__(self, canned, host):
        self.canned, self.host, self.left = canned, host, []

    async def write(self, buffer, timeout=None):
        text = buffer.decode("latin-1")
        if text.startswith("GET"):
            path = text.split(" ")[1]
            self.canned.written.append((self.host, path, text))
            found = self.canned.answers.get((self.host, path), answer(b"", "404 Not Found"))
            self.left = [found]

    async def read(self, max_bytes, timeout=None):
        if self.left and isinstance(self.left[0], Exception):
            raise self.left.pop()
        return self.left.pop() if self.left else b""

    async def aclose(self):
        pass

    async def start_tls(self, ssl_context, server_hostname=None, timeout=None):
        return self


ADDRESSES = {"a.example": ["93.184.215.1"], "b.example": ["93.184.215.2"]}


def public_gate(answers, own=()):
    async def resolve(name):
        return ADDRESSES[name]

    canned = Canned({(ADDRESSES[name][0], path): value for (name, path), value in answers.items()})
    return Gate(own, 1_000_000, resolve, canned), canned.written


async def test_a_redirect_to_an_own_address_from_elsewhere_is_refused(make, server):
    away = {("a.example", "/"): answer(b"", "302 Found", f"Location: {server.url}/page")}
    gate, written = public_gate(away, own=(server.address,))
    page = await make(gate=gate).get(Request("http://a.example/"))
    assert (page.outcome, server.requests) == (FAILED, [])
    assert "operator's own" in page.reason
    assert len(written) == 2


async def test_a_redirect_to_another_origin_leaves_credentials_behind(make):
    away = {
        ("a.example", "/"): answer(b"", "302 Found", "Location: /second"),
        ("a.example", "/second"): answer(b"", "307 Found", "Location: https://b.example/third", "Set-Cookie: s=1"),
        ("b.example", "/third"): answer(b"page"),
    }
    gate, written = public_gate(away)
    secret = {"Authorization": "Bearer secret", "Cookie": "secret", "X-Api-Key": "secret", "Accept-Language": "de"}
    page = await make(gate=gate).get(Request("https://a.example/", headers=secret))
    assert page.body == b"page"
    sent = {path: text for _, path, text in written if path != "/robots.txt"}
    assert (sent["/"].count("secret"), sent["/second"].count("secret")) == (3, 3)
    assert "secret" not in sent["/third"]
    assert "s=1" not in sent["/third"]
    assert "accept-language: de" in sent["/third"]
    assert all("secret" not in text for _, path, text in written if path == "/robots.txt")


async def test_a_redirect_to_the_same_host_without_tls_leaves_credentials_behind(make):
    away = {("a.example", "/"): answer(b"", "302 Found", "Location: http://a.example/plain")}
    gate, written = public_gate(away)
    await make(gate=gate).get(Request("https://a.example/", headers={"Authorization": "secret"}))
    assert [text.count("secret") for _, path, text in written if path == "/plain"] == [0]


# Requests that must not be made


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://10.0.0.1/", "http://8.8.8.8:81/", "ftp://a.example/", "x"]
)
async def test_a_refused_address_is_the_callers_fault(make, url):
    with pytest.raises(AddressRefused):
        await make().get(Request(url))


async def test_a_name_that_leads_inside_is_the_callers_fault(make):
    async def resolve(_):
        return ["127.0.0.1"]

    with pytest.raises(AddressRefused, match="not public"):
        await make(gate=Gate((), 1000, resolve)).get(Request("http://inside.example/"))


@pytest.mark.parametrize("headers", [{"User-Agent": "x"}, {"Host": "x"}, {"Accept-Encoding": "br"}, {"X": "a\r\nb"}])
async def test_a_header_that_is_not_the_callers_to_set_is_refused(make, server, headers):
    with pytest.raises(FetchError):
        await make().get(Request(f"{server.url}/page", headers=headers))
    assert server.pages == []


@pytest.mark.parametrize("contact", ["", "  ", "a\nb", "ü@example.org", "x) (y"])
def test_without_a_usable_contact_nothing_starts(contact):
    with pytest.raises(FetchError, match=r"fetch\.contact"):
        user_agent(contact)


# It wants to be left alone


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
    assert fetch._pause_until(headers, clock.now()) == clock.now() + timedelta(seconds=wait_s)


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


# Pace


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


# robots.txt


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
async def test_robots_out_of_reach_let_no_page_be_asked_for(make, server, fault):
    server.robots = getattr(server, fault)
    page = await make().get(Request(f"{server.url}/page"))
    assert (page.outcome, page.status) == (FAILED, 0)
    assert "/page" not in server.pages


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
