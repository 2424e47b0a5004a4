"""How complete the listings of a page are."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.model import Listing

FIELDS = ("title", "url", "price", "currency", "pictures", "seller")


def fields_of(listings: Sequence[Listing]) -> dict[str, int]:
    """In how many of the listings each of ``FIELDS`` is there."""
    return {
        "title": sum(bool(one.title) for one in listings),
        "url": sum(bool(one.url) for one in listings),
        "price": sum(one.price is not None for one in listings),
        "currency": sum(bool(one.currency) for one in listings),
        "pictures": sum(bool(one.image_urls) for one in listings),
        "seller": sum(one.seller is not None for one in listings),
    }
