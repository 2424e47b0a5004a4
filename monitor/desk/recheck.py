"""Whether a complaint's listings are on sale: looked at anew, or seen by a named person. Refused is neither."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from detectors.model import Outcome
from monitor.complaints.base import TargetState as T
from monitor.complaints.lifecycle import AT_PLATFORM, BEFORE_LEAVING, TARGET_STEPS, ComplaintState, TargetEvent
from monitor.daemon import Parts
from monitor.desk.filing import redraft, reopen
from monitor.desk.hand import Hand, take
from monitor.examine import as_value
from storage.complaints import TargetView, find_target, get_complaint, move_targets, targets_of
from storage.listings import add_details, get_listing, get_seller
from storage.searches import add_capture

X = TargetEvent
Found = Literal["live", "gone", "unknown"]
_SEEN_LIVE = {
    T.REMOVED_UNCONFIRMED: X.REMAIN,
    T.REMOVED: X.REAPPEAR,
    T.VOID_GONE: X.REJECT,
}
_SEEN_GONE = {T.REMOVED_UNCONFIRMED: X.REMOVE, T.STILL_UP: X.REMOVE, T.REAPPEARED: X.REMOVE, T.SELECTED: X.VOID}


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at one listing found. ``unknown``: the site refused us or shows something else."""

    alert_id: int
    url: str
    found: Found
    state: str  # of the listing in its complaint, afterwards
    reason: str = ""


async def waiting(parts: Parts, complaint_id: int, alert_ids: Collection[int] | None = None) -> list[TargetView]:
    """The listings of a complaint that a look may tell something of.

    Raises:
        NotFound: There is no such complaint, or it does not name one of the listings.
    """
    async with parts.database.read() as session:
        await get_complaint(session, complaint_id)
        for alert_id in alert_ids or ():
            await find_target(session, complaint_id, alert_id)
        views = await targets_of(session, complaint_id)
    return [
        view
        for view in views
        if (alert_ids is None or view.alert.id in alert_ids) and view.target.state not in (T.EXCLUDED, T.WITHDRAWN)
    ]


async def look_again(parts: Parts, complaint_id: int, view: TargetView, actor: str) -> Look:
    """Fetch one listing's page and record what came of it.

    On sale: seen live. Gone: left out of a complaint that has not left, else proof of its removal. Anything else, a
    refusal above all, is neither.

    Raises:
        TryLater: This machine has no network, or the host is to be left alone for now.
        FetchError: No contact is set.
    """
    found, reason = await _fetch(parts, view)
    async with parts.database.write("listing looked at again") as session:
        hand = await take(parts, session, complaint_id, actor)
        (target,) = hand.chosen([view.alert.id])
        target.checked_at, target.checked_outcome = hand.now, found
        if found == "live":
            target.live_at, target.live_how, target.live_by = hand.now, "fetched", ""
            await _learn(hand, view.alert.id, _SEEN_LIVE, "seen on sale")
        elif found == "gone":
            target.verified_gone_at = hand.now
            await _learn(hand, view.alert.id, _SEEN_GONE, "its page says that it is gone")
        await redraft(parts, session, hand.row, actor)
        return Look(view.alert.id, view.listing.url, found, target.state, reason)


async def seen_by(parts: Parts, complaint_id: int, alert_ids: Collection[int], person: str) -> None:
    """Record that a named person saw listings on sale just now.

    Raises:
        NotFound: The complaint does not name one of them.
    """
    async with parts.database.write("listings seen by a person") as session:
        hand = await take(parts, session, complaint_id, person)
        for alert_id in alert_ids:
            target = await find_target(session, complaint_id, alert_id)
            target.live_at, target.live_how, target.live_by = hand.now, "person", person
            await _learn(hand, alert_id, _SEEN_LIVE, f"seen on sale by {person}")
        await redraft(parts, session, hand.row, person)


async def _fetch(parts: Parts, view: TargetView) -> tuple[Found, str]:
    """What the listing's own page says; its capture and its facts are kept."""
    async with parts.database.read() as session:
        row = await get_listing(session, view.listing.id)
        seller = await get_seller(session, row)
    marketplace = parts.marketplaces.get(row.marketplace)
    request = marketplace.listing_request(as_value(row, seller)) if marketplace else None
    if request is None:
        return "unknown", f"pages of {row.marketplace} listings cannot be asked for here"
    # As at an examination: what a marketplace's page named may lead no further than that page could.
    source = None if view.capture is None else view.capture.url if view.capture.how == "fetched" else ""
    reading = await parts.reader.read(replace(request, referrer=source), row.marketplace)
    outcome = reading.parsed.outcome
    own = [one for one in reading.parsed.listings if row.listing_id in (one.listing_id, *one.aliases)]
    async with parts.database.write("listing's page recorded") as session:
        kept = await add_capture(session, reading.capture)
        if own and outcome is Outcome.OK:
            await add_details(session, row, own[0], kept.id, parts.clock.now())
    if outcome is Outcome.OK and own:
        return "live", ""
    if outcome is Outcome.GONE:
        return "gone", reading.capture.reason
    return "unknown", f"{outcome.value}: {reading.capture.reason}".rstrip(": ")


async def _learn(hand: Hand, alert_id: int, means: Mapping[T, TargetEvent], note: str) -> None:
    """Let what was seen move the listing where it says something new, and the complaint with it."""
    (target,) = hand.chosen([alert_id])
    event = means.get(T(target.state))
    if event is None or (T(target.state), event) not in TARGET_STEPS:
        return
    if hand.state in BEFORE_LEAVING:
        after = TARGET_STEPS[T(target.state), event]
        await move_targets(hand.session, [target], event, after, hand.now, hand.actor, note=note)
        await reopen(hand.session, hand.row, hand.now, hand.actor, f"listing #{alert_id}: {note}")
    elif hand.state in AT_PLATFORM | {ComplaintState.CLOSED}:
        await hand.step_targets([target], event, note=note)
        await hand.settle()
