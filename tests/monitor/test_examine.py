"""One listing's examination: when it is done, when it is tried again, and when it waits for a person."""

from datetime import timedelta

import pytest

from detectors.errors import UndecodableImage
from detectors.model import Listing, Outcome
from monitor.crawl import Reading
from monitor.errors import Offline
from monitor.examine import Examiner
from monitor.marketplaces.base import Page, ParsedPage, Request
from storage.blobs import Blobs
from storage.listings import get_listing, pictures_of, record_listings, waiting_ids
from storage.tables import Capture, Picture

PICTURE = "https://shop.example/full/1.jpg"
ITEM = "https://shop.example/item/1"


class Shop:
    """A marketplace and its reader: answers with what it was given."""

    def __init__(self, clock, database):
        self.clock = clock
        self.database = database
        self.picture = Page(PICTURE, b"bytes of a picture", headers={"content-type": "image/jpeg"})
        self.item = ParsedPage(Outcome.OK, "shop")
        self.asked = []

    def listing_request(self, listing):
        return Request(ITEM)

    async def get(self, request, marketplace):
        self.asked.append(request.url)
        if isinstance(self.picture, Exception):
            raise self.picture
        return self.picture

    async def read(self, request, marketplace, crawl_id=None):
        self.asked.append(request.url)
        page = Page(request.url, b"page", status=200)
        capture = Capture(marketplace="shop", url=request.url, sha256="0" * 64, status=200, how="fetched")
        capture.outcome, capture.reason, capture.captured_at = self.item.outcome, self.item.reason, self.clock.now()
        return Reading(page, self.item, capture)


class Eyes:
    """A sandbox that cannot decode anything."""

    async def describe(self, data, *, reference=False):
        raise UndecodableImage("no picture at all")


class Nothing:
    """No works."""

    async def findings(self, sha256, picture):
        await Eyes().describe(picture)

    async def judge(self, matches):
        return []


@pytest.fixture
def shop(clock, database):
    return Shop(clock, database)


@pytest.fixture
async def key(shop):
    listing = Listing("shop", "1", ITEM, "A pin", image_urls=(PICTURE,))
    async with shop.database.write("listing") as session:
        return (await record_listings(session, [listing], None, shop.clock.now())).new[0]


@pytest.fixture
def examiner(shop, tmp_path):
    blobs = Blobs(tmp_path / "blobs")
    return Examiner(
        shop.database, shop, blobs, Nothing(), {"shop": shop}, shop.clock, attempts=3, remembered=timedelta(days=1)
    )


async def _look(shop, key):
    async with shop.database.read() as session:
        return await get_listing(session, key), (await pictures_of(session, key))[0]


async def test_a_picture_that_cannot_be_decoded_is_counted_and_the_listing_is_done(shop, key, examiner):
    await examiner.examine(key)
    row, picture = await _look(shop, key)
    assert (row.examine_at, row.attempts, row.failure, picture.outcome) == (None, 0, None, "ok")
    assert row.examined_at == shop.clock.now()
    async with shop.database.read() as session:
        assert (await session.get(Picture, picture.sha256)).failure == "UndecodableImage: no picture at all"


async def test_a_picture_that_failed_is_tried_again_later_and_later_until_the_listing_is_parked(shop, key, examiner):
    shop.picture = Page(PICTURE, b"", outcome=Outcome.FAILED, reason="status 500")
    waits = []
    for attempt in (1, 2, 3):
        await examiner.examine(key)
        row, picture = await _look(shop, key)
        assert (row.attempts, picture.outcome, picture.sha256) == (attempt, "failed", None)
        waits.append(row.examine_at - shop.clock.now())
        shop.clock.advance(waits[-1].total_seconds())
        async with shop.database.read() as session:
            assert (await waiting_ids(session, shop.clock.now(), 9) == [key]) == (attempt < 3)
    assert waits == [timedelta(minutes=5), timedelta(minutes=20), timedelta(minutes=80)]
    assert row.failure == "a picture: status 500"
    assert row.examined_at is None


