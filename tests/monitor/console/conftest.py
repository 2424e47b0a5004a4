"""The endpoint over a data folder of its own, asked without a network."""

import httpx2
import pytest

from config.settings import load
from monitor.console.app import make_app
from monitor.daemon import build
from monitor.marketplaces import parse
from storage.tokens import add_token


@pytest.fixture
async def parts(tmp_path, sqlite_url, monkeypatch):
    """Wired parts whose pages are parsed in this process: the sandbox has tests of its own."""
    environ = {"BAZAARWATCH_DATABASE__URL": sqlite_url, "BAZAARWATCH_CONSOLE__MAX_BYTES": "3000000"}
    async with build(load(tmp_path, environ)) as parts:

        async def parse_here(page, marketplace):
            return parse(page, marketplace)

        monkeypatch.setattr(parts.sandbox, "parse", parse_here)
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
async def client(parts, queued):
    async def examine(listing_keys):
        queued.extend(listing_keys)

    transport = httpx2.ASGITransport(make_app(parts, examine), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8741") as client:
        yield client
