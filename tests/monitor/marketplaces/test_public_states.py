"""The data that pages keep for their own scripts, as public readers name it, and cards. Every page here is invented."""

# ruff: noqa: E501 - lines of HTML
from __future__ import annotations

import html
import json
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from detectors.model import Listing, Outcome, Seller
from monitor.marketplaces import canonical, parse
from monitor.marketplaces.base import Page, ParsedPage

_MOTH = "Лунный мотылёк"


def _read(url: str, body: str | dict[str, Any]) -> ParsedPage:
    return parse(Page(url, (body if isinstance(body, str) else json.dumps(body)).encode()))


def _only(answer: ParsedPage, site: str, kind: str) -> Listing:
    assert (answer.marketplace, answer.outcome, answer.kind) == (site, Outcome.OK, kind), answer.reason
    [listing] = answer.listings
    return listing


# --- aliexpress.ru ----------------------------------------------------------------------------------------------------

_RU_ITEM = "https://aliexpress.ru/item/1005009686147003.html"
_RU_ANSWER = "https://aliexpress.ru/aer-webapi/v1/search"
_RU_SEARCH = "https://aliexpress.ru/wholesale?SearchText=moth"
_RU_PRICE = {"value": 281.5, "currency": "RUB"}
_RU_OLD = {
    "id": "1005009686147003",
    "productTitle": _MOTH,
    "productUrl": "/item/1005009686147003.html?sku_id=1",
    "imgSrc": "//ae04.alicdn.com/kf/S1.jpg_220x220.jpg",
    "finalPrice": "281,50 руб.",
}
_RU_GALLERY = [{"gallery": {"images": ["https://ae04.alicdn.com/kf/S1.jpg_480x480.jpg"]}}]
_RU_NEW = {
    "snippetContainer": {
        "itemData": {
            "pdpInfo": {"preloadedData": {"title": _MOTH, "price": _RU_PRICE}, "url": f"{_RU_ITEM}?sku_id=1"},
            "properties": {"id": "1005009686147003"},
        },
        "presentations": [{"layoutAreas": [{"layers": [{"container": [{"elements": _RU_GALLERY}]}]}]}],
    }
}
_RU_PRODUCT = {
    "id": "1005009686147003",
    "name": _MOTH,
    "price": {"minActivityAmount": _RU_PRICE, "minAmount": {"value": 900, "currency": "RUB"}},
    "gallery": [{"imageUrl": "https://ae04.alicdn.com/kf/S1.jpg", "videoUrl": None}],
}
_RU_CARD = (
    '<div class="red-snippet_RedSnippet__container__e1" data-product-id="1005009686147003"><a href="/item/1005009686147003.html">'
    '<img alt="" src="https://ae04.alicdn.com/kf/S1.jpg_480x480.jpg"></a><a class="red-snippet_RedSnippet__content__e1" href='
    '"/item/1005009686147003.html?sku_id=1"><div class="red-snippet_RedSnippet__priceNew__e1">281,50 ₽</div><div class='
    f'"red-snippet_RedSnippet__priceOld__e1">900 ₽</div><div class="red-snippet_RedSnippet__title__e1">{_MOTH}</div></a></div>'
)
_RU_SHOWN = (
    f'<h1>{_MOTH}</h1><div class="HazeProductPrice_SnowPrice__mainS__1">281,50 ₽</div><div class="SnowProductGallery_x">'
    '<img src="https://ae04.alicdn.com/kf/S1.jpg_80x80.jpg"></div>'
)


def _widgets(inner: dict[str, Any]) -> str:
    tree = {"widgets": [{"children": []}, {"children": [{"widgetId": "bx/Snow", **inner}]}]}
    return f'<script id="__AER_DATA__" type="application/json">{json.dumps(tree)}</script>'


@pytest.mark.parametrize(
    ("url", "body", "kind"),
    [
        (_RU_ANSWER, {"data": {"productsFeed": {"products": [_RU_OLD]}}}, "search"),
        (_RU_ANSWER, {"data": {"productsFeed": {"productsV2": [_RU_NEW]}}}, "search"),
        (_RU_SEARCH, _widgets({"state": {"data": {"productsFeed": {"products": [_RU_OLD]}}}}), "search"),
        (_RU_SEARCH, _RU_CARD, "search"),
        (f"{_RU_ITEM}?sku_id=1", _widgets({"props": _RU_PRODUCT}) + _RU_CARD, "product"),
        ("https://aliexpress.ru/aer-jsonapi/v1/bx/pdp/web/productData?productId=1", {"data": _RU_PRODUCT}, "product"),
        (_RU_ITEM, _RU_SHOWN + _RU_CARD.replace("1005009686147003", "1005009686147004"), "product"),
    ],
    ids=["answer", "newer answer", "search", "cards", "item", "item's answer", "shown item"],
)
def test_aliexpress_ru_is_read_by_its_own_data_and_cards(url: str, body: str | dict[str, Any], kind: str) -> None:
    listing = _only(_read(url, body), "aliexpress", kind)
    assert (listing.listing_id, listing.url, listing.title) == ("1005009686147003", _RU_ITEM, _MOTH)
    assert (listing.price, listing.currency) == (Decimal("281.5"), "RUB")
    assert listing.image_urls == ("https://ae04.alicdn.com/kf/S1.jpg",)