async def test_a_gone_picture_is_no_failure(shop, key, examiner):
    shop.picture = Page(PICTURE, b"", status=404, outcome=Outcome.GONE)
    await examiner.examine(key)
    row, picture = await _look(shop, key)
    assert (row.examine_at, row.attempts, picture.outcome) == (None, 0, "gone")


async def test_a_host_that_refuses_for_now_is_asked_again_when_it_said_and_the_listing_is_not_called_examined(
    shop, key, examiner
):
    until = shop.clock.now() + timedelta(hours=2)
    shop.picture = Page(PICTURE, b"", status=0, outcome=Outcome.BLOCKED, reason="refused us", retry_at=until)
    await examiner.examine(key)
    row, _ = await _look(shop, key)
    assert (row.examine_at, row.attempts, row.examined_at) == (until, 1, None)


async def test_a_page_in_the_place_of_a_picture_is_asked_for_again(shop, key, examiner):
    shop.picture = Page(PICTURE, b"<html>Are you human?", headers={"content-type": "text/html; charset=utf-8"})
    await examiner.examine(key)
    row, picture = await _look(shop, key)
    assert (row.attempts, row.examined_at, picture.sha256) == (1, None, None)


async def test_an_item_page_that_failed_is_read_again_though_the_pictures_came(shop, key, examiner):
    shop.item = ParsedPage(Outcome.FAILED, "shop", reason="no answer")
    await examiner.examine(key)
    row, picture = await _look(shop, key)
    assert (row.attempts, row.detailed_at, picture.outcome) == (1, None, "ok")
    shop.item = ParsedPage(Outcome.OK, "shop", (Listing("shop", "1", ITEM, "A pin, seen closer"),))
    await examiner.examine(key)
    row, _ = await _look(shop, key)
    assert (row.examine_at, row.attempts, row.detailed_at) == (None, 0, shop.clock.now())
    assert row.title == "A pin, seen closer"
    assert shop.asked.count(PICTURE) == 1, "what is stored is not fetched again"


async def test_an_item_page_behind_a_wall_is_asked_for_again_while_attempts_are_left(shop, key, examiner):
    shop.item = ParsedPage(Outcome.BLOCKED, "shop", reason="it wants to see a person")
    for attempt in (1, 2):
        await examiner.examine(key)
        row, picture = await _look(shop, key)
        assert (row.attempts, row.examined_at, picture.outcome) == (attempt, None, "ok")
    await examiner.examine(key)
    row, _ = await _look(shop, key)
    assert (row.examine_at, row.failure, row.detailed_at) == (None, None, None), "done, with what the search page said"


async def test_without_a_network_no_attempt_is_spent(shop, key, examiner):
    shop.picture = Offline("this machine has no network", shop.clock.now())
    with pytest.raises(Offline):
        await examiner.examine(key)
    row, picture = await _look(shop, key)
    assert (row.attempts, row.failure, picture.outcome) == (0, None, None)
    assert row.examine_at == shop.clock.now()


@pytest.mark.parametrize("pictures", [(PICTURE,), ()])
async def test_without_a_reader_a_listing_waits_for_someone_who_may_fetch(shop, clock, tmp_path, pictures):
    async with shop.database.write("listing") as session:
        listing = Listing("shop", "2", ITEM, "", image_urls=pictures)
        (key,) = (await record_listings(session, [listing], None, clock.now())).new
    blobs = Blobs(tmp_path / "blobs")
    await Examiner(shop.database, None, blobs, Nothing(), {"shop": shop}, clock, 3, timedelta(days=1)).examine(key)
    async with shop.database.read() as session:
        assert await waiting_ids(session, clock.now(), 9) == [key]
        row = await get_listing(session, key)
    assert (row.attempts, row.examined_at, shop.asked) == (0, None, [])
