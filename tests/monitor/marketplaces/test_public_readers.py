"""Layouts that several public readers of a site agree on and no recording shows. Every page here is invented."""

# ruff: noqa: E501 - lines of HTML
from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from detectors.model import Listing, Outcome, Seller
from monitor.marketplaces import parse
from monitor.marketplaces.base import Page, ParsedPage


def _read(url: str, body: str | dict[str, Any], site: str | None = None) -> ParsedPage:
    return parse(Page(url, (body if isinstance(body, str) else json.dumps(body)).encode()), site)


def _only(answer: ParsedPage, site: str, kind: str) -> Listing:
    assert (answer.marketplace, answer.outcome, answer.kind) == (site, Outcome.OK, kind), answer.reason
    [listing] = answer.listings
    return listing


def _called(data: dict[str, Any], name: str = "mtopjsonp1") -> str:
    return f"{name}({json.dumps(data)});"


# --- AliExpress -------------------------------------------------------------------------------------------------------

_ALI_ITEM = "https://www.aliexpress.com/item/1005006123456789.html"
_ALI_STORE = {"storeName": "Moth Works", "storeNum": 912345, "storeURL": "//www.aliexpress.com/store/912345"}
_ALI_COMPONENTS = {
    "productInfoComponent": {"id": 1005006123456789, "subject": "Moon moth pin"},
    "priceComponent": {
        "discountPrice": {"minActivityAmount": {"currency": "USD", "formatedAmount": "US $9.76", "value": 9.76}},
        "origPrice": {"minAmount": {"currency": "USD", "formatedAmount": "US $12.00", "value": 12}},
    },
    "imageComponent": {"imagePathList": ["https://ae01.alicdn.com/kf/S1.jpg_640x640.jpg"]},
    "sellerComponent": _ALI_STORE,
}
_ALI_PDP = {
    "api": "mtop.aliexpress.pdp.pc.query",
    "data": {
        "result": {
            "GLOBAL_DATA": {"globalData": {"productId": 1005006123456789, "currencyCode": "USD"}},
            "PRODUCT_TITLE": {"text": "Moon moth pin"},
            "PRICE": {"targetSkuPriceInfo": {"salePriceString": "$9.76", "originalPrice": {"value": 12}}},
            "HEADER_IMAGE_PC": {"imagePathList": ["https://ae01.alicdn.com/kf/S1.jpg"]},
            "SHOP_CARD_PC": {"storeName": "Moth Works", "sellerInfo": _ALI_STORE},
        }
    },
    "ret": ["SUCCESS::ok"],
}


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (_ALI_ITEM, f"<script>window.runParams = {{\n data: {json.dumps(_ALI_COMPONENTS)}\n}};</script>"),
        ("https://acs.aliexpress.com/h5/mtop.aliexpress.pdp.pc.query/1.0/", json.dumps(_ALI_PDP)),
        ("https://acs.aliexpress.com/h5/mtop.aliexpress.pdp.pc.query/1.0/", _called(_ALI_PDP)),
        ("", _called(_ALI_PDP)),
    ],
    ids=["components", "pdp", "pdp as a call", "pdp of nowhere"],
)
def test_aliexpress_reads_items_of_2023_and_after(url: str, body: str) -> None:
    listing = _only(_read(url, body), "aliexpress", "product")
    assert (listing.listing_id, listing.url, listing.title) == ("1005006123456789", _ALI_ITEM, "Moon moth pin")
    assert (listing.price, listing.currency) == (Decimal("9.76"), "USD")
    assert listing.image_urls == ("https://ae01.alicdn.com/kf/S1.jpg",)
    assert listing.seller == Seller("912345", "Moth Works", "https://www.aliexpress.com/store/912345")


def test_a_call_of_an_item_that_ended_says_so() -> None:
    ended = {"data": {"result": {"GLOBAL_DATA": {"globalData": {"errorCode": "SITEM_NOT_EXIST"}}}}, "ret": ["SUCCESS"]}
    assert _read("https://acs.aliexpress.com/h5/x/1.0/", _called(ended)).outcome is Outcome.GONE