# --- Avito, Megamarket, Lamoda ----------------------------------------------------------------------------------------

_AVITO_ITEM = {
    "id": 8056271479,
    "title": _MOTH,
    "urlPath": "/moskva/znachki/znachok_8056271479?context=H4",
    "priceDetailed": {"value": 900, "fullString": "900 ₽"},
    "images": [{"208x208": "https://00.img.avito.st/a.jpg", "864x648": "https://00.img.avito.st/b.jpg"}],
}
_AVITO_STATE = json.dumps({"state": {"data": {"catalog": {"items": [{"type": "banner"}, _AVITO_ITEM]}}}})
_AVITO_VALUES = json.dumps({"catalog": {"items": [{"type": "item", "value": _AVITO_ITEM}]}})


@pytest.mark.parametrize(
    "script",
    [
        f'<script type="mime/invalid" data-mfe-state="true">{html.escape(_AVITO_STATE)}</script>',
        f'<script type="mime/invalid" data-mfe-state="true">{_AVITO_STATE}</script>',
        f"<script>window.__preloadedState__ = {json.dumps(_AVITO_STATE)};</script>",
        f"<script>window.__preloadedState__ = {json.dumps(_AVITO_VALUES)};</script>",
        f'<script>window.__initialData__ = "{quote(_AVITO_STATE)}";</script>',
    ],
    ids=["escaped", "plain", "string", "values", "percent"],
)
def test_avito_is_read_by_the_state_behind_its_search(script: str) -> None:
    onward = '<a data-marker="pagination-button/nextPage" href="/moskva?q=moth&amp;p=2">n</a>'
    answer = _read("https://www.avito.ru/moskva?q=moth", script + onward)
    listing = _only(answer, "avito", "search")
    assert (listing.listing_id, listing.title) == ("8056271479", _MOTH)
    assert listing.url == "https://www.avito.ru/moskva/znachki/znachok_8056271479"
    assert (listing.price, listing.currency, listing.price_raw) == (Decimal(900), "RUB", "900 ₽")
    assert listing.image_urls == ("https://00.img.avito.st/b.jpg",)
    assert answer.next == "https://www.avito.ru/moskva?q=moth&p=2"


def test_avitos_newer_answers_are_read() -> None:
    answer = _read("https://www.avito.ru/web/1/js/items?q=moth", {"catalog": {"items": [_AVITO_ITEM]}})
    assert _only(answer, "avito", "search").price == Decimal(900)


def test_an_avito_item_that_was_taken_down_is_gone() -> None:
    page = (
        '<div data-marker="item-view/closed-warning">Объявление снято с публикации.</div><h1 data-marker="item-view/title-info">'
        f'{_MOTH}</h1><span data-marker="item-view/item-price">900 ₽</span>'
    )
    answer = _read("https://www.avito.ru/moskva/znachki/znachok_8056271479", page)
    assert (answer.outcome, answer.reason) == (Outcome.GONE, "Объявление снято с публикации.")


def test_megamarkets_cards_are_read() -> None:
    card = (
        '<div class="catalog-item-regular-desktop ddl_product catalog-item-desktop"><a href="/catalog/details/moth-100012345678/">'
        '<img src="https://main-cdn.sbermegamarket.ru/mid9/a.jpg"></a><a class="catalog-item-regular-desktop__title-link" title='
        f'"{_MOTH}" href="/catalog/details/moth-100012345678/">Лунный…</a><div class="catalog-item-regular-desktop__price">1 900 ₽'
        '</div></div><ul><li class="next"><a href="/catalog/page-2/?q=moth">2</a></ul>'
    )
    answer = _read("https://megamarket.ru/catalog/?q=moth", card)
    listing = _only(answer, "megamarket", "search")
    assert (listing.listing_id, listing.title) == ("100012345678", _MOTH)
    assert (listing.price, listing.currency) == (Decimal(1900), "RUB")
    assert answer.next == "https://megamarket.ru/catalog/page-2/?q=moth"


