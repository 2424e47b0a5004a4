"""One's own shop becomes known: works, references, prices, proofs, and nobody is alerted of it."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from config.settings import load
from detectors.model import Outcome
from monitor.daemon import build
from monitor.errors import ImportRefused
from monitor.marketplaces import parse
from monitor.marketplaces.base import Page
from monitor.marketplaces.shops import under_its_shop
from monitor.registry.ownshop import Wish, read_saved, read_shop, sellers_of, take_in_shop
from monitor.sandbox import Sandbox
from storage.audit import entries
from storage.cases import allowed_reason
from storage.rights import list_rights, publications_of
from storage.works import list_works, set_owner
from tests.monitor.apis import serving
from tests.storage.making import NOW


class Described:
    """Stands for a description: only its bytes are stored."""

    def to_bytes(self):
        return b"description"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    async def describe(self, data, *, reference=False):
        return Described()

    async def here(self, page, marketplace):
        return parse(page, marketplace)

    monkeypatch.setattr(Sandbox, "describe", describe)
    monkeypatch.setattr("detectors.calibration.weak_at_sight", lambda description: None)
    monkeypatch.setattr(Sandbox, "parse", here)


class Shop:
    """A shop on loopback of one kind; ``asked`` lists the paths that were asked for."""

    def __init__(self, kind, products=3):
        self.kind, self.products, self.asked, self.url = kind, products, [], ""
        paths = {
            "shopify": [Route("/products.json", self._shopify)],
            "woocommerce": [Route("/wp-json/wc/store/v1/products", self._woo)],
            "generic-jsonld": [Route("/shop", self._list), Route("/item/{n:int}", self._item)],
            "none": [],
        }
        robots = Route("/robots.txt", lambda request: PlainTextResponse("User-agent: *\nAllow: /\n"))
        self.app = Starlette(routes=[*paths[kind], Route("/p/{name}", self._picture), robots])

    def _note(self, request):
        self.asked.append(request.url.path)

    def _picture(self, request):
        self._note(request)
        return Response(b"picture " + request.path_params["name"].encode(), media_type="image/png")

    def _shopify(self, request):
        self._note(request)
        first = 1 if request.query_params["page"] == "1" else self.products + 1
        return JSONResponse({"products": [self._product(n) for n in range(first, self.products + 1)]})

    def _product(self, n):
        return {
            "id": n,
            "title": "Moth pin" if n < 3 else f"Pin {n}",  # two products of one name
            "handle": f"pin-{n}",
            "vendor": "Moss",
            "published_at": f"2024-05-0{n}T10:00:00+02:00",
            "variants": [{"price": f"{n}.50"}],
            "images": [{"src": f"{self.url}/p/{n}a.png"}, {"src": f"{self.url}/p/{n}b.png"}],
        }

    def _woo(self, request):
        self._note(request)
        return JSONResponse([self._woo_product(n) for n in range(1, self.products + 1)])

    def _woo_product(self, n):
        return {
            "id": n,
            "name": f"Mug {n}",
            "permalink": f"{self.url}/product/mug-{n}/",
            "prices": {"price": "1900", "currency_code": "EUR", "currency_minor_unit": 2},
            "images": [{"src": f"{self.url}/p/{n}.png"}],
        }

    def _described(self, n, pictures):
        return {
            "@context": "https://schema.org",
            "@type": "Product",
            "name": f"Print {n}",
            "sku": f"S{n}",
            "url": f"{self.url}/item/{n}",
            "image": [f"{self.url}/p/{n}{part}.png" for part in pictures],
            "brand": {"@type": "Brand", "name": "Moss"},
            "offers": {"@type": "Offer", "price": "20.00", "priceCurrency": "EUR"},
        }

    def _page(self, *things):
        data = "".join(f'<script type="application/ld+json">{json.dumps(thing)}</script>' for thing in things)
        return HTMLResponse(f"<html><head><title>Moss</title>{data}</head><body><h1>Prints</h1>{'text ' * 200}</body>")

    def _list(self, request):
        self._note(request)
        listed = [{"@type": "ListItem", "item": self._described(n, "a")} for n in range(1, self.products + 1)]
        return self._page({"@context": "https://schema.org", "@type": "ItemList", "itemListElement": listed})

    def _item(self, request):
        self._note(request)
        n = request.path_params["n"]
        return self._page(self._described(n, "ab") | {"releaseDate": f"2023-01-0{n}"})


@asynccontextmanager
async def at_the_desk(shop, sqlite_url, tmp_path, clock):
    async with serving(shop):
        environ = {
            "BAZAARWATCH_DATABASE__URL": sqlite_url,
            "BAZAARWATCH_FETCH__CONTACT": "owner@example.org",
            "BAZAARWATCH_FETCH__OWN_ADDRESSES": json.dumps([shop.url.removeprefix("http://")]),
        }
        async with build(load(tmp_path / "data", environ), clock=clock) as parts:
            async with parts.database.write("test") as session:
                owner = await set_owner(session, NOW, "test", "Mira Moss", {"country": "DE", "kind": "person"})
            yield parts, owner


async def take(parts, owner, goods, wish):
    return [one async for one in take_in_shop(parts, owner, goods, wish, "mira")]


PATHS = {"shopify": "", "woocommerce": "", "generic-jsonld": "/shop"}


@pytest.mark.parametrize(("kind", "pictures"), [("shopify", 6), ("woocommerce", 3), ("generic-jsonld", 6)])
async def test_a_shop_registers_works_proofs_prices_and_itself_and_again_nothing(
    sqlite_url, tmp_path, clock, kind, pictures
):
    shop = Shop(kind)
    async with at_the_desk(shop, sqlite_url, tmp_path, clock) as (parts, owner):
        wish = Wish(currency="EUR")
        goods = await read_shop(parts, shop.url + PATHS[kind], wish)
        rehearsed = await take(parts, owner, goods, Wish(dry=True))
        assert [(one.new, one.proof) for one in rehearsed] == [(True, True)] * 3
        async with parts.database.read() as session:
            assert await list_works(session) == []
            assert [await allowed_reason(session, *one) for one in sellers_of(goods)] == [None] * len(sellers_of(goods))
        found = await take(parts, owner, goods, wish)
        assert [(one.new, one.proof, one.problems) for one in found] == [(True, True, [])] * 3
        assert sum(one.pictures for one in found) == pictures
        async with parts.database.read() as session:
            works = [one.work for one in await list_works(session)]
            proofs = [await publications_of(session, work.id) for work in works]
            assert [await allowed_reason(session, *one) for one in sellers_of(goods)] == ["own shop"] * len(
                sellers_of(goods)
            )
        assert [(len(one), one[0].url.startswith("http"), bool(one[0].sha256)) for one in proofs] == [
            (1, True, True)
        ] * 3
        assert all(work.reference_price and work.currency == "EUR" for work in works)
        asked = len(shop.asked)
        again = await take(parts, owner, await read_shop(parts, shop.url + PATHS[kind], wish), wish)
        assert [(one.new, one.pictures, one.proof) for one in again] == [(False, 0, False)] * 3
        assert [path for path in shop.asked[asked:] if path.startswith("/p/")] == []
        shop.products = 4
        more = await take(parts, owner, await read_shop(parts, shop.url + PATHS[kind], wish), wish)
        assert [one.new for one in more] == [False, False, False, True]


async def test_two_products_of_one_name_are_two_works_with_the_days_that_the_shop_states(sqlite_url, tmp_path, clock):
    shop = Shop("shopify")
    async with at_the_desk(shop, sqlite_url, tmp_path, clock) as (parts, owner):
        goods = await read_shop(parts, shop.url, Wish())
        await take(parts, owner, goods, Wish(rights=True))
        async with parts.database.read() as session:
            works = [one.work for one in await list_works(session)]
            rights = {protected[0].title: right.facts for right, protected in await list_rights(session)}
            (proof,) = await publications_of(session, works[0].id)
        assert [work.title for work in works] == ["Moth pin", "Moth pin (pin-2)", "Pin 3"]
        assert [work.reference_price for work in works] == [None, None, None]  # in which currency, nobody said
        assert rights["Moth pin (pin-2)"]["first_publication"]["on"] == "2024-05-02"
        assert len({facts["claim_number"] for facts in rights.values()}) == 3
        assert (proof.stated_on, proof.stated_by) == (date(2024, 5, 1), "the shop's own page")


async def test_the_list_of_a_described_shop_is_completed_from_its_items_pages(sqlite_url, tmp_path, clock):
    shop = Shop("generic-jsonld", products=2)
    async with at_the_desk(shop, sqlite_url, tmp_path, clock) as (parts, _):
        goods = await read_shop(parts, f"{shop.url}/shop", Wish())
    assert [(len(one.listing.image_urls), one.published) for one in goods] == [
        (2, date(2023, 1, 1)),
        (2, date(2023, 1, 2)),
    ]
    assert [one.listing.price for one in goods] == [Decimal("20.00")] * 2


async def test_no_listing_of_the_own_shop_has_a_seller_that_is_not_allowed(sqlite_url, tmp_path, clock):
    shop = Shop("generic-jsonld", products=2)
    async with at_the_desk(shop, sqlite_url, tmp_path, clock) as (parts, owner):
        await take(parts, owner, await read_shop(parts, f"{shop.url}/shop", Wish()), Wish())
        pages = [f"{shop.url}/shop", f"{shop.url}/item/1", f"{shop.url}/item/2"]
        from monitor.marketplaces.base import Request

        async with parts.database.read() as session:
            for url in pages:
                reading = await parts.reader.read(Request(url), "generic-jsonld")
                assert reading.parsed.outcome is Outcome.OK
                for listing in reading.parsed.listings:
                    assert await allowed_reason(session, listing.marketplace, listing.seller.seller_id) == "own shop"


async def test_a_thief_who_writes_the_shops_name_on_other_pages_is_not_allowed(sqlite_url, tmp_path, clock):
    shop = Shop("generic-jsonld", products=1)
    async with at_the_desk(shop, sqlite_url, tmp_path, clock) as (parts, owner):
        await take(parts, owner, await read_shop(parts, f"{shop.url}/shop", Wish()), Wish())
        stolen = shop._described(1, "a") | {"url": "https://thief.example/1"}
        body = bytes(shop._page(stolen).body)
        page = Page("https://thief.example/1", body)
        parsed = under_its_shop(parse(page, "generic-jsonld"), page.url, parts.marketplaces)
        async with parts.database.read() as session:
            seller = parsed.listings[0].seller
            assert seller.name == "Moss"
            assert await allowed_reason(session, "generic-jsonld", seller.seller_id) is None


async def test_a_shop_that_cannot_be_read_says_what_was_tried_and_what_else_to_do(sqlite_url, tmp_path, clock):
    async with at_the_desk(Shop("none"), sqlite_url, tmp_path, clock) as (parts, _):
        with pytest.raises(ImportRefused, match=r"shopify: gone.*woocommerce: gone.*generic-jsonld: gone.*save its"):
            await read_shop(parts, "http://" + json.loads(json.dumps(parts.settings.fetch.own_addresses))[0], Wish())
        with pytest.raises(ImportRefused, match="etsy: it takes a key of its API"):
            await read_shop(parts, "https://www.etsy.com/shop/Moss", Wish(shop_id="77"))


async def test_saved_pages_of_a_shop_bring_their_pictures_with_them(sqlite_url, tmp_path, clock):
    shop = Shop("generic-jsonld", products=1)
    folder = tmp_path / "saved"
    (folder / "print_files").mkdir(parents=True)
    async with at_the_desk(shop, sqlite_url, tmp_path, clock) as (parts, owner):
        page = bytes(shop._page(shop._described(1, "a")).body).replace(
            f"{shop.url}/p/1a.png".encode(), b"./print_files/1a.png"
        )
        (folder / "print.html").write_bytes(page)
        (folder / "print_files" / "1a.png").write_bytes(b"picture beside")
        goods = await read_saved(parts, folder, f"{shop.url}/item/1", Wish())
        (found,) = await take(parts, owner, goods, Wish())
        assert (found.new, found.pictures, found.proof, found.problems) == (True, 1, True, []), (found, goods)
        assert [path for path in shop.asked if path.startswith("/p/")] == []
        async with parts.database.read() as session:
            newest = await entries(session, 5)
        assert "publication proved" in {one.action for one in newest}
        (tmp_path / "nothing").mkdir()
        with pytest.raises(ImportRefused, match="no saved page shows goods"):
            await read_saved(parts, tmp_path / "nothing", "", Wish())


async def test_a_saved_products_json_is_completed_with_pictures_from_the_shop(sqlite_url, tmp_path, clock):
    shop = Shop("shopify", products=1)
    async with at_the_desk(shop, sqlite_url, tmp_path, clock) as (parts, owner):
        (tmp_path / "products.json").write_text(json.dumps({"products": [shop._product(1)]}))
        goods = await read_saved(parts, tmp_path / "products.json", shop.url, Wish())
        (found,) = await take(parts, owner, goods, Wish(pictures=1, currency="EUR"))
        assert (found.pictures, found.price, found.problems) == (1, "1.50 EUR", [])
