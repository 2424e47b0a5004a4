"""An item's own page in a layout that its parser does not know, read by what it says for search engines."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.marketplaces.base import Marketplace, Page, ParsedPage
from monitor.marketplaces.document import Document, document
from monitor.marketplaces.generic_jsonld import MARKETPLACE as ANY_SHOP
from monitor.marketplaces.reading import Found, Site, parsed
from monitor.marketplaces.urls import host_of


def own_item(site: Marketplace, page: Page) -> ParsedPage | None:
    """The item that the page's address names, if the page describes it in schema.org's or Open Graph's terms.

    Only that one: what a search page in an unknown layout describes so may be a part of its results, or none of them.
    """
    whole = document(page)
    own = (whole.address, whole.canonical_link or "") if not whole.looks_like_json else ()
    known = next(filter(None, map(site.canonical, own)), None)
    if known is None or not isinstance(site, Site):
        return None
    for layout, described in _described(whole):
        if site.canonical(described.listing.url) != known:
            continue
        listing_id, url = known
        seller = described.listing.seller
        if seller is not None and seller.seller_id == host_of(described.listing.url):
            seller = None  # the marketplace itself, or the brand: nobody's account
        listing = described.listing._replace(marketplace=site.name, listing_id=listing_id, url=url, seller=seller)
        return parsed(site, whole, [described._replace(listing=listing)], layout=layout, kind="product")
    return None


def _described(page: Document) -> Iterator[tuple[str, Found]]:
    for found in ANY_SHOP.from_linked_data(page):
        yield "json-ld", found
    graph = ANY_SHOP.from_open_graph(page)
    if graph is not None:
        yield "open-graph", graph
    for found in ANY_SHOP.from_microdata(page):
        yield "microdata", found
