"""The products that a Big Cartel shop hands out itself, ``/products.json``, by what many public readers name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitor.marketplaces.document import Document
from monitor.marketplaces.prices import read_price
from monitor.marketplaces.reading import Found, Site, dicts, found, seller
from monitor.marketplaces.text import clean_text
from monitor.marketplaces.urls import absolute, host_of

_BY_API = re.compile(r"https?://api\.bigcartel\.com/([\w-]+)/products\.js")
_KEYS = frozenset({"name", "permalink", "url", "price", "images"})


def feed(site: Site, page: Document) -> Iterator[Found]:
    """The listings of a shop's feed; it states no currency."""
    shop = _BY_API.match(page.address)
    home = f"https://{shop[1]}.bigcartel.com/" if shop else page.address
    for product in dicts(page.data) if isinstance(page.data, list) else ():
        url = absolute(home, clean_text(product.get("url"))) if product.keys() >= _KEYS else None
        listing = url and found(
            site,
            page,
            product["id"] if "id" in product else product["permalink"],
            url,
            product["name"],
            price=read_price(product["price"]),
            pictures=[image.get("secure_url") or image.get("url") for image in dicts(product["images"])],
            seller=seller(host_of(url), host_of(url)),
            published=product.get("created_at"),
        )
        if listing:
            yield listing
