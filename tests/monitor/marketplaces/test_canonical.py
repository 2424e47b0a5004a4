"""Any form of a listing's address gives one listing; addresses that only look alike give none."""

from __future__ import annotations

import pytest

from monitor.marketplaces import MARKETPLACES, canonical

_EBAY = ("ebay", "381228738769", "https://www.ebay.com/itm/381228738769")
_ALI = ("aliexpress", "1005006123456789", "https://www.aliexpress.com/item/1005006123456789.html")
_FORMS = {
    _EBAY: [
        "https://www.ebay.com/itm/381228738769",
        "http://www.ebay.com/itm/Outdoor-Wicker-Couch-/381228738769",
        "https://www.ebay.de/itm/381228738769?hash=item58c2&_skw=sofa",
        "https://www.ebay.co.uk/itm/381228738769#viTabs_0",
        "https://m.ebay.com/itm/381228738769",
        "//www.ebay.fr/itm/381228738769/",
        "https://WWW.EBAY.COM/itm/381228738769?var=5&epid=1",
        "https://cgi.ebay.com/ws/eBayISAPI.dll?ViewItem&item=381228738769",
        "https://api.ebay.com/buy/browse/v1/item/v1%7C381228738769%7C0",
        "https://www.ebay.com/p/23042?iid=381228738769",
    ],
    _ALI: [
        "https://www.aliexpress.com/item/1005006123456789.html",
        "https://he.aliexpress.com/item/1005006123456789.html?spm=a2g0o&pvid=1",
        "//es.aliexpress.com/item/1005006123456789.html",
        "https://www.aliexpress.com/item/Enamel-Pin/1005006123456789.html",
        "https://m.aliexpress.com/item/1005006123456789.html",
        "https://m.aliexpress.com/i/1005006123456789.html",
        "https://www.aliexpress.us/item/1005006123456789.html?gatewayAdapt=glo2usa",
        "https://www.aliexpress.com/i/1005006123456789.html#reviews",
        "https://www.aliexpress.com/store/product/Pin/912345_1005006123456789.html",
        "http://aliexpress.com/item/1005006123456789.html",
    ],
}


@pytest.mark.parametrize(("known", "url"), [(known, url) for known, urls in _FORMS.items() for url in urls])
def test_every_form_of_an_address_is_one_listing(known: tuple[str, str, str], url: str) -> None:
    assert canonical(url) == known


@pytest.mark.parametrize(
    "url",
    [
        "https://www.ebay.com.evil.example/itm/381228738769",
        "https://evil-ebay.com/itm/381228738769",
        "https://www.ebay.com@evil.example/itm/381228738769",
        "https://user:pass@www.ebay.com/itm/381228738769",
        "https://www.\u0435bay.com/itm/381228738769",
        "https://www.ebay.example/itm/381228738769",
        "javascript://www.ebay.com/itm/381228738769",
        "ftp://www.ebay.com/itm/381228738769",
        "https://www.aliexpress.com.evil.example/item/1005006123456789.html",
        "https://www.ebay.com/itm/123456",
        "https://www.ebay.com/sch/i.html?_nkw=381228738769",
        "https://www.aliexpress.com/w/wholesale-pin.html",
        "",
        "https://",
    ],
)
def test_what_only_looks_like_a_listing_is_none(url: str) -> None:
    assert canonical(url) is None


def test_aliexpress_ru_keeps_its_own_addresses() -> None:
    known = canonical("https://aliexpress.ru/item/1005006123456789.html?sku_id=12")
    assert known == ("aliexpress", "1005006123456789", "https://aliexpress.ru/item/1005006123456789.html")


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/products/red-pin",
        "https://shop.example/collections/all/products/red-pin?variant=1&_pos=2",
        "https://shop.example/en-gb/products/red-pin",
        "https://shop.example/products/red-pin.json",
        "https://SHOP.example/products/red-pin/#reviews",
    ],
)
def test_a_shopify_product_has_one_address_below_any_collection(url: str) -> None:
    known = MARKETPLACES["shopify"].canonical(url)
    assert known == ("shop.example/red-pin", "https://shop.example/products/red-pin")
