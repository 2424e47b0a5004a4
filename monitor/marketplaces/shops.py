"""Listings of shops that live on any host and number their goods themselves: two shops may use one number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from detectors.model import Listing, Seller
from monitor.marketplaces import generic_jsonld, woocommerce
from monitor.marketplaces.base import Marketplace, ParsedPage
from monitor.marketplaces.urls import host_of

_NUMBERED_BY_THE_SHOP = frozenset({generic_jsonld.MARKETPLACE.name, woocommerce.MARKETPLACE.name})


def under_its_shop(parsed: ParsedPage, page_url: str, marketplaces: Mapping[str, Marketplace]) -> ParsedPage:
    """The page with its listings' and sellers' ids preceded by the shop's host, where they alone are not unique."""
    site = marketplaces.get(parsed.marketplace)
    if site is None or site.name not in _NUMBERED_BY_THE_SHOP:
        return parsed
    ids = {listing.listing_id: _with_host(listing, listing.listing_id, page_url) for listing in parsed.listings}
    return replace(
        parsed,
        listings=tuple(
            listing._replace(
                listing_id=ids[listing.listing_id],
                seller=_of_the_shop(listing, page_url),
                aliases=tuple(_with_host(listing, alias, page_url) for alias in listing.aliases),
            )
            for listing in parsed.listings
        ),
        local_pictures={ids.get(number, number): sources for number, sources in parsed.local_pictures.items()},
        published={ids.get(number, number): day for number, day in parsed.published.items()},
    )


def _of_the_shop(listing: Listing, page_url: str) -> Seller | None:
    """The seller under an id that no other shop has: anybody may write any name on pages of their own."""
    seller, host = listing.seller, host_of(listing.url) or host_of(page_url)
    if seller is None or not host or seller.seller_id == host:
        return seller
    return replace(seller, seller_id=_with_host(listing, seller.seller_id, page_url))


def _with_host(listing: Listing, number: str, page_url: str) -> str:
    host = host_of(listing.url) or host_of(page_url)
    return f"{host}/{number}" if host and not number.startswith(f"{host}/") else number
