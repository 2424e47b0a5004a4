"""One's own shop, taken in from the console."""

import asyncio

from monitor.console.app import make_app
from storage.works import list_works
from tests.monitor.console.conftest import Seat, browser
from tests.monitor.registry.test_ownshop import Shop, _quick, at_the_desk

__all__ = ["_quick"]  # applied to the tests here


async def no_examination(_):
    pass


async def read(app, seat, address):
    answer = await seat.post("/works/shop", {"address": address, "currency": "eur"})
    assert answer.status_code == 303, answer.text
    while not app.state.shop.is_over:
        assert (await seat.get("/works/shop")).status_code == 200
        await asyncio.sleep(0.01)
    return (await seat.get("/works/shop")).text


async def test_a_shop_is_read_in_the_background_and_again_adds_nothing(sqlite_url, tmp_path, clock):
    shop = Shop("shopify")
    async with at_the_desk(shop, sqlite_url, tmp_path, clock) as (parts, _):
        app = make_app(parts, no_examination)
        async with browser(app) as client:
            seat = Seat(client)
            await seat.get("/login")
            await seat.get("/works/shop")
            assert "3 new works, 6 new pictures, 3 proofs" in await read(app, seat, shop.url)
            assert "0 new works, 0 new pictures, 0 proofs" in await read(app, seat, shop.url)
            for wrong in (
                {"address": "javascript:alert(1)"},
                {"address": shop.url, "marketplace": "x"},
                {"address": ""},
            ):
                assert (await seat.post("/works/shop", wrong)).status_code == 422
            await seat.get("/rules")
            assert "own shop" in (await seat.get("/rules")).text
        async with parts.database.read() as session:
            assert len(await list_works(session)) == 3


async def test_a_shop_that_cannot_be_read_says_why(sqlite_url, tmp_path, clock):
    shop = Shop("none")
    async with at_the_desk(shop, sqlite_url, tmp_path, clock) as (parts, _):
        app = make_app(parts, no_examination)
        async with browser(app) as client:
            seat = Seat(client)
            await seat.get("/login")
            await seat.get("/works/shop")
            assert "no goods could be read" in await read(app, seat, shop.url)
