"""What is kept with an alert: the page, the matched pictures, a screenshot, the facts, each with how it came."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from monitor.about import VERSION
from storage.tables import Capture, Evidence, Listing, ListingPicture, Seller

TOOL = f"Bazaarwatch {VERSION}"


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
        "tool": TOOL,
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
    items = [_item(alert_id, "facts", facts_sha256, listing.url, "derived", now, {})]
    if capture and not capture.purged_at:
        items += page_items(alert_id, capture)
    for picture in pictures:
        if picture.sha256:
            how, at = picture.how or "fetched", picture.fetched_at or now
            items.append(_item(alert_id, "picture", picture.sha256, picture.url, how, at, picture.head))
    return items


def page_items(alert_id: int, capture: Capture) -> list[Evidence]:
    """A captured page, and the screenshot that came with it."""
    how, at = capture.how, capture.captured_at
    about = {**capture.head, "outcome": capture.outcome}
    items = [_item(alert_id, "page", capture.sha256, capture.url, how, at, about)]
    if capture.screenshot:
        items.append(_item(alert_id, "screenshot", capture.screenshot, capture.url, how, at, capture.head))
    return items


def brought_by(person: str, at: datetime, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside a page or picture that no fetch of ours brought: who handed it in, when, from where."""
    return {"brought_by": person, "brought_at": at.isoformat(), **facts}


def _item(
    alert_id: int, kind: str, sha256: str, url: str, how: str, seen_at: datetime, about: Mapping[str, Any]
) -> Evidence:
    return Evidence(
        alert_id=alert_id,
        kind=kind,
        sha256=sha256,
        url=url,
        how=how,
        seen_at=seen_at,
        about={**about, "tool": TOOL},
    )


_MEDIA = (  # how a file begins, after so many bytes: media type, file name's end
    (0, b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (0, b"GIF8", "image/gif", "gif"),
    (8, b"WEBP", "image/webp", "webp"),
    (4, b"ftypavif", "image/avif", "avif"),
)


def media_type(data: bytes) -> str:
    """What kind of picture the bytes begin like; application/octet-stream if like none."""
    return _media(data)[0]


def file_ending(data: bytes) -> str:
    """The end of a file's name that makes a viewer open it as the picture that it is; never what a stranger says."""
    return _media(data)[1]


def _media(data: bytes) -> tuple[str, str]:
    found = ((kind, ending) for at, begin, kind, ending in _MEDIA if data[at : at + len(begin)] == begin)
    return next(found, ("application/octet-stream", "bin"))
