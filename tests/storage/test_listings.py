from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.model import Outcome, Seller
from storage.database import Database
from storage.listings import (
    Link,
    add_details,
    count_backlog,
    examine_again,
    find_listing,
    finish_examination,
    get_listing,
    get_seller,
    link_pictures,
    note_attempt,
    note_picture_outcome,
    parked_reasons,
    pictures_of,
    record_listings,
    retry_parked,
    waiting_ids,
)
from storage.searches import add_capture
from storage.tables import Capture
from tests.storage.making import HOUR, NOW, SHA, listing


async def test_a_new_listing_waits_to_be_examined(database: Database) -> None:
    async with database.write("test") as session:
        recorded = await record_listings(session, [listing(1), listing(2)], None, NOW)
    assert len(recorded.new) == 2
    assert recorded.changed == ()
    async with database.read() as session:
        assert await waiting_ids(session, NOW, 10) == list(recorded.new)


async def test_recording_again_changes_nothing_but_the_time_of_seeing(database: Database) -> None:
    for now in (NOW, NOW + HOUR):
        async with database.write("test") as session:
            recorded = await record_listings(session, [listing(1)], None, now)
            await finish_examination(session, recorded.seen[0], now)
    assert recorded.new == ()
    assert recorded.changed == ()
    async with database.read() as session:
        row = await get_listing(session, recorded.seen[0])
        assert (row.first_seen_at, row.last_seen_at) == (NOW, NOW + HOUR)
        assert await waiting_ids(session, NOW + HOUR, 10) == []
        assert len(await pictures_of(session, row.id)) == 1


@pytest.mark.parametrize("count", [1, 19, 20, 47])
async def test_a_page_of_many_listings_is_stored_value_for_value(database: Database, count: int) -> None:
    page = [
        listing(
            number,
            title=f"Pin <{number}> 蛾",
            price=Decimal(number) / 4 if number % 3 else None,
            currency="EUR" if number % 5 else None,
            seller=Seller(f"s{number // 2}", f"Shop {number // 2}") if number % 7 else None,
            image_urls=tuple(f"https://bazaar.example/{number}-{at}.jpg" for at in range(number % 4)),
        )
        for number in range(count)
    ]
    async with database.write("before") as session:  # some of it is known, under another name
        await record_listings(session, [one._replace(title="before") for one in page[:5]], None, NOW)
    async with database.write("page", brief=True) as session:
        recorded = await record_listings(session, page, None, NOW + HOUR)
    assert (len(recorded.new), len(recorded.changed)) == (max(count - 5, 0), min(count, 5))
    async with database.read() as session:
        for key, one in zip(recorded.seen, page, strict=True):
            row = await get_listing(session, key)
            stored = (row.listing_id, row.url, row.title, row.price, row.currency, row.price_raw)
            assert stored == (one.listing_id, one.url, one.title, one.price, one.currency, one.price_raw)
            assert row.last_seen_at == NOW + HOUR == row.examine_at
            known = await get_seller(session, row)
            assert (known and (known.seller_id, known.name)) == (one.seller and (one.seller.seller_id, one.seller.name))
            assert [picture.url for picture in await pictures_of(session, key)] == list(one.image_urls)


async def test_one_item_on_a_page_twice_is_one_listing(database: Database) -> None:
    async with database.write("test") as session:
        recorded = await record_listings(session, [listing(1), listing(1, title="Other words")], None, NOW)
    assert len(recorded.seen) == 1
    async with database.read() as session:
        assert (await get_listing(session, recorded.seen[0])).title == "Other words"


async def test_a_changed_title_or_picture_asks_for_a_new_look_a_changed_price_does_not(database: Database) -> None:
    async with database.write("test") as session:
        (key,) = (await record_listings(session, [listing(1)], None, NOW)).new
        await finish_examination(session, key, NOW)
        assert (await record_listings(session, [listing(1, price=Decimal("3.10"))], None, NOW)).changed == ()
        row = await get_listing(session, key)
        assert (row.price, row.examine_at) == (Decimal("3.10"), None)
        changed = await record_listings(
            session, [listing(1, image_urls=("https://bazaar.example/new.jpg",))], None, NOW
        )
    assert changed.changed == (key,)
    async with database.read() as session:
        assert [picture.url for picture in await pictures_of(session, key)] == [
            "https://bazaar.example/1.jpg",
            "https://bazaar.example/new.jpg",
        ]


async def test_a_page_without_price_or_seller_does_not_erase_them(database: Database) -> None:
    async with database.write("test") as session:
        (key,) = (await record_listings(session, [listing(1)], None, NOW)).new
        await record_listings(session, [listing(1, price=None, currency=None, price_raw=None, seller=None)], None, NOW)
        row = await get_listing(session, key)
        seller = await get_seller(session, row)
    assert (row.price, row.currency) == (Decimal("4.90"), "EUR")
    assert seller is not None
    assert seller.seller_id == "s1"


