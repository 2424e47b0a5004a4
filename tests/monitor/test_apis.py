"""Searches by documented APIs and shops' own interfaces, against twins that refuse what the documentation forbids."""

import io
import logging
from dataclasses import replace
from datetime import timedelta
from urllib.parse import unquote

import pytest
import stamina
from PIL import Image
from starlette.responses import JSONResponse, PlainTextResponse

from config.settings import load
from detectors.model import Listing, Outcome
from monitor.marketplaces import MARKETPLACES
from monitor.marketplaces.apis import AliExpressOpen, EbayBrowse, EtsyOpen
from monitor.marketplaces.base import Query
from monitor.marketplaces.keys import with_keys
from monitor.tokens import Tokens
from storage.database import Database
from storage.works import add_reference, add_work, remove_work, set_owner
from tests.monitor.apis import APP_KEY, APP_SECRET, CLIENT_ID, KEYSTRING, SECRET, SESSION, SHARED, Apis, serving
from tests.monitor.crawling import crawling

SEARCH, BY_IMAGE = "/buy/browse/v1/item_summary/search", "/buy/browse/v1/item_summary/search_by_image"
TOKEN = "/identity/v1/oauth2/token"


@pytest.fixture(autouse=True)
def _no_waiting_between_retries():
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
async def apis():
    async with serving(Apis()) as apis:
        yield apis


@pytest.fixture
async def store(sqlite_url):
    database = Database(sqlite_url)
    yield database
    await database.close()


@pytest.fixture
async def world(apis, store, clock, tmp_path):
    sites = {
        "ebay": replace(MARKETPLACES["ebay"], api=EbayBrowse(CLIENT_ID, SECRET, base_url=apis.url)),
        "etsy": replace(MARKETPLACES["etsy"], api=EtsyOpen(KEYSTRING, SHARED, base_url=apis.url)),
        "aliexpress": replace(
            MARKETPLACES["aliexpress"],
            api=AliExpressOpen(APP_KEY, APP_SECRET, "t&1", session=SESSION, base_url=apis.url),
        ),
    }
    async with crawling(store, clock, tmp_path, [apis.url.removeprefix("http://")], sites) as world:
        yield world


def keyed(world, **changes):
    """Change how eBay's API is used."""
    ebay = world.crawler.marketplaces["ebay"]
    world.crawler.marketplaces["ebay"] = replace(ebay, api=replace(ebay.api, **changes))


async def register(world, data, title="Luna Moth"):
    """A work with one reference; (work id, SHA-256 of the reference)."""
    sha256 = await world.blobs.put(data)
    async with world.database.write("test") as session:
        owner = await set_owner(session, world.clock.now(), "test", "Mira", {})
        work = await add_work(session, world.clock.now(), "test", owner.id, title)
        await add_reference(session, work.id, sha256, "moth.png", b"", world.clock.now(), "test")
    return work.id, sha256


def picture(side_px=300, mode="RGB"):
    data = io.BytesIO()
    noise = Image.effect_noise((side_px, side_px), 100).convert(mode)
    noise.save(data, "PNG")
    return data.getvalue()


# eBay's Browse API


async def test_ebay_is_searched_page_after_page_with_one_token(world, apis):
    crawl = await world.crawl(await world.search("ebay", "luna moth & pin"))
    assert (crawl.outcome, crawl.pages, crawl.listings_seen) == (Outcome.OK, 3, 5)
    assert [path.partition("?")[0] for path in apis.paths] == [TOKEN, SEARCH, SEARCH, SEARCH]
    listings = await world.listings()
    assert (listings[0].listing_id, listings[0].title) == ("110000000000", "Luna Moth pin 0")
    assert {(str(one.price), one.currency) for one in listings} == {(f"{n}.50", "USD") for n in range(1, 6)}


async def test_the_robots_file_of_an_apis_host_is_not_asked_and_the_log_says_why(world, apis, caplog):
    with caplog.at_level(logging.INFO, "monitor.politeness"):
        await world.crawl(await world.search("ebay", "moth"))
    assert "/robots.txt" not in apis.paths
    (told,) = [record for record in caplog.records if record.message == "robots.txt not asked"]
    assert "License Agreement" in told.reason


async def test_a_search_that_finds_nothing_is_empty(world, apis):
    apis.items = 0
    assert (await world.crawl(await world.search("ebay", "moth"))).outcome == Outcome.EMPTY