def test_aliexpress_finds_the_price_on_cards_whose_class_names_are_no_words() -> None:
    card = (
        '<a class="search-card-item" href="//www.aliexpress.com/item/1005006123456789.html?x=1"><img alt="Moon moth pin"'
        ' src="//ae01.alicdn.com/kf/S1.jpg_350x350.jpg"><div class="lq_ae" title="Moon moth pin"><h3>Moon moth pin</h3></div>'
        '<span class="lq_b">1,000+ sold</span><div class="lq_j3" aria-label="US $1.99"><span>US $</span><span>1</span>'
        "<span>.99</span></div><div><span>US $5.00</span></div><span>-60%</span></a>"
    )
    listing = _only(_read("https://www.aliexpress.com/w/wholesale-pin.html", card), "aliexpress", "search")
    assert (listing.price, listing.currency, listing.price_raw) == (Decimal("1.99"), "USD", "US $1.99")


# --- eBay -------------------------------------------------------------------------------------------------------------

_EBAY_PICTURE = "https://i.ebayimg.com/images/g/abcdefghij/s-l500.webp"
_EBAY_ROW = (
    '<div class="su-item-card s-item-card" data-listingid="236940774206"><div class="su-image">'
    f'<img src="{_EBAY_PICTURE}"></div><a class="su-link su-item-card__title" href="https://ebay.com/itm/123456?itmmeta=1">'
    '<span class="su-styled-text primary">Moon moth pin</span><span class="clipped">Opens in a new window or tab</span></a>'
    '<span class="su-styled-text su-item-card__price">EUR 9,76</span><div class="su-card-container__attributes__secondary">'
    '<span class="su-styled-text secondary">mothworks 99.1% positive (1,234)</span></div></div>'
)
_EBAY_SHOP = (
    '<article class="str-item-card StoreFrontItemCard" data-testid="ig-236940774206"><div class="str-quickview-button '
    f'str-item-card__link"><img src="{_EBAY_PICTURE}"></div><div class="str-item-card__property-title"><h3><span '
    'class="str-text-span">Moon moth pin</span></h3></div><span class="str-item-card__property-displayPrice">EUR 9,76</span>'
    "</article>"
)
_EBAY_CATEGORY = (
    '<li class="brwrvr__item-card brwrvr__item-card--list"><a class="bsig__title__wrapper" href="https://www.ebay.de/itm/'
    f'236940774206?x=1"><h3 class="bsig__title__text">Moon moth pin</h3></a><img class="brwrvr__item-card__image" src="{_EBAY_PICTURE}">'
    '<span class="bsig__price bsig__price--displayprice">EUR 9,76</span><span class="bsig__previousPrice">EUR 12,00</span></li>'
)


@pytest.mark.parametrize(
    ("url", "body", "seller"),
    [
        ("https://www.ebay.de/sch/i.html?_nkw=moth", f'<div class="srp-river-main">{_EBAY_ROW}</div>', "mothworks"),
        ("https://www.ebay.de/sch/i.html?_nkw=moth", f'<ul class="su-grid--is-list"><li>{_EBAY_ROW}</ul>', "mothworks"),
        ("https://www.ebay.de/str/mothworks?_pgn=2", f"<section>{_EBAY_SHOP}</section>", "mothworks"),
        ("https://www.ebay.de/b/Pins/1/bn_2", f"<ul>{_EBAY_CATEGORY}</ul>", ""),
    ],
    ids=["sold", "active", "shop", "category"],
)
def test_ebay_reads_the_cards_of_2026_of_shops_and_of_categories(url: str, body: str, seller: str) -> None:
    listing = _only(_read(url, body), "ebay", "search")
    assert (listing.listing_id, listing.url) == ("236940774206", "https://www.ebay.de/itm/236940774206")
    assert (listing.title, listing.price, listing.currency) == ("Moon moth pin", Decimal("9.76"), "EUR")
    assert listing.image_urls == ("https://i.ebayimg.com/images/g/abcdefghij/s-l1600.jpg",)
    assert listing.seller == (Seller(seller, seller) if seller else None)


