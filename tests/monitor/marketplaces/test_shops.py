from __future__ import annotations

from detectors.model import Listing, Outcome
from monitor.marketplaces import MARKETPLACES
from monitor.marketplaces.base import ParsedPage
from monitor.marketplaces.shops import under_its_shop


def page(marketplace: str, url: str, listing_id: str = "A1") -> ParsedPage:
    listing = Listing(marketplace, listing_id, url, "Pin", aliases=("B2",))
    return ParsedPage(Outcome.OK, marketplace, (listing,), local_pictures={listing_id: ("a.jpg",)})


def test_two_shops_may_use_one_number() -> None:
    pages = [
        under_its_shop(page("generic-jsonld", f"https://{host}/pin"), "https://x.example", MARKETPLACES)
        for host in ("one.example", "two.example")
    ]
    ids = {listing.listing_id for one in pages for listing in one.listings}
    assert ids == {"one.example/A1", "two.example/A1"}
    assert [dict(one.local_pictures) for one in pages] == [
        {"one.example/A1": ("a.jpg",)},
        {"two.example/A1": ("a.jpg",)},
    ]
    assert pages[0].listings[0].aliases == ("one.example/B2",)


def test_a_listing_without_address_is_its_pages_shops() -> None:
    read = under_its_shop(page("woocommerce", ""), "https://shop.example/wp-json", MARKETPLACES)
    assert read.listings[0].listing_id == "shop.example/A1"
    again = under_its_shop(read, "https://shop.example/wp-json", MARKETPLACES)
    assert again == read


def test_a_marketplaces_own_ids_stay() -> None:
    read = page("ebay", "https://www.ebay.com/itm/123456789012", "123456789012")
    assert under_its_shop(read, "https://www.ebay.com/sch", MARKETPLACES) == read
