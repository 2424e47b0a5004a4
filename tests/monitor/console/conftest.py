"""The console over a data folder of its own, asked without a network; what is in it is planted by `planting`."""

import httpx2
import pytest

from config.settings import load
from monitor.console.app import make_app
from monitor.console.passwords import hash_password
from monitor.daemon import build
from monitor.marketplaces import parse
from storage.tokens import add_token
from storage.users import add_user
from tests.monitor.console.planting import drawing, plant

BASE = "http://127.0.0.1:8741"
PASSWORD = "correct horse battery"
PICTURE = drawing(7)
HASHED = hash_password(PASSWORD)


@pytest.fixture
async def parts(tmp_path, sqlite_url, monkeypatch):
    """Wired parts that start no children: the sandbox has tests of its own."""
    environ = {"BAZAARWATCH_DATABASE__URL": sqlite_url, "BAZAARWATCH_CONSOLE__MAX_BYTES": "3000000"}
    async with build(load(tmp_path, environ)) as parts:

        async def parse_here(page, marketplace):
            return parse(page, marketplace)

        async def picture_here(*_):
            return PICTURE

        monkeypatch.setattr(parts.sandbox, "parse", parse_here)
        monkeypatch.setattr(parts.sandbox, "thumbnail", picture_here)
        monkeypatch.setattr(parts.sandbox, "comparison", picture_here)
        yield parts


@pytest.fixture
async def token(parts):
    async with parts.database.write("token") as session:
        return await add_token(session, parts.clock.now(), "anna", "anna's browser")


@pytest.fixture
def queued():
    """Row ids of the listings whose examination was asked for."""
    return []


@pytest.fixture
def app(parts, queued):
    async def examine(listing_keys):
        queued.extend(listing_keys)

    return make_app(parts, examine)


@pytest.fixture
async def client(app):
    """A program or browser that is not signed in."""
    async with browser(app) as client:
        yield client


def browser(app):
    """A browser of its own, which keeps its cookies and sends our origin."""
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url=BASE)


class Seat:
    """Somebody at a browser: follows links, sends forms as our pages do."""

    def __init__(self, client):
        self.client = client
        self.csrf = ""

    async def get(self, path, **named):
        answer = await self.client.get(path, **named)
        found = answer.text.partition('data-csrf="')[2].partition('"')[0]
        self.csrf = found or self.csrf
        return answer

    async def post(self, path, data=None, **named):
        headers = {"origin": BASE, **named.pop("headers", {})}
        return await self.client.post(path, data={"csrf": self.csrf, **(data or {})}, headers=headers, **named)

    async def sign_in(self, name, password=PASSWORD, code=""):
        form = {"name": name, "password": password, "code": code, "next": "/account"}
        answer = await self.client.post("/login", data=form, headers={"origin": BASE})
        if answer.status_code == 303:
            await self.get("/account")
        return answer


@pytest.fixture
async def seat(client):
    """The person at this machine, while nobody is registered."""
    seat = Seat(client)
    await seat.get("/login")
    await seat.get("/account")
    return seat


@pytest.fixture
async def seated(app, parts):
    """Make users, each at a browser of their own: `await seated(name, role, owners)`."""
    clients = []

    async def sit(name, role, owners=None):
        async with parts.database.write("user") as session:
            await add_user(session, parts.clock.now(), "test", name, role, HASHED, owners)
        client = browser(app)
        clients.append(client)
        seat = Seat(client)
        answer = await seat.sign_in(name)
        assert answer.status_code == 303, answer.text
        return seat

    yield sit
    for client in clients:
        await client.aclose()


@pytest.fixture
async def world(parts):
    """One rights holder with one work, six alerts on three pictures."""
    return await plant(parts, listings=6, clusters=3)
