"""One's own shop, taken in from the console."""

import asyncio
import contextlib

from monitor.console.app import make_app
from storage.works import list_works
from tests.monitor.console.conftest import Seat, browser
from tests.monitor.registry.test_ownshop import Shop, _quick, at_the_desk

__all__ = ["_quick"]  # applied to the tests here


async def no_examination(_):
    pass


@contextlib.asynccontextmanager
async def console_of(shop, sqlite_url, tmp_path, clock):
    """A console beside a shop: (parts, what its page says after an address was read, the person at it)."""
    async with at_the_desk(shop, sqlite_url, tmp_path, clock) as (parts, _):
        app = make_app(parts, no_examination)
        async with browser(app) as client:
            seat = Seat(client)
            await seat.get("/login")
            await seat.get("/works/shop")

            async def read():
                answer = await seat.post("/works/shop", {"address": shop.url, "currency": "eur"})
                assert answer.status_code == 303, answer.text
                while not app.state.shop.is_over:
                    assert (await seat.get("/works/shop")).status_code == 200
                    await asyncio.sleep(0.01)
                return (await seat.get("/works/shop")).text

            yield parts, read, seat


async def test_a_shop_is_read_in_the_background_and_again_adds_nothing(sqlite_url, tmp_path, clock):
    shop = Shop("shopify")
    async with console_of(shop, sqlite_url, tmp_path, clock) as (parts, read, seat):
        assert "3 new works, 6 new pictures, 3 proofs" in await read()
        assert "0 new works, 0 new pictures, 0 proofs" in await read()
        for wrong in ({"address": "javascript:alert(1)"}, {"address": shop.url, "marketplace": "x"}, {"address": ""}):
            assert (await seat.post("/works/shop", wrong)).status_code == 422
        assert "own shop" in (await seat.get("/rules")).text
        async with parts.database.read() as session:
            assert len(await list_works(session)) == 3


async def test_a_shop_that_cannot_be_read_says_why(sqlite_url, tmp_path, clock):
    async with console_of(Shop("none"), sqlite_url, tmp_path, clock) as (_, read, _):
        assert "no goods could be read" in await read()