async def test_a_renamed_seller_keeps_its_id(database: Database) -> None:
    async with database.write("test") as session:
        await record_listings(session, [listing(1)], None, NOW)
        renamed = listing(2, seller=Seller("s1", "Shop Two"))
        await record_listings(session, [renamed], None, NOW)
        one, two = [await find_listing(session, "bazaar", number) for number in ("1", "2")]
        assert one is not None
        assert two is not None
        seller = await get_seller(session, two)
    assert one.seller_key == two.seller_key
    assert seller is not None
    assert (seller.name, seller.url) == ("Shop Two", "https://bazaar.example/s1")


async def test_the_items_own_page_adds_seller_pictures_and_its_capture(database: Database) -> None:
    async with database.write("test") as session:
        (key,) = (await record_listings(session, [listing(1, seller=None)], None, NOW)).new
        row = await get_listing(session, key)
        capture = await add_capture(session, _capture())
        detailed = listing(1, image_urls=("https://bazaar.example/1.jpg", "https://bazaar.example/1b.jpg"))
        await add_details(session, row, detailed, capture.id, NOW + HOUR)
    async with database.read() as session:
        row = await get_listing(session, key)
        assert (row.capture_id, row.detailed_at) == (capture.id, NOW + HOUR)
        assert row.seller_key is not None
        assert len(await pictures_of(session, key)) == 2


async def test_the_same_capture_twice_is_one_row(database: Database) -> None:
    async with database.write("test") as session:
        assert (await add_capture(session, _capture())).id == (await add_capture(session, _capture())).id


async def test_a_failed_examination_is_put_off_longer_each_time_and_then_parked(database: Database) -> None:
    async with database.write("test") as session:
        (key,) = (await record_listings(session, [listing(1)], None, NOW)).new
        await note_attempt(session, key, "no picture", 3, NOW)
        first = (await get_listing(session, key)).examine_at
        assert await waiting_ids(session, NOW, 10) == []
        await note_attempt(session, key, "no picture", 3, NOW)
        second = (await get_listing(session, key)).examine_at
        assert first is not None
        assert second is not None
        assert NOW < first < second
        assert await waiting_ids(session, second, 10) == [key]
        await note_attempt(session, key, "no picture", 3, NOW)
        assert await waiting_ids(session, NOW + 1000 * HOUR, 10) == []
        assert await parked_reasons(session) == {"no picture": 1}
        assert (await count_backlog(session)).parked == 1
        assert await retry_parked(session, NOW) == 1
        assert await waiting_ids(session, NOW, 10) == [key]
        backlog = await count_backlog(session)
    assert (backlog.listings, backlog.waiting, backlog.parked) == (1, 1, 0)


async def test_a_change_of_the_works_asks_for_a_look_at_every_stored_picture(database: Database) -> None:
    async with database.write("test") as session:
        one, two = (await record_listings(session, [listing(1), listing(2)], None, NOW)).new
        for key in (one, two):
            await finish_examination(session, key, NOW)
        (picture,) = await pictures_of(session, one)
        await link_pictures(session, [Link(picture.id, SHA, "imported", NOW)], NOW)
        await examine_again(session, NOW + HOUR)
        assert await waiting_ids(session, NOW + HOUR, 10) == [one]


async def test_a_picture_remembers_how_it_came_and_a_failure_what_was_wrong(database: Database) -> None:
    async with database.write("test") as session:
        (key,) = (await record_listings(session, [listing(1)], None, NOW)).new
        (picture,) = await pictures_of(session, key)
        await note_picture_outcome(session, picture.id, Outcome.FAILED, NOW)
    async with database.write("test") as session:
        (picture,) = await pictures_of(session, key)
        assert (picture.outcome, picture.sha256) == ("failed", None)
        await link_pictures(session, [Link(picture.id, SHA, "fetched", NOW, "UndecodableImage: no picture")], NOW)
    async with database.read() as session:
        (picture,) = await pictures_of(session, key)
    assert (picture.outcome, picture.sha256, picture.how) == ("ok", SHA, "fetched")


_texts = st.text(
    st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=300
)  # text that monitor's clean_text lets through


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=_texts, number=st.text("0123456789abc", min_size=1, max_size=20), raw=_texts)
async def test_any_cleaned_text_comes_back_as_it_was(database: Database, title: str, number: str, raw: str) -> None:
    async with database.write("test") as session:
        recorded = await record_listings(
            session, [listing(1, listing_id=number, title=title, price_raw=raw)], None, NOW
        )
    async with database.read() as session:
        row = await get_listing(session, recorded.seen[0])
    assert (row.title, row.price_raw, row.listing_id) == (title, raw, number)


def _capture() -> Capture:
    return Capture(
        marketplace="bazaar",
        url="https://bazaar.example/item/1",
        sha256=SHA,
        status=200,
        outcome="ok",
        how="fetched",
        captured_at=NOW,
    )