async def test_ebay_is_searched_within_a_sellers_items(world, apis):
    crawl = await world.crawl(await world.search("ebay", "moth", seller="shady_shop"))
    assert crawl.outcome == Outcome.OK
    assert ",sellers:{shady_shop}" in unquote(apis.paths[1])


async def test_ebay_is_searched_by_a_works_picture_page_after_page(world, apis):
    _, sha256 = await register(world, picture(1500, "RGBA"))
    crawl = await world.crawl(await world.search("ebay", "Luna Moth", picture=sha256))
    assert (crawl.outcome, crawl.reason, crawl.listings_seen) == (Outcome.OK, "", 5)
    assert apis.asked[1][0] == "POST"
    assert [path.partition("?")[0] for path in apis.paths] == [TOKEN, *[BY_IMAGE] * 3]
    assert {(one.format, max(one.size) <= 800) for one in apis.pictures} == {("JPEG", True)}


async def test_a_picture_that_is_no_reference_any_more_is_not_searched_for(world, apis):
    work_id, sha256 = await register(world, picture())
    search_id = await world.search("ebay", "Luna Moth", picture=sha256)
    async with world.database.write("test") as session:
        await remove_work(session, work_id, world.clock.now(), "test")
    crawl = await world.crawl(search_id)
    assert (crawl.outcome, apis.asked) == (Outcome.FAILED, [])
    assert "no reference of a work any more" in crawl.reason


async def test_an_items_details_bring_more_pictures(world, apis):
    ebay = world.crawler.marketplaces["ebay"]
    known = Listing("ebay", "110000000003", "https://www.ebay.com/itm/110000000003", "pin")
    reading = await world.crawler.reader.read(ebay.listing_request(known), "ebay")
    (listing,) = reading.parsed.listings
    assert (listing.listing_id, len(listing.image_urls)) == ("110000000003", 2)


async def test_an_item_that_the_api_does_not_know_is_gone(world, apis):
    ebay = world.crawler.marketplaces["ebay"]
    request = ebay.listing_request(Listing("ebay", "110000000099", "https://www.ebay.com/itm/110000000099", "pin"))
    assert (await world.crawler.reader.read(request, "ebay")).parsed.outcome == Outcome.GONE


# Tokens


async def test_a_token_is_renewed_shortly_before_it_ends(world, apis, clock):
    for passing_s, issued in ((0, 1), (7100, 1), (50, 2)):
        clock.advance(passing_s)
        await world.crawler.reader.read(world.crawler.marketplaces["ebay"].api.item("110000000000"), "ebay")
        assert apis.issued == issued


async def test_a_token_that_is_refused_is_renewed_once(world, apis):
    request = world.crawler.marketplaces["ebay"].api.item("110000000000")
    await world.fetcher.get(request)
    apis.tokens.clear()
    assert (await world.fetcher.get(request)).status == 200
    assert [path.partition("?")[0] == TOKEN for path in apis.paths] == [True, False, False, True, False]


async def test_a_key_that_is_refused_after_all_blocks_the_search_but_not_the_host(world, apis, clock):
    class NoTokens(set):
        def add(self, _):
            pass

    apis.tokens = NoTokens()
    crawl = await world.crawl(await world.search("ebay", "moth"))
    assert (crawl.outcome, apis.issued) == (Outcome.BLOCKED, 2)
    assert "token was refused" in crawl.reason
    apis.tokens = set()
    assert (await world.crawl(await world.search("ebay", "bee"))).outcome == Outcome.OK


async def test_a_wrong_secret_is_said_and_never_shown(world, apis, caplog):
    keyed(world, client_secret="canary-secret")
    with caplog.at_level(logging.DEBUG):
        crawl = await world.crawl(await world.search("ebay", "moth"))
    assert (crawl.outcome, len(apis.asked)) == (Outcome.BLOCKED, 1)
    assert "no access token" in crawl.reason
    shown = f"{caplog.records} {caplog.text} {[vars(row) for row in await world.captures()]} {vars(crawl)}"
    assert "canary-secret" not in shown
    request = world.crawler.marketplaces["ebay"].api.item("1")
    assert "canary-secret" not in repr(request) + repr(world.crawler.marketplaces["ebay"])


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("<html>"),
        JSONResponse([]),
        JSONResponse({"access_token": 7, "expires_in": 7200}),
        JSONResponse({"access_token": "a b", "expires_in": 7200}),
        JSONResponse({"access_token": "a\r\nb", "expires_in": 7200}),
        JSONResponse({"access_token": "x" * 10_000, "expires_in": 7200}),
        PlainTextResponse("[" * 100_000),
    ],
)
async def test_a_token_servers_nonsense_is_a_failure(world, apis, answer):
    apis.token_answer = answer
    crawl = await world.crawl(await world.search("ebay", "moth"))
    assert (crawl.outcome, crawl.pages, crawl.listings_seen) == (Outcome.FAILED, 1, 0)


