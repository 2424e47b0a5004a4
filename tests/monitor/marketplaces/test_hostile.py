"""Whatever bytes a marketplace sends: an outcome, never an exception, and listings only with outcome ok."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.model import Outcome
from monitor.marketplaces import MARKETPLACES, canonical, parse
from monitor.marketplaces.base import Page

_SHARED = Path(__file__).parents[4] / "shared" / "fixtures" / "marketplaces"
_SMALL = [file for file in sorted(_SHARED.glob("*/*")) if file.stat().st_size < 60_000]
_NAMES = st.sampled_from([None, *sorted(MARKETPLACES)])
_URLS = st.sampled_from(
    [
        "",
        "https://www.ebay.com/itm/123456789012",
        "http://127.0.0.1:80/",
        "https://x.example/products/a",
        "//",
        "https://[",
    ]
)
_TEXT = st.text(max_size=20) | st.sampled_from(["\ud800", "//", "http://[", "//\ud800/x", "1e999", "{0}"])
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | _TEXT
_KEYS = st.sampled_from(
    ["products", "itemSummaries", "title", "displayTitle", "price", "id", "itemId", "productId", "mods", "itemList",
     "content", "data", "root", "fields", "items", "image", "images", "seller", "handle", "variants", "offers", "@type",
     "goods", "goodsId", "supplierId", "usItemId", "priceInfo", "imageInfo", "listing_id", "results", "permalink",
     "user", "photos", "photo", "sizes", "product", "site_id", "priceDetailed", "urlPath", "marketplace_listing_title",
     "currency", "listing_price", "itemid", "shopid", "item_basic", "thumbnails", "globalData", "tempModel", "offerId",
     "offerResultData", "prices", "currency_minor_unit", "currency_code", "divisor", "amount", "@graph",
     "productGroupID", "hasVariant", "itemListElement", "item", "priceSpecification", "legacyItemId", "imageUrl",
     "additionalImages", "name", "url", "store", "prices", "salePrice", "runParams", "result",
     "src", "total", "error", "errors"]
)  # fmt: skip
_JSON = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=5))


def _holds(page: Page, name: str | None) -> None:
    answer = parse(page, name)
    assert isinstance(answer.outcome, Outcome)
    assert bool(answer.listings) == (answer.outcome is Outcome.OK)
    assert bool(answer.reason) == (answer.outcome is not Outcome.OK)
    for listing in answer.listings:
        assert listing.listing_id
        assert listing.title.strip()
        for text in (listing.listing_id, listing.url, listing.title, *listing.image_urls):
            text.encode("utf-8")
        assert listing.price is None or listing.price >= 0


@given(body=st.binary(max_size=2000), name=_NAMES, url=_URLS)
@settings(max_examples=150, deadline=None)
def test_random_bytes_end_in_an_outcome(body: bytes, name: str | None, url: str) -> None:
    _holds(Page(url, body), name)


@given(value=_JSON, name=_NAMES, url=_URLS)
@settings(max_examples=300, deadline=None)
@pytest.mark.slow
def test_json_of_any_shape_ends_in_an_outcome(value: object, name: str | None, url: str) -> None:
    import json

    _holds(Page(url, json.dumps(value).encode()), name)
    script = f"<script>window.runParams = {json.dumps(value)}; _init_data_= {{ data: {json.dumps(value)} }}</script>"
    linked = f'<script type="application/ld+json">{json.dumps(value)}</script>'
    _holds(Page(url, (script + linked).encode()), name)


@pytest.mark.skipif(not _SMALL, reason="the recordings are not there: no folder ../shared beside the repository")
@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_mutated_recordings_end_in_an_outcome(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(_SMALL))
    body = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        start = data.draw(st.integers(0, len(body)))
        body[start : start + data.draw(st.integers(0, 200))] = data.draw(st.binary(max_size=20))
    _holds(
        Page("", bytes(body)),
        data.draw(st.sampled_from([None, file.parent.name])) if file.parent.name in MARKETPLACES else None,
    )


@pytest.mark.parametrize("name", sorted(MARKETPLACES))
@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a":' * 50_000, b"<div>" * 100_000, b"<b>" * 30_000, b"\0" * 5_000,
     b"\xff\xfe" + b"\xd8" * 4_000,
     b'{"products":[{"id":1,"title":"a","handle":"x","variants":[{"price":1e999999}]}]}',
     b'{"products":[{"id":' + b"9" * 5_000 + b"}]}", b"<script>_init_data_= {data:" + b"[" * 50_000],
    ids=["lists", "objects", "divs", "formatting", "nul", "surrogates", "exponent", "digits", "script"],
)  # fmt: skip
def test_pages_built_to_exhaust_a_parser_end_in_an_outcome(name: str, body: bytes) -> None:
    _holds(Page("https://shop.example/products/a", body), name)


@given(url=st.text(max_size=80) | st.from_regex(r"https?://(www\.)?[a-z]{1,12}\.(com|de|ru)/[a-z0-9/?=&.-]{0,60}"))
@settings(max_examples=200, deadline=None)
def test_canonical_takes_any_text_and_is_idempotent(url: str) -> None:
    known = canonical(url)
    if known is not None:
        assert canonical(known[2]) == known
