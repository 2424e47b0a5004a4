"""The search whose keyword canary runs ask for: one a marketplace or shop, and only a keyword there."""

import pytest

from storage.errors import Refused
from storage.searches import add_search, edit_search, list_searches
from tests.storage.making import NOW


async def flagged(database):
    async with database.read() as session:
        return [search.keyword for search, _ in await list_searches(session) if search.canary]


async def test_one_search_of_a_marketplace_is_its_canary_and_the_next_takes_its_place(database):
    async with database.write("test") as session:
        one, two, elsewhere = [
            (await add_search(session, NOW, "mira", site, word, 24.0, 5)).id
            for site, word in (("ebay", "moth"), ("ebay", "moon"), ("etsy", "star"))
        ]
        for search_id in (one, elsewhere, two):
            await edit_search(session, search_id, NOW, "mira", canary=True)
    assert await flagged(database) == ["moon", "star"]
    async with database.write("test") as session:
        await edit_search(session, two, NOW, "mira", canary=False)
    assert await flagged(database) == ["star"]


async def test_a_search_of_one_seller_is_no_canary(database):
    async with database.write("test") as session:
        of_a_seller = await add_search(session, NOW, "mira", "ebay", "moth", 24.0, 5, seller="pinpalace")
        with pytest.raises(Refused, match="cannot be a canary"):
            await edit_search(session, of_a_seller.id, NOW, "mira", canary=True)