def test_lamodas_newer_items_are_read() -> None:
    item = (
        f'<h1 class="_root_1"><span class="_brandName_1">Moths</span><div class="_modelName_1">{_MOTH}</div></h1><span class='
        '"_price_1">2 000 ₽</span><span aria-label="Итоговая цена">1 900 ₽</span><div class="ui-product-page-gallery"><img src='
        '"//a.lmcdn.ru/img600x866/M/P/MP002XB01OAZ_1_1_v1.jpg"></div>'
    )
    listing = _only(_read("https://www.lamoda.ru/p/mp002xb01oaz/accs-moths-znachok/", item), "lamoda", "product")
    assert (listing.title, listing.price, listing.currency) == (f"Moths {_MOTH}", Decimal(1900), "RUB")
    assert listing.image_urls == ("https://a.lmcdn.ru/img600x866/M/P/MP002XB01OAZ_1_1_v1.jpg",)


def test_lamodas_items_are_read() -> None:
    item = (
        '<div class="x-premium-product-title"><span class="x-premium-product-title__brand-name">Moths</span><div class='
        f'"x-premium-product-title__model-name">{_MOTH}</div></div><div><span class="x-premium-product-prices__price">2 000 ₽</span>'
        '<span class="x-premium-product-prices__price">1 900 ₽</span></div><div class="x-premium-product-gallery__pictures">'
        '<img src="//a.lmcdn.ru/img600x866/M/P/MP002XB01OAZ_1_1_v1.jpg"></div>'
    )
    listing = _only(_read("https://www.lamoda.ru/p/mp002xb01oaz/accs-moths-znachok/", item), "lamoda", "product")
    assert (listing.listing_id, listing.title) == ("MP002XB01OAZ", f"Moths {_MOTH}")
    assert (listing.price, listing.currency) == (Decimal(1900), "RUB")
    assert listing.image_urls == ("https://a.lmcdn.ru/img600x866/M/P/MP002XB01OAZ_1_1_v1.jpg",)


@pytest.mark.parametrize("url", [_RU_ITEM, "https://www.lamoda.ru/p/mp002xb01oaz/accs-moths-znachok/"])
def test_a_heading_alone_is_no_item(url: str) -> None:
    assert _read(url, "<h1>Такой страницы нет</h1>").outcome is not Outcome.OK


# --- Mercado Libre ----------------------------------------------------------------------------------------------------


def _polycard(number: str, url: str) -> dict[str, Any]:
    components = [
        {"type": "title", "title": {"text": "Polilla lunar"}},
        {"type": "seller", "seller": {"text": "Polillas"}},
        {"type": "price", "price": {"current_price": {"value": 1234.5, "currency": "ARS"}}},
    ]
    pictures = {"pictures": [{"id": "123456-MLA9_072025"}]}
    return {"polycard": {"metadata": {"id": number, "url": url}, "pictures": pictures, "components": components}}


_ADVERT = "https://click1.mercadolibre.com.ar/mclics/clicks/external/MLA/count?a=x"


@pytest.mark.parametrize("name", ["_n.ctx.r=", "window.__PRELOADED_STATE__ = "])
def test_mercado_libres_cards_are_read_from_the_state_behind_them(name: str) -> None:
    results = [
        _polycard("MLA1111111111", "articulo.mercadolibre.com.ar/MLA-1111111111-polilla-_JM"),
        {"id": "GROUP", "items": [_polycard("MLA2222222222", _ADVERT)]},
        _polycard("MLA3333333333", "www.mercadolibre.com.ar/polilla/up/MLAU4444444444"),
    ]
    state = {"appProps": {"pageProps": {"initialState": {"results": results}}}}
    answer = _read("https://listado.mercadolibre.com.ar/polilla", f"<script>{name}{json.dumps(state)};x={{}}</script>")
    assert [one.url for one in answer.listings] == [
        "https://articulo.mercadolibre.com.ar/MLA-1111111111",
        "https://articulo.mercadolibre.com.ar/MLA-2222222222",
        "https://www.mercadolibre.com.ar/up/MLAU4444444444",
    ]
    first = answer.listings[0]
    assert (first.listing_id, first.title, first.price) == ("MLA1111111111", "Polilla lunar", Decimal("1234.5"))
    assert (first.currency, first.seller) == ("ARS", Seller("Polillas", "Polillas"))
    assert first.image_urls == ("https://http2.mlstatic.com/D_NQ_NP_123456-MLA9_072025-O.webp",)