async def test_a_token_that_lasts_for_no_time_is_not_asked_for_at_every_request(world, apis):
    apis.lasts_s = -1
    await world.crawl(await world.search("ebay", "moth"))
    assert apis.issued == 1


async def test_tokens_stay_in_memory(world, apis):
    await world.crawl(await world.search("ebay", "moth"))
    kept = [await world.blobs.get(row.sha256) for row in await world.captures()]
    assert len(kept) == 3
    assert not any(token.encode() in data for token in apis.tokens for data in kept)


def test_a_forgotten_token_does_not_take_its_successor_with_it(clock):
    api = EbayBrowse(CLIENT_ID, SECRET).item("1").api
    tokens = Tokens(None, clock)
    tokens._tokens[api.grant] = type("T", (), {"value": "new", "until_s": 9.0})()
    tokens.forget(api.grant, "old")
    assert api.grant in tokens._tokens


# Budgets


async def test_a_used_up_budget_ends_the_search_until_it_has_room_again(world, apis, clock):
    keyed(world, requests_per_day=3)  # the token counts too
    search_id = await world.search("ebay", "moth")
    crawl = await world.crawl(search_id)
    assert (crawl.outcome, crawl.listings_seen, len(apis.asked)) == (Outcome.RATE_LIMITED, 4, 3)
    assert "3 requests of 24 hours" in crawl.reason
    again = clock.now().replace(minute=0) + timedelta(hours=25)
    assert await world.next_run(search_id) == again
    clock.advance((again - clock.now()).total_seconds())
    await world.crawl(search_id)
    assert len(apis.asked) > 3


async def test_a_budget_is_shared_by_every_process(world, apis, store, clock, tmp_path):
    keyed(world, requests_per_day=3)
    ebay = world.crawler.marketplaces["ebay"]
    async with crawling(store, clock, tmp_path, [apis.url.removeprefix("http://")], {"ebay": ebay}) as second:
        await world.fetcher.get(ebay.api.item("110000000000"))
        page = await second.fetcher.get(ebay.api.item("110000000001"))
        assert (page.outcome, len(apis.asked)) == (Outcome.RATE_LIMITED, 3)


# Etsy's Open API


async def test_etsy_is_searched_to_its_count(world, apis):
    crawl = await world.crawl(await world.search("etsy", "luna moth"))
    assert (crawl.outcome, crawl.pages, crawl.listings_seen) == (Outcome.OK, 3, 5)
    assert [path.partition("offset=")[2].partition("&")[0] for path in apis.paths] == ["0", "2", "4"]
    (first, *_) = await world.listings()
    assert (first.listing_id, str(first.price), first.currency) == ("1000000", "12.5", "EUR")


async def test_a_shops_listings_on_etsy_are_looked_through(world, apis):
    crawl = await world.crawl(await world.search("etsy", seller="77"))
    assert (crawl.outcome, crawl.listings_seen) == (Outcome.OK, 5)
    assert apis.paths[0].startswith("/v3/application/shops/77/listings/active")


async def test_a_listing_of_etsys_api_brings_its_pictures_and_shop(world, apis):
    request = world.crawler.marketplaces["etsy"].listing_request(Listing("etsy", "1000003", "https://e/", "print"))
    (listing,) = (await world.crawler.reader.read(request, "etsy")).parsed.listings
    assert listing.image_urls == ("https://i.etsystatic.com/1/r/il/a/3/il_fullxfull.3_k.jpg",)
    assert (listing.seller.seller_id, listing.seller.name) == ("77", "Moss")


async def test_etsys_key_is_never_shown(world, apis, caplog):
    with caplog.at_level(logging.DEBUG):
        await world.crawl(await world.search("etsy", "moth"))
    assert SHARED not in f"{caplog.text} {world.crawler.marketplaces['etsy']} {[vars(r) for r in caplog.records]}"


# AliExpress's Open Platform