def test_an_ebay_items_page_is_no_search_for_the_cards_below_it() -> None:
    item = '<h1 class="x-item-title__mainTitle">Moon moth pin</h1><div class="x-price-primary">EUR 9,76</div>'
    answer = _read("https://www.ebay.de/itm/336940774206", item + _EBAY_ROW)
    assert _only(answer, "ebay", "product").listing_id == "336940774206"


# --- Etsy -------------------------------------------------------------------------------------------------------------


def _etsy_card(number: str, name: str) -> str:
    """A card whose shop is told twice, once as an advertisement: which of the two is hidden only the styles tell."""
    return (
        f'<div class="v2-listing-card" data-listing-card-v2 data-listing-id="{number}" data-shop-id="7825028"><a href="https://'
        f'www.etsy.com/listing/{number}/x"><img src="https://i.etsystatic.com/7/r/il/5/6/il_255x319.6_5poq.jpg"></a><h3>{name}</h3>'
        '<p data-seller-name-container><span class="a" aria-hidden="true">ad <span class="b">vertisement</span> by Etsy seller'
        '</span><span class="a wt-screen-reader-only">Advertisement from Etsy seller</span><span class="c" aria-hidden="true">'
        'MothWorks</span><span class="c wt-screen-reader-only">From shop MothWorks</span></p><div class="n-listing-card__price'
        ' lc-price"><p class="lc-price"><span class="wt-screen-reader-only">Sale Price $9.76</span><span aria-hidden="true"><span'
        ' class="currency-symbol">$</span><span class="currency-value">9.76</span></span></p><p><span>$12.00</span></p></div></div>'
    )


def _etsy_list(*numbers: str) -> str:
    items = [
        {
            "@type": "ListItem",
            "item": {
                "@type": "Product",
                "name": "Sun moth pin",
                "url": f"https://www.etsy.com/listing/{number}/sun",
                "brand": {"@type": "Brand", "name": "SunShop"},
                "offers": {"@type": "Offer", "price": "34.87", "priceCurrency": "CAD"},
            },
        }
        for number in numbers
    ]
    data = {"@context": "https://schema.org", "@type": "ItemList", "itemListElement": items}
    return f'<script type="application/ld+json">{json.dumps(data)}</script>'


def test_etsys_advertised_listings_are_taken_from_their_cards() -> None:
    cards = _etsy_card("1702915637", "Sun moth pin") + _etsy_card("4296141840", "Moon moth pin")
    body = f"{_etsy_list('1702915637', '1702915638')}<div data-search-results-lg>{cards}</div>"
    answer = _read("https://www.etsy.com/search?q=moth", body)
    assert [one.listing_id for one in answer.listings] == ["1702915637", "1702915638", "4296141840"]
    advertised = answer.listings[-1]
    assert (advertised.title, advertised.price, advertised.currency) == ("Moon moth pin", Decimal("9.76"), "CAD")
    assert advertised.image_urls == ("https://i.etsystatic.com/7/r/il/5/6/il_fullxfull.6_5poq.jpg",)
    assert advertised.seller == Seller("MothWorks", "MothWorks")


def test_etsys_market_pages_are_read_and_the_cards_of_an_items_page_are_not() -> None:
    grid = (
        f'<ul class="responsive-listing-grid" data-currency="USD"><li>{_etsy_card("4296141840", "Moon moth pin")}</ul>'
    )
    listing = _only(_read("https://www.etsy.com/market/moth_pin", grid), "etsy", "search")
    assert (listing.price, listing.currency, listing.price_raw) == (Decimal("9.76"), "USD", "$9.76")
    product = {"@type": "Product", "name": "Sun moth pin", "offers": {"price": "1.00", "priceCurrency": "USD"}}
    own = f'<script type="application/ld+json">{json.dumps(product)}</script>'
    assert (
        _only(_read("https://www.etsy.com/listing/1702915637/sun", own + grid), "etsy", "product").listing_id
        == "1702915637"
    )
    assert _read("https://www.etsy.com/listing/1702915637/sun", grid).outcome is not Outcome.OK


