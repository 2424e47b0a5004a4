"""A fresh look at a listing before a complaint leaves: its own page and its matched pictures, kept as evidence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from detectors.model import Outcome
from monitor.daemon import Parts
from monitor.errors import FetchError, TryLater
from monitor.evidence.capture import TOOL, facts_of, proof
from monitor.evidence.exhibit import Exhibit, exhibits
from monitor.examine import as_value
from monitor.heads import head_of
from monitor.marketplaces.base import Page, Request
from storage import tables
from storage.evidence import keep_evidence, last_looks, note_custody
from storage.listings import add_details, get_listing, get_seller
from storage.searches import add_capture

FRESH = timedelta(hours=24)  # what was seen within it may leave with a complaint


@dataclass(frozen=True, slots=True)
class Recaptured:
    """What a fresh look found. Only ``ok`` says that the listing is on sale, only ``gone`` that it is not."""

    alert_id: int
    outcome: Outcome
    reason: str
    seen_at: datetime
    kept: int  # items


async def capture_again(parts: Parts, alert_id: int, actor: str) -> Recaptured:
    """Fetch an alert's listing and its matched pictures once more, and keep what comes with the alert.

    Whatever the answer is, it is evidence of the look: a page that is gone or a wall too. The listing counts as seen
    only where its page shows it.

    Raises:
        NotFound: There is no such alert.
        FetchError: No contact is set.
        TryLater: This machine has no network.
    """
    async with parts.database.read() as session:
        (one,) = await exhibits(session, [alert_id])
    listing = one.view.listing
    marketplace = parts.marketplaces.get(listing.marketplace)
    asked = marketplace.listing_request(as_value(listing, one.view.seller)) if marketplace else None
    reading = await parts.reader.read(asked or Request(listing.url), listing.marketplace)
    own = [item for item in reading.parsed.listings if listing.listing_id in (item.listing_id, *item.aliases)]
    outcome = reading.parsed.outcome
    if outcome is Outcome.OK and not own:
        outcome = Outcome.DRIFT  # a page of other listings, as some sites give for one that ended, does not show it
    pictures = await _pictures(parts, one) if own else []
    now = parts.clock.now()
    async with parts.database.write("page captured again") as session:
        capture = await add_capture(session, reading.capture)
        if own:
            await add_details(session, await get_listing(session, listing.id), own[0], capture.id, now)
    kept = await _keep(parts, alert_id, listing.id, capture, pictures, actor, outcome)
    reason = reading.capture.reason or ("the page shows other listings" if outcome is Outcome.DRIFT else "")
    return Recaptured(alert_id, outcome, reason, capture.captured_at, kept)


async def refresh(
    parts: Parts,
    alert_ids: Sequence[int],
    actor: str,
    tell: Callable[[int, int], None] = lambda *_: None,
    say: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Recaptured]:
    """Look again at the listings whose page was last captured more than `FRESH` ago, one after the other.

    Without a network, or before a contact is set, it ends: what leaves is then as old as it says.

    Args:
        tell: Told how many are done, and of how many.
        say: Told in words which were not seen on sale, and why.
    """
    try:
        waiting = await stale(parts, alert_ids, actor)
        for done, alert_id in enumerate(waiting, 1):
            one = await capture_again(parts, alert_id, actor)
            tell(done, len(waiting))
            if one.outcome is not Outcome.OK:
                say(f"alert {alert_id}: not seen on sale now: {one.outcome.value} {one.reason}".rstrip())
            yield one
    except (TryLater, FetchError) as error:
        say(f"not captured again: {error}")


async def stale(parts: Parts, alert_ids: Sequence[int], actor: str) -> list[int]:
    """Alerts whose evidence has no page of the last `FRESH`; a younger one that some other look brought is kept first.

    They come in their ids' order.
    """
    begins = parts.clock.now() - FRESH
    async with parts.database.read() as session:
        looks = await last_looks(session, alert_ids)
    found = []
    for one in looks:
        if one.page_at and one.page_at >= begins:
            continue
        if one.capture_id and one.captured_at and one.captured_at > begins:
            async with parts.database.read() as session:
                capture = await session.get_one(tables.Capture, one.capture_id)
            await _keep(parts, one.alert_id, one.listing_key, capture, [], actor)
        else:
            found.append(one.alert_id)
    return found


async def _pictures(parts: Parts, one: Exhibit) -> list[tables.ListingPicture]:
    """The pictures that matched, as their addresses show them now."""
    matched = {match.sha256 for match in one.matches}
    addresses = {item.url: item for item in one.items if item.kind == "picture" and item.sha256 in matched}
    found = []
    for url, item in addresses.items():
        if item.how != "fetched" or not url.startswith(("https://", "http://")):
            continue
        page = await parts.reader.get(Request(url, referrer=one.view.listing.url), one.view.listing.marketplace)
        if page.outcome in (None, Outcome.OK) and page.body and not _is_text(page):
            sha256, at = await parts.blobs.put(page.body), page.fetched_at or parts.clock.now()
            found.append(
                tables.ListingPicture(url=url, sha256=sha256, how="fetched", fetched_at=at, head=head_of(page))
            )
    return found


def _is_text(page: Page) -> bool:
    return page.headers.get("content-type", "").startswith("text/")


async def _keep(
    parts: Parts,
    alert_id: int,
    listing_key: int,
    capture: tables.Capture,
    pictures: Sequence[tables.ListingPicture],
    actor: str,
    outcome: Outcome | None = None,
) -> int:
    """What came, as evidence of the alert; how many items are new.

    Args:
        outcome: Of the look; None for what the page's own capture says.
    """
    now = parts.clock.now()
    async with parts.database.read() as session:
        listing = await get_listing(session, listing_key)
        seller = await get_seller(session, listing)
    facts_sha256 = await parts.blobs.put(facts_of(listing, seller))
    async with parts.database.write("evidence captured again") as session:
        items = proof(alert_id, listing, facts_sha256, capture, pictures, now)
        kept = await keep_evidence(session, items, TOOL, now)
        facts = {"outcome": outcome.value if outcome else capture.outcome, "items": kept}
        await note_custody(session, [alert_id], now, actor, "looked again", facts)
    return kept