async def test_aliexpress_is_searched_page_after_page_each_request_signed_by_itself(world, apis):
    crawl = await world.crawl(await world.search("aliexpress", "luna moth & pin"))
    assert (crawl.outcome, crawl.pages, crawl.listings_seen) == (Outcome.OK, 3, 5), crawl.reason
    assert len(apis.seals) == 3
    assert not [path for path in apis.paths if "robots" in path or APP_SECRET in path]
    (first, *_) = await world.listings()
    assert (first.listing_id, first.url) == (
        "1005000000000000",
        "https://www.aliexpress.com/item/1005000000000000.html",
    )
    assert (str(first.price), first.currency) == ("3.10", "USD")


async def test_a_search_of_aliexpress_that_finds_nothing_is_empty(world, apis):
    apis.items = 0
    assert (await world.crawl(await world.search("aliexpress", "moth"))).outcome == Outcome.EMPTY


async def test_an_item_of_aliexpress_api_brings_its_pictures_and_shop(world, apis):
    request = world.crawler.marketplaces["aliexpress"].listing_request(
        Listing("aliexpress", "1005000000000003", "https://e/", "pin")
    )
    (listing,) = (await world.crawler.reader.read(request, "aliexpress")).parsed.listings
    assert [url.rpartition("/")[2] for url in listing.image_urls] == ["S3.jpg", "T3.jpg"]
    assert (listing.seller.seller_id, listing.seller.url) == ("77", "https://www.aliexpress.com/store/77")


async def test_a_wrong_secret_of_aliexpress_is_said_and_never_shown(world, apis, caplog):
    site = world.crawler.marketplaces["aliexpress"]
    world.crawler.marketplaces["aliexpress"] = replace(site, api=replace(site.api, app_secret="canary"))
    with caplog.at_level(logging.DEBUG):
        crawl = await world.crawl(await world.search("aliexpress", "moth"))
    assert (crawl.outcome, crawl.reason) == (Outcome.FAILED, "the API answered IncompleteSignature: no standard")
    assert "canary" not in f"{caplog.text} {site} {apis.asked} {[vars(r) for r in caplog.records]}"


async def test_aliexpress_is_searched_by_a_works_picture_and_the_session_is_never_shown(world, apis, caplog):
    _, sha256 = await register(world, picture(1500, "RGBA"))
    with caplog.at_level(logging.DEBUG):
        crawl = await world.crawl(await world.search("aliexpress", "Luna Moth", picture=sha256))
    assert (crawl.outcome, crawl.reason, crawl.listings_seen) == (Outcome.OK, "", 5)
    assert {(one.format, max(one.size) <= 800) for one in apis.pictures} == {("JPEG", True)}
    assert [method for method, _ in apis.asked] == ["POST"]
    (first, *_) = await world.listings()
    assert (first.listing_id, str(first.price), first.currency) == ("1005000000000000", "3.10", "USD")
    assert first.title == "Luna moth pin 0"
    site = world.crawler.marketplaces["aliexpress"]
    assert SESSION not in unquote(f"{caplog.text} {site} {apis.asked} {[vars(r) for r in caplog.records]}")


async def test_a_picture_that_aliexpress_knows_nothing_like_is_empty(world, apis):
    apis.items = 0
    _, sha256 = await register(world, picture())
    assert (await world.crawl(await world.search("aliexpress", "Moth", picture=sha256))).outcome == Outcome.EMPTY


async def test_a_session_of_aliexpress_that_ended_is_said(world):
    site = world.crawler.marketplaces["aliexpress"]
    world.crawler.marketplaces["aliexpress"] = replace(site, api=replace(site.api, session="old"))
    _, sha256 = await register(world, picture())
    crawl = await world.crawl(await world.search("aliexpress", "Moth", picture=sha256))
    assert (crawl.outcome, crawl.reason) == (Outcome.FAILED, "the API answered IllegalAccessToken: expired")


# Shops


async def test_a_shopify_shop_is_read_as_a_whole_and_filtered_here(world, apis):
    apis.items = 255
    crawl = await world.crawl(await world.search("shopify", "luna pin", shop=apis.url))
    assert (crawl.outcome, crawl.pages, crawl.listings_seen) == (Outcome.OK, 2, 127)
    assert all("Luna Moth" in one.title for one in await world.listings())


async def test_a_shop_without_keyword_gives_everything(world, apis):
    crawl = await world.crawl(await world.search("shopify", shop=apis.url))
    assert (crawl.outcome, crawl.listings_seen) == (Outcome.OK, 5)