def test_an_etsy_shop_is_named_by_its_address_where_a_card_has_it() -> None:
    named = '<span data-seller-name-link data-shop-url="https://www.etsy.com/shop/MothWorks?plkey=1">Moths</span>'
    card = _etsy_card("4296141840", "Moon moth pin").replace("<h3>", f"{named}<h3>")
    listing = _only(_read("https://www.etsy.com/market/moth_pin", card), "etsy", "search")
    assert listing.seller == Seller("MothWorks", "MothWorks")


# --- others -----------------------------------------------------------------------------------------------------------

_MOTH = "Moon moth pin"
_REDBUBBLE = (
    '<div class="SearchResultsGrid_grid"><div data-testid="search-result-card"><a class="styles_link__51" href="https://www.'
    'redbubble.com/i/pin/Moon-moth-by-Ann/12345678.NP9QY"><img alt="" src="https://ih1.redbubble.net/image.1.2/pr,x600.jpg">'
    f'<span>{_MOTH}</span><span>By Ann</span><span data-testid="line-item-price-price">£8.64</span></a></div></div>'
)
_ALIBABA = (
    '<div class="fy26-product-card-wrapper" data-ctrdot="1601233565568"><a class="searchx-product-e-slider__link" href="//www.'
    'alibaba.com/product-detail/Moth_1601233565568.html?spm=a"><img src="//s.alicdn.com/kf/H1.jpg_300x300.jpg"></a><h2 class='
    f'"searchx-product-e-title"><a href="//www.alibaba.com/product-detail/Moth_1601233565568.html"><span>{_MOTH}</span></a></h2>'
    '<div class="searchx-product-price-price-main">US$0.35-0.90</div><a class="searchx-product-e-company" href="//moth.en.'
    'alibaba.com/company_profile.html">Moth Co., Ltd.</a></div>'
)
_VINTED = (
    '<div data-testid="grid-item"><div class="new-item-box__container" data-testid="product-item-id-6543210987"><img class='
    '"web_ui__Image__content" src="https://images1.vinted.net/t/a/310x430/1.webp?s=x"><a class="new-item-box__overlay" href='
    f'"https://www.vinted.fr/items/6543210987-moth?referrer=catalog" title="{_MOTH}, gold, marque: Sans, état: Neuf, 3,00 €">'
    '</a><p data-testid="product-item-id-6543210987--price-text">3,00 €</p></div></div>'
)
_SHOPEE_NEW = {
    "items": [
        {
            "item_basic": None,
            "item_data": {
                "itemid": 25581111111,
                "shopid": 901234567,
                "shop_data": {"shop_name": "Moths"},
                "item_card_display_price": {"price": 1990000},
            },
            "item_card_displayed_asset": {"name": _MOTH, "image": "my-1", "images": ["my-1", "my-2"]},
        }
    ]
}
_SHOPEE_ITEM = {
    "data": {
        "item": {"item_id": 25581111111, "shop_id": 901234567, "title": _MOTH, "image": "my-1", "price": 1990000},
        "product_images": {"images": ["my-1", "my-2"]},
        "shop_detailed": {"name": "Moths"},
    }
}
_LAZADA = {
    "data": {
        "root": {
            "fields": {
                "product": {"title": _MOTH},
                "primaryKey": {"itemId": 149806956, "sellerId": 100012},
                "seller": {"name": "Moths", "shopId": 55},
                "skuInfos": {"0": {"price": {"salePrice": {"value": 14.5, "text": "RM14.50"}}}},
                "skuGalleries": {
                    "0": [{"type": "video", "src": "//v/1.mp4"}, {"type": "img", "src": "//x.slatic.net/a.jpg"}]
                },
            }
        }
    }
}
_NO_BRAND = {"@type": "Product", "name": _MOTH, "brand": {"name": "No Brand"}, "offers": {"price": "1"}}
_DHGATE = {
    "itemcode": "912345678",
    "productname": _MOTH,
    "productDurl": "/product/moth/912345678.html?x=1",
    "price": "US $1.20 - 3.40",
    "bigimagepath": "//img4.dhresource.com/300x300/f3/albu/a.jpg",
    "storeName": "Moths",
}
_WILDBERRIES = (
    '<article class="product-card" data-nm-id="502345678"><a class="product-card__link" href="/catalog/502345678/detail.aspx">'
    '</a><img class="j-thumbnail" src="https://basket-27.wbbasket.ru/vol5023/part502345/502345678/images/c516x688/1.webp"><ins'
    f' class="price__lower-price">1\u00a0290\u00a0₽</ins><del>2 000 ₽</del><span class="product-card__name"><span>/ </span>{_MOTH}</span></article>'
)
_WALMART = (
    '<div role="group" data-item-id="5ABC"><a href="/ip/Moth/123456789?from=/search"></a><div data-automation-id="product-price">'
    f'<span>current price $9.99</span></div><span data-automation-id="product-title">{_MOTH}</span><img data-testid='
    '"productTileImage" src="https://i5.walmartimages.com/a.jpeg?odnHeight=180"></div>'
)
_AMAZON = (
    '<div data-component-type="s-search-result" data-asin="B0ABCDEFGH"><h2><span>Moon moth pin</span></h2><span class="a-price">'
    '<span class="a-offscreen">￥2,980</span></span><img class="s-image" src="https://m.media-amazon.com/images/I/81j._AC_UL320_.jpg"></div>'
)
_SUSERCONTENT = "https://down-my.img.susercontent.com/file/my-"
_SHOPEE_LISTING = (
    ("25581111111", "https://shopee.com.my/product/901234567/25581111111", "19.9", "MYR"),
    (f"{_SUSERCONTENT}1", f"{_SUSERCONTENT}2"),
    ("901234567", "Moths"),
)


