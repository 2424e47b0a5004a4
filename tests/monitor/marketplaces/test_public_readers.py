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
