"""A fetcher on a fault server: what every test of requests begins with."""

import httpcore2
import pytest
import stamina
from sqlalchemy import event

from config.settings import FetchSettings
from monitor.fetch import Fetcher
from monitor.gate import Gate
from storage.database import Database
from storage.hosts import find_host
from tests.faults.server import FaultServer, answer


@pytest.fixture
def no_waiting_between_retries():
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
async def server(no_waiting_between_retries):
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