@pytest.mark.parametrize(
    ("site", "kind", "url", "body", "facts", "pictures", "seller"),
    [
        ("redbubble", "search", "https://www.redbubble.com/shop/?query=moth", _REDBUBBLE,
         ("12345678.NP9QY", "https://www.redbubble.com/i/pin/Moon-moth-by-Ann/12345678.NP9QY", "8.64", "GBP"),
         ("https://ih1.redbubble.net/image.1.2/pr,x600.jpg",), ("Ann", "Ann")),
        ("alibaba", "search", "https://www.alibaba.com/trade/search?SearchText=moth", _ALIBABA,
         ("1601233565568", "https://www.alibaba.com/product-detail/_1601233565568.html", "0.35", "USD"),
         ("https://s.alicdn.com/kf/H1.jpg",), ("Moth Co., Ltd.", "Moth Co., Ltd.")),
        ("vinted", "search", "https://www.vinted.fr/catalog?search_text=moth", _VINTED.replace(", gold", ""),
         ("6543210987", "https://www.vinted.fr/items/6543210987", "3.00", "EUR"),
         ("https://images1.vinted.net/t/a/310x430/1.webp?s=x",), None),
        ("shopee", "search", "https://shopee.com.my/api/v4/search/search_items?keyword=moth", _SHOPEE_NEW, *_SHOPEE_LISTING),
        ("shopee", "product", "https://shopee.com.my/api/v4/pdp/get_pc?item_id=25581111111", _SHOPEE_ITEM, *_SHOPEE_LISTING),
        ("lazada", "product", "https://www.lazada.com.my/products/moth-i149806956-s1.html",
         f'<script type="application/ld+json">{json.dumps(_NO_BRAND)}</script><script>var __moduleData__ = {json.dumps(_LAZADA)};</script>',
         ("149806956", "https://www.lazada.com.my/products/pdp-i149806956.html", "14.5", "MYR"),
         ("https://x.slatic.net/a.jpg",), ("100012", "Moths")),
        ("dhgate", "search", "https://www.dhgate.com/wholesale/search.do?searchkey=moth",
         f'<script id="__NEXT_DATA__" type="application/json">{json.dumps({"props": {"pageProps": {"data": {"totalProducts": [_DHGATE]}}}})}</script>',
         ("912345678", "https://www.dhgate.com/product/item/912345678.html", "1.20", "USD"),
         ("https://img4.dhresource.com/0x0/f3/albu/a.jpg",), ("Moths", "Moths")),
        ("wildberries", "search", "https://www.wildberries.ru/catalog/0/search.aspx?search=moth", _WILDBERRIES,
         ("502345678", "https://www.wildberries.ru/catalog/502345678/detail.aspx", "1290", "RUB"),
         ("https://basket-27.wbbasket.ru/vol5023/part502345/502345678/images/big/1.webp",), None),
        ("walmart", "search", "https://www.walmart.com/search?q=moth", _WALMART,
         ("123456789", "https://www.walmart.com/ip/123456789", "9.99", "USD"), ("https://i5.walmartimages.com/a.jpeg",), None),
        ("amazon", "search", "https://www.amazon.co.jp/s?k=moth", _AMAZON,
         ("B0ABCDEFGH", "https://www.amazon.co.jp/dp/B0ABCDEFGH", "2980", "JPY"),
         ("https://m.media-amazon.com/images/I/81j.jpg",), None),
    ],
)  # fmt: skip
def test_a_layout_that_public_readers_agree_on_is_read(
    site: str,
    kind: str,
    url: str,
    body: str | dict[str, Any],
    facts: tuple[str, str, str, str],
    pictures: tuple[str, ...],
    seller: tuple[str, str] | None,
) -> None:
    listing = _only(_read(url, body), site, kind)
    listing_id, address, price, currency = facts
    assert (listing.listing_id, listing.url, listing.title) == (listing_id, address, _MOTH)
    assert (listing.price, listing.currency) == (Decimal(price), currency)
    assert listing.image_urls == pictures
    assert (listing.seller and (listing.seller.seller_id, listing.seller.name)) == seller