def test_an_address_that_counts_a_click_is_an_items_only_if_it_names_it() -> None:
    known = ("mercadolibre", "MLA2222222222", "https://articulo.mercadolibre.com.ar/MLA-2222222222")
    assert canonical(f"{_ADVERT}&filters=item_id:MLA2222222222") == known
    assert canonical(_ADVERT) is None


def test_a_card_whose_link_counts_a_click_is_known_by_what_stands_behind_its_fragment() -> None:
    card = (
        '<ol><li class="ui-search-layout__item"><div class="poly-card"><img src="https://http2.mlstatic.com/D_NQ_NP_1-MLA2_3-E.webp">'
        f'<a class="poly-component__title" href="{_ADVERT}#is_advertising=true&amp;wid=MLA2222222222">Polilla lunar</a><div class='
        '"poly-price__current"><span class="andes-money-amount">$ 1.234</span></div></div></li></ol>'
    )
    answer = _read("https://listado.mercadolibre.com.ar/polilla", card)
    assert {(one.listing_id, one.url, one.price, one.currency) for one in answer.listings} == {
        ("MLA2222222222", "https://articulo.mercadolibre.com.ar/MLA-2222222222", Decimal(1234), "ARS")
    }


# --- Redbubble --------------------------------------------------------------------------------------------------------


def test_redbubbles_search_is_read_by_the_state_behind_it() -> None:
    item = {
        "id": "abc",
        "productPageUrl": "https://www.redbubble.com/i/sticker/Moon-moth-by-Ann/43977882/7sgk",
        "work": {"id": "43977882", "title": "Moon moth", "artistUsername": "Ann"},
        "previewSet": {"previews": [{"url": "https://ih1.redbubble.net/image.1.2/st,small,507x507.jpg"}]},
        "price": {"amount": 2.99, "currency": "USD"},
    }
    state = {"props": {"pageProps": {"results": [{"inventoryItem": item}, {"banner": {}}]}}}
    body = f'<script id="__NEXT_DATA__" type="application/json">{json.dumps(state)}</script>'
    listing = _only(_read("https://www.redbubble.com/shop/moth", body), "redbubble", "search")
    assert (listing.listing_id, listing.title) == ("43977882.7sgk", "Moon moth")
    assert listing.url == "https://www.redbubble.com/i/sticker/Moon-moth-by-Ann/43977882/7sgk"
    assert (listing.price, listing.currency, listing.seller) == (Decimal("2.99"), "USD", Seller("Ann", "Ann"))
    assert listing.image_urls == ("https://ih1.redbubble.net/image.1.2/st,small,507x507.jpg",)


# --- Mercari ----------------------------------------------------------------------------------------------------------

_SHOPS_ID = "2JWSxYDo9jEuC5oQR5Lf7i"


def test_mercaris_cards_may_tell_their_title_in_the_picture_alone() -> None:
    cards = (
        '<ul><li data-testid="item-cell"><a data-testid="thumbnail-link" href="/item/m87846990896"><img src="https://static.mercdn.'
        'net/a.jpg" alt="月蛾 ピンバッジのサムネイル"></a><span data-testid="item-tile-price">¥2,100</span></li><li data-testid="item-cell">'
        f'<a href="/shops/product/{_SHOPS_ID}?source=x"><div role="img" aria-label="月蛾 の画像 935円"><img src="https://static.'
        'mercdn.net/b.jpg" alt=""></div></a><span data-testid="item-tile-price">¥935</span></li><li data-testid="item-cell"></li></ul>'
    )
    mine, shops = _read("https://jp.mercari.com/search?keyword=moth", cards).listings
    assert (mine.listing_id, mine.title, mine.price) == ("m87846990896", "月蛾 ピンバッジ", Decimal(2100))
    assert (shops.listing_id, shops.title, shops.price) == (_SHOPS_ID, "月蛾", Decimal(935))
    assert shops.url == f"https://jp.mercari.com/shops/product/{_SHOPS_ID}"


def test_what_mercaris_shops_offer_has_its_own_address_and_the_shop_as_its_seller() -> None:
    item = {"id": _SHOPS_ID, "name": "月蛾", "price": "935", "thumbnails": ["https://static.mercdn.net/b.jpg"]}
    for more, seller in (
        ({"sellerId": "0"}, None),
        ({"sellerId": "0", "shop": {"id": "Sh0p"}}, Seller("Sh0p", "Sh0p")),
    ):
        answer = _read("https://api.mercari.jp/v2/entities:search", {"items": [item | more]})
        listing = _only(answer, "mercari-jp", "search")
        assert (listing.url, listing.seller) == (f"https://jp.mercari.com/shops/product/{_SHOPS_ID}", seller)
