"""What was seen, when, under which SHA-256: kept with the alert that it proves."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from monitor.about import VERSION
from storage.tables import Capture, Evidence, Listing, ListingPicture, Seller


def facts_of(listing: Listing, seller: Seller | None) -> bytes:
    """The listing's facts as a JSON document, for the blob store; the same facts give the same bytes."""
    facts = {
        "marketplace": listing.marketplace,
        "listing_id": listing.listing_id,
        "url": listing.url,
        "title": listing.title,
        "price": None if listing.price is None else str(listing.price),
        "currency": listing.currency,
        "price_raw": listing.price_raw,
        "seller": seller and {"id": seller.seller_id, "name": seller.name, "url": seller.url},
        "first_seen_at": listing.first_seen_at.isoformat(),
        "seen_at": listing.last_seen_at.isoformat(),
        "tool": f"Bazaarwatch {VERSION}",
    }
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, indent=1).encode()


def proof(
    alert_id: int,
    listing: Listing,
    facts_sha256: str,
    capture: Capture | None,
    pictures: Iterable[ListingPicture],
    now: datetime,
) -> list[Evidence]:
    """The items that prove an alert: the page it was last seen on, its matched pictures, its facts."""
    items = [_item(alert_id, "facts", facts_sha256, listing.url, "derived", now)]
    if capture:
        items.append(_item(alert_id, "page", capture.sha256, capture.url, capture.how, capture.captured_at))
    for picture in pictures:
        if picture.sha256:
            how, at = picture.how or "fetched", picture.fetched_at or now
            items.append(_item(alert_id, "picture", picture.sha256, picture.url, how, at))
    return items


def _item(alert_id: int, kind: str, sha256: str, url: str, how: str, seen_at: datetime) -> Evidence:
    return Evidence(alert_id=alert_id, kind=kind, sha256=sha256, url=url, how=how, seen_at=seen_at)