def test_a_vinted_title_keeps_its_own_commas() -> None:
    [listing] = _read("https://www.vinted.fr/catalog?search_text=moth", _VINTED).listings
    assert listing.title == "Moon moth pin, gold"


_ICE = {
    "item": {"itemId": "612345678901", "title": "月蛾 徽章", "images": ["//img.alicdn.com/a.jpg_400x400.jpg"]},
    "seller": {"sellerId": "2895982467", "shopName": "月蛾屋", "pcShopUrl": "//shop1.taobao.com"},
    "componentsVO": {"priceVO": {"price": {"priceText": "19.90"}}},
}
_ICE_PAGE = (
    "<script>!(function () {var a = window.__ICE_APP_CONTEXT__ || {};var b = "
    f"{json.dumps({'appData': None, 'loaderData': {'home': {'data': {'res': _ICE}}}})};window.__ICE_APP_CONTEXT__=b;}})();</script>"
)


@pytest.mark.parametrize(
    ("site", "url", "body", "address"),
    [
        ("taobao", "https://item.taobao.com/item.htm?id=612345678901&skuId=1", _ICE_PAGE, "https://item.taobao.com/item.htm?id="),
        ("tmall", "https://detail.tmall.com/item.htm?id=612345678901", _ICE_PAGE, "https://detail.tmall.com/item.htm?id="),
        ("taobao", "https://h5api.m.taobao.com/h5/mtop.taobao.pcdetail.data.get/1.0/", _called({"data": _ICE}),
         "https://item.taobao.com/item.htm?id="),
    ],
)  # fmt: skip
def test_what_a_taobao_items_page_is_made_from_is_read(site: str, url: str, body: str, address: str) -> None:
    listing = _only(_read(url, body), site, "product")
    assert (listing.url, listing.title) == (f"{address}612345678901", "月蛾 徽章")
    assert (listing.price, listing.currency) == (Decimal("19.90"), "CNY")
    assert listing.image_urls == ("https://img.alicdn.com/a.jpg",)
    assert listing.seller == Seller("2895982467", "月蛾屋", "https://shop1.taobao.com")


