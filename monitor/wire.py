"""How values cross between processes, and into `parse --json`: plain JSON and length-prefixed frames, never pickle."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from detectors.model import Listing, Outcome, Seller
from monitor.marketplaces.base import Page, ParsedPage

LENGTHS = struct.Struct(">II")  # bytes of the JSON header, bytes of the payload


class BadFrame(ValueError):
    """What the other side sent is no frame, or its content is not of the agreed shape."""


def pack(header: Mapping[str, Any], size_bytes: int) -> bytes:
    """The start of a frame: lengths and JSON header; the payload of ``size_bytes`` follows it as it is."""
    text = json.dumps(header, separators=(",", ":")).encode()
    return LENGTHS.pack(len(text), size_bytes) + text


def unpack(text: bytes) -> dict[str, Any]:
    """The JSON header of a frame.

    Raises:
        BadFrame: It is no JSON object.
    """
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"not JSON: {error}") from None
    if not isinstance(header, dict):
        raise BadFrame("not a JSON object")
    return header


def page_to_json(page: Page) -> dict[str, Any]:
    """A page without its body."""
    return {
        "url": page.url,
        "status": page.status,
        "headers": dict(page.headers),
        "fetched_at": page.fetched_at.isoformat() if page.fetched_at else None,
        "outcome": page.outcome,
        "reason": page.reason,
        "address": page.address,
        "retry_at": page.retry_at.isoformat() if page.retry_at else None,
    }


def page_from_json(data: Mapping[str, Any], body: bytes) -> Page:
    """The page that `page_to_json` described, with its body. Trusted: only our own parent process sends one."""
    return Page(
        url=data["url"],
        body=body,
        status=data["status"],
        headers=data["headers"],
        fetched_at=datetime.fromisoformat(data["fetched_at"]) if data["fetched_at"] else None,
        outcome=Outcome(data["outcome"]) if data["outcome"] else None,
        reason=data["reason"],
        address=data["address"],
        retry_at=datetime.fromisoformat(data["retry_at"]) if data["retry_at"] else None,
    )


def listing_to_json(listing: Listing) -> dict[str, Any]:
    """One listing; the price as a decimal string."""
    seller = listing.seller
    return {
        "marketplace": listing.marketplace,
        "listing_id": listing.listing_id,
        "title": listing.title,
        "url": listing.url,
        "price": None if listing.price is None else f"{listing.price:f}",
        "currency": listing.currency,
        "price_raw": listing.price_raw,
        "image_urls": list(listing.image_urls),
        "seller": None if seller is None else {"id": seller.seller_id, "name": seller.name, "url": seller.url},
        "aliases": list(listing.aliases),
    }


def listing_from_json(data: Any) -> Listing:
    """The listing that `listing_to_json` described, every field checked.

    Raises:
        BadFrame: A field is missing or of another type.
    """
    seller = data["seller"]
    price = _optional_text(data["price"])
    try:
        return Listing(
            marketplace=_text(data["marketplace"]),
            listing_id=_text(data["listing_id"]),
            url=_text(data["url"]),
            title=_text(data["title"]),
            price=None if price is None else Decimal(price),
            currency=_optional_text(data["currency"]),
            price_raw=_optional_text(data["price_raw"]),
            image_urls=tuple(_text(url) for url in data["image_urls"]),
            seller=None
            if seller is None
            else Seller(_text(seller["id"]), _text(seller["name"]), _optional_text(seller["url"])),
            aliases=tuple(_text(alias) for alias in data["aliases"]),
        )
    except InvalidOperation:
        raise BadFrame("a price is no decimal number") from None


def parsed_to_json(parsed: ParsedPage) -> dict[str, Any]:
    """What a page says, as `bazaarwatch parse --json` prints it."""
    return {
        "outcome": parsed.outcome,
        "marketplace": parsed.marketplace,
        "listings": [listing_to_json(listing) for listing in parsed.listings],
        "next": parsed.next,
        "layout": parsed.layout,
        "reason": parsed.reason,
        "kind": parsed.kind,
        "local_pictures": {listing_id: list(sources) for listing_id, sources in parsed.local_pictures.items()},
        "published": {listing_id: day.isoformat() for listing_id, day in parsed.published.items()},
    }


def parsed_from_json(data: Any) -> ParsedPage:
    """The parsed page that `parsed_to_json` described, every field checked: hostile bytes met the child that sent it.

    Raises:
        BadFrame: A field is missing or of another type.
    """
    try:
        return ParsedPage(
            outcome=Outcome(data["outcome"]),
            marketplace=_text(data["marketplace"]),
            listings=tuple(listing_from_json(item) for item in data["listings"]),
            next=_optional_text(data["next"]),
            layout=_text(data["layout"]),
            reason=_text(data["reason"]),
            kind=_text(data["kind"]),
            local_pictures={
                listing_id: tuple(_text(source) for source in sources)
                for listing_id, sources in data["local_pictures"].items()
            },
            published={listing_id: date.fromisoformat(_text(day)) for listing_id, day in data["published"].items()},
        )
    except BadFrame:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise BadFrame(f"not a parsed page: {error!r}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise BadFrame(f"text expected, got {type(value).__name__}")
    return value


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)
