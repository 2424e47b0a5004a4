"""Facebook Marketplace: saved search and item pages, whose data lies in the scripts' JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from monitor.marketplaces.base import Abilities, Page
from monitor.marketplaces.document import Document, document
from monitor.marketplaces.reading import Found
from monitor.marketplaces.tables import Records, TableSite
from monitor.marketplaces.text import clean_text

_KEY = "marketplace_listing_title"
_PICTURES = "listing_photos"
_OBJECTS = 200_000


class FacebookMarketplace(TableSite):
    """Facebook Marketplace. Sellers are private persons; picture addresses are signed and expire."""

    def recognises(self, page: Page) -> bool:
        """By the page's address or the listings in its data."""
        whole = document(page)
        return super().recognises(page) or (f'"{_KEY}"' in whole.text and "fbcdn.net" in whole.text)

    def _script_data(self, page: Document) -> Iterator[Any]:
        """All scripts' data together: an item's page tells its facts in several."""
        yield list(super()._script_data(page))

    def founds(self, page: Document, data: Any, layout: Records) -> list[Found]:
        """The listings anywhere in the data: they hang below relay caches of changing names.

        On an item's page that item alone, with its pictures, which stand in an object of their own.
        """
        own = self.canonical(page.address)
        if (layout.kind == "product") != (own is not None):
            return []
        kept: dict[str, dict[str, Any]] = {}
        for entry in _objects_with(data, _KEY):
            number = clean_text(entry.get("id"))
            kept[number] = entry | {key: value for key, value in kept.get(number, {}).items() if value}
        if own is not None:
            entry = kept.get(own[0], {})
            more = next(_objects_with(data, _PICTURES), {})
            kept = {own[0]: entry | {_PICTURES: entry.get(_PICTURES) or more.get(_PICTURES)}}
        read = (self.record(page, entry, layout) for entry in kept.values())
        return [one for one in read if one is not None]


def _objects_with(data: Any, key: str) -> Iterator[dict[str, Any]]:
    waiting = [data]
    for _ in range(_OBJECTS):
        if not waiting:
            return
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(reversed(value))
        elif isinstance(value, dict):
            if value.get(key):
                yield value
            else:
                waiting.extend(reversed(list(value.values())))


_LISTINGS = Records(
    name=_KEY,
    items="@",
    title=_KEY,
    price="listing_price.amount",
    price_raw="listing_price.formatted_amount",
    currency="listing_price.currency",
    pictures="[primary_listing_photo.image.uri, listing_photos[].image.uri][]",
    seller_id="marketplace_listing_seller.id",
    seller_name="marketplace_listing_seller.name",
)
MARKETPLACE = FacebookMarketplace(
    "facebook-marketplace",
    abilities=Abilities(
        "rendered saved",
        detail="rendered saved",
        note="asks for a login; use your own browser. Sellers are private persons",
    ),
    hosts=frozenset({"facebook.com"}),
    address=re.compile(r"facebook\.com/(?:[^?]*/)?marketplace/(?:[^/?]+/)?item/(?P<id>\d{8,20})(?=[/?])"),
    template="https://www.facebook.com/marketplace/item/{id}/",
    signs={"$": "USD"},  # other dollars are written CA$, A$ and so on
    records=(
        _LISTINGS,
        replace(_LISTINGS, name="marketplace_product_details_page", kind="product"),
    ),
    scripts=('script[type="application/json"]',),
)