def test_the_answers_behind_taobaos_and_1688s_searches_are_read() -> None:
    found = {"item_id": "612345678901", "title": "<span class=H>月蛾</span>徽章", "priceShow": {"price": "19.9"},
             "price": "29", "nick": "月蛾屋", "pic_path": "//img.alicdn.com/a.jpg"}  # fmt: skip
    taobao = _called({"data": {"itemsArray": [found]}, "ret": ["SUCCESS::x"]}, "mtopjsonp37")
    listing = _only(_read("https://h5api.m.taobao.com/h5/x/2.0/", taobao), "taobao", "search")
    assert (listing.title, listing.price, listing.seller) == ("月蛾徽章", Decimal("19.9"), Seller("月蛾屋", "月蛾屋"))

    pictures = "https://cbu01.alicdn.com/a.jpg,https://cbu01.alicdn.com/b.jpg"
    offer = {"offerId": "712345678901", "title": "月蛾<font>徽章</font>", "priceInfo": {"price": "2.80"}, "offerPicUrl": pictures,
             "memberId": "b2b-1", "shop": {"text": "月蛾厂"}, "winPortUrl": "http://shop1.1688.com"}  # fmt: skip
    placed = {**offer, "offerId": "712345678902", "isP4P": "true"}
    answer = {"data": {"data": {"OFFER": {"items": [{"data": placed}, {"data": offer}]}}}, "ret": ["SUCCESS::x"]}
    listing = _only(
        _read("https://h5api.m.1688.com/h5/x/2.0/", _called(answer, "mtopjsonpreqTppId_1_f6")), "1688", "search"
    )
    assert (listing.url, listing.title) == ("https://detail.1688.com/offer/712345678901.html", "月蛾徽章")
    assert (listing.price, listing.currency) == (Decimal("2.80"), "CNY")
    assert listing.image_urls == tuple(pictures.split(","))
    assert listing.seller == Seller("b2b-1", "月蛾厂", "http://shop1.1688.com")


def test_the_state_of_a_1688_offers_page_of_2025_is_read() -> None:
    model = {
        "offerId": 712345678901,
        "companyName": "月蛾厂",
        "sellerMemberId": "b2b-1",
        "winportUrl": "https://shop1.1688.com",
    }
    data = {
        "Root": {"fields": {"dataJson": {"tempModel": model}}},
        "productTitle": {"fields": {"title": "月蛾 徽章"}},
        "gallery": {"fields": {"offerImgList": ["https://cbu01.alicdn.com/a.jpg"]}},
        "mainPrice": {"fields": {"priceModel": {"currentPrices": [{"beginAmount": "2", "price": "2.80"}]}}},
    }
    script = f"window.context=(function(b,d){{return d}})(window.contextPath,{json.dumps({'result': {'data': data}})});"
    listing = _only(
        _read("https://detail.1688.com/offer/712345678901.html", f"<script>{script}</script>"), "1688", "product"
    )
    assert (listing.title, listing.price, listing.currency) == ("月蛾 徽章", Decimal("2.80"), "CNY")
    assert listing.image_urls == ("https://cbu01.alicdn.com/a.jpg",)
    assert listing.seller == Seller("b2b-1", "月蛾厂", "https://shop1.1688.com")


def test_temus_cards_tell_their_title_in_an_attribute() -> None:
    card = (
        '<div class="goodsContainer-2gR7c"><div data-tooltip-title="Moon moth pin"><a href="/de/moth-g-601099512345678.html?x=1">'
        '<img src="https://img.kwcdn.com/product/a.jpg"></a></div><div data-type="price"><span>1</span><span>,99€</span></div></div>'
    )
    listing = _only(_read("https://www.temu.com/search_result.html?search_key=moth", card), "temu", "search")
    assert (listing.title, listing.price, listing.currency) == ("Moon moth pin", Decimal("1.99"), "EUR")