async def test_a_shop_of_which_nothing_is_kept_is_not_without_answer(world, apis):
    crawl = await world.crawl(await world.search("shopify", "zebra", shop=apis.url))
    assert (crawl.outcome, crawl.listings_seen) == (Outcome.OK, 0)


async def test_a_woocommerce_shop_is_searched_by_its_store_api(world, apis):
    apis.items = 103
    crawl = await world.crawl(await world.search("woocommerce", "moth", shop=apis.url))
    assert (crawl.outcome, crawl.pages, crawl.listings_seen) == (Outcome.OK, 2, 103)
    assert "search=moth" in apis.paths[-1]


async def test_a_woocommerce_shop_without_a_hit_is_empty(world, apis):
    apis.items = 0
    assert (await world.crawl(await world.search("woocommerce", "moth", shop=apis.url))).outcome == Outcome.EMPTY


async def test_a_shops_robots_file_is_obeyed(world, apis):
    await world.crawl(await world.search("woocommerce", "moth", shop=apis.url))
    assert apis.paths[0] == "/robots.txt"


# Keys


def test_keys_come_from_the_settings_alone_and_print_as_stars(tmp_path):
    environ = {
        "BAZAARWATCH_MARKETPLACES__EBAY__CLIENT_ID": "id",
        "BAZAARWATCH_MARKETPLACES__EBAY__CLIENT_SECRET": "canary",
        "BAZAARWATCH_MARKETPLACES__EBAY__SITE": "EBAY_DE",
        "BAZAARWATCH_MARKETPLACES__ETSY__KEYSTRING": "key",
        "BAZAARWATCH_MARKETPLACES__ETSY__SHARED_SECRET": "canary",
        "BAZAARWATCH_MARKETPLACES__ALIEXPRESS__APP_KEY": "key",
        "BAZAARWATCH_MARKETPLACES__ALIEXPRESS__APP_SECRET": "canary",
        "BAZAARWATCH_MARKETPLACES__ALIEXPRESS__CURRENCY": "EUR",
        "BAZAARWATCH_MARKETPLACES__ALIEXPRESS__SESSION": "canary",
        "BAZAARWATCH_MARKETPLACES__ALIEXPRESS__SHIP_TO": "DE",
    }
    settings = load(tmp_path, environ)
    sites = with_keys(MARKETPLACES, settings.marketplaces)
    assert "canary" not in f"{settings!r} {sites!r}"
    assert (sites["ebay"].api.site, sites["ebay"].api.client_secret) == ("EBAY_DE", "canary")
    assert sites["etsy"].api.shared_secret == "canary"
    api = sites["aliexpress"].api
    assert (api.currency, api.app_secret, api.session, api.ship_to) == ("EUR", "canary", "canary", "DE")
    assert with_keys(MARKETPLACES, load(tmp_path, {}).marketplaces) is MARKETPLACES


def test_half_a_key_is_none(tmp_path):
    settings = load(tmp_path, {"BAZAARWATCH_MARKETPLACES__EBAY__CLIENT_ID": "id"})
    assert with_keys(MARKETPLACES, settings.marketplaces) is MARKETPLACES


KEYED = {
    **MARKETPLACES,
    "ebay": replace(MARKETPLACES["ebay"], api=EbayBrowse(CLIENT_ID, SECRET)),
    "etsy": replace(MARKETPLACES["etsy"], api=EtsyOpen(KEYSTRING, SHARED)),
    "aliexpress": replace(MARKETPLACES["aliexpress"], api=AliExpressOpen(APP_KEY, APP_SECRET, session=SESSION)),
}


@pytest.mark.parametrize("site", KEYED.values(), ids=lambda site: site.name)
def test_the_table_of_marketplaces_promises_what_a_search_can_do(site):
    shop = "" if site.hosts else "https://shop.example"
    find = f"{shop}/?q={{keyword}}" if site.name == "generic-jsonld" else shop
    can = {
        "keyword": site.query_request(Query("moth", shop=find)),
        "picture": site.query_request(Query(picture=b"a picture", shop=shop)),
    }
    if site.hosts or site.name == "demo-bazaar":  # elsewhere the shop is the seller
        can["seller"] = site.query_request(Query(seller="77", shop=shop))
    for ability, request in can.items():
        promised = {"api", "http"} & set(getattr(site.abilities, ability).split())
        assert (request is not None) == bool(promised), ability