def test_facebooks_answers_are_read_behind_their_guard_and_before_their_other_lines() -> None:
    found = {
        "id": "1234567890123",
        "marketplace_listing_title": "Moon moth pin",
        "listing_price": {"amount": "9.00", "formatted_amount": "£9"},
        "primary_listing_photo": {"image": {"uri": "https://scontent.xx.fbcdn.net/a.jpg?oh=1"}},
    }
    data = {"data": {"marketplace_search": {"feed_units": {"edges": [{"node": {"listing": found}}]}}}}
    body = f'for (;;);{json.dumps(data)}\n{{"label":"x","extensions":{{}}}}'
    listing = _only(_read("https://www.facebook.com/api/graphql/", body), "facebook-marketplace", "search")
    assert (listing.listing_id, listing.price, listing.currency) == ("1234567890123", Decimal("9.00"), "GBP")


def test_what_a_shopify_shop_suggests_is_a_search_even_where_it_is_one_or_none() -> None:
    product = {"id": 8012, "handle": "moth", "title": "Moon moth pin", "price": "12.50", "variants": [], "vendor": "V"}
    some, none = ({"resources": {"results": {"products": products}}} for products in ([product], []))
    url = "https://shop.example/search/suggest.json?q=moth"
    assert _only(_read(url, some), "shopify", "search").price == Decimal("12.50")
    variants = [{"price": "12.50", "price_currency": "CAD"}]
    alone = _only(
        _read("https://shop.example/products/moth.json", {"product": product | {"variants": variants}}),
        "shopify",
        "product",
    )
    assert (alone.price, alone.currency) == (Decimal("12.50"), "CAD")
    assert _read(url, none, "shopify").outcome is Outcome.EMPTY


# --- pages without goods ----------------------------------------------------------------------------------------------

_NO_ITEMS = {"props": {"pageProps": {"initialData": {"searchResult": {"aggregatedCount": 0, "itemStacks": []}}}}}


@pytest.mark.parametrize(
    ("url", "body", "outcome"),
    [
        ("https://www.ebay.de/itm/123456789012", "<div data-testid=d-statusmessage>Dieses Angebot wurde verkauft am Mo, 2. Nov.</div>"
         "<h1 class=x-item-title__mainTitle>Pin</h1>", Outcome.GONE),
        ("https://www.ebay.com/itm/123456789012", "<div class=d-statusmessage>This listing sold on Mon, Nov 2.</div>"
         "<h1 class=x-item-title__mainTitle>Pin</h1>", Outcome.GONE),
        ("https://www.ebay.com/sch/i.html?_nkw=x", "<div class=srp-river-main><div class=srp-save-null-search>No exact matches"
         " found</div></div>", Outcome.EMPTY),
        ("https://www.walmart.com/search?q=x", f"<script id=__NEXT_DATA__>{json.dumps(_NO_ITEMS)}</script>" + "<p>x</p>" * 900,
         Outcome.EMPTY),
        ("https://www.walmart.com/search?q=x", f"<script id=__NEXT_DATA__>{json.dumps(_NO_ITEMS).replace('0', '7')}</script>"
         + "<p>x</p>" * 900, Outcome.DRIFT),
        ("https://lista.mercadolivre.com.br/x", "<h3 class=ui-search-rescue__title>Não há anúncios que correspondam à sua busca</h3>"
         + "<p>x</p>" * 900, Outcome.EMPTY),
        ("https://www.mercadolivre.com.br/gz/account-verification?go=x", "<h1>Para continuar</h1>", Outcome.LOGIN_REQUIRED),
        ("https://h5api.m.1688.com/h5/x/2.0/", _called({"data": {}, "ret": ["FAIL_SYS_FLOWLIMIT::x"]}), Outcome.RATE_LIMITED),
        ("https://acs.aliexpress.com/h5/x/1.0/", _called({"data": {}, "ret": ["RGV587_ERROR::SM"]}), Outcome.BLOCKED),
    ],
)  # fmt: skip
def test_a_page_without_goods_is_told_by_what_it_says(url: str, body: str, outcome: Outcome) -> None:
    assert _read(url, body).outcome is outcome
