"""How long what was kept is kept: what may go, what a complaint or a hold binds, and how it goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, Select, String, delete, except_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Answer
from storage.audit import record
from storage.drawings import forget_drawings_of
from storage.errors import NotFound, StaleState
from storage.evidence import PURGED, evidence_of, item_hash, note_custody
from storage.months import drop_months, month_of
from storage.tables import (
    Alert,
    Capture,
    Complaint,
    ComplaintTarget,
    Evidence,
    Hold,
    Listing,
    ListingPicture,
    Match,
    Table,
)

ENDED = ("closed", "withdrawn", "retracted", "cancelled", "expired")  # states of complaints that ask for nothing more
_DISMISSED = (Answer.LICENSED, Answer.NOT_A_MATCH)
# Columns that remember the hash of a file which need no longer be there.
_MEMORIES = {("pictures", "sha256"), ("matches", "sha256"), ("captures", "sha256")}


@dataclass(frozen=True, slots=True)
class Limits:
    """Until when each class is due for the purge; None: it is kept for ever."""

    listings: datetime | None
    pages: datetime | None
    captures: datetime | None
    dismissed: datetime | None
    infringing: datetime | None
    complaints: datetime | None


def _held() -> Select[int]:
    return select(Hold.alert_id).where(Hold.released_at.is_(None))


def _complained() -> Select[int]:
    return select(ComplaintTarget.alert_id)


def _in_force(complaints: datetime | None) -> Select[int]:
    """Alerts in a complaint that has not ended, or not for long enough."""
    named = select(ComplaintTarget.alert_id).join(Complaint)
    if complaints is None:
        return named
    return named.where(or_(Complaint.state.not_in(ENDED), Complaint.state_since >= complaints))


def _proved() -> Select[int]:
    return select(Evidence.alert_id)


def due_alerts(limits: Limits) -> dict[str, Select[int]]:
    """The alerts whose evidence is due, by class. Never one that waits for a person, or is bound."""
    free = (Alert.id.in_(_proved()), Alert.id.not_in(_held()), Alert.id.not_in(_in_force(limits.complaints)))
    alone = Alert.id.not_in(_complained())
    due: dict[str, Select[int]] = {}
    if limits.dismissed:
        said = Alert.answer.in_(_DISMISSED) & (Alert.decided_at < limits.dismissed)
        aside = Alert.answer.is_(None) & Alert.suppressed.is_not(None) & (Alert.changed_at < limits.dismissed)
        due["dismissed"] = select(Alert.id).where(or_(said, aside), alone, *free)
    if limits.infringing:
        said = (Alert.answer == Answer.INFRINGING) & (Alert.decided_at < limits.infringing)
        due["infringing"] = select(Alert.id).where(said, alone, *free)
    if limits.complaints:
        due["complaints"] = select(Alert.id).where(Alert.id.in_(_complained()), *free)
    return due


def due_listings(limits: Limits) -> Select[int] | None:
    """Listings without an alert that were not seen for long enough and wait for nothing."""
    if limits.listings is None:
        return None
    alerted = select(Alert.listing_key)
    idle = or_(Listing.examine_at.is_(None), Listing.failure.is_not(None))
    return select(Listing.id).where(Listing.last_seen_at < limits.listings, Listing.id.not_in(alerted), idle)


def due_pages(limits: Limits) -> Select[int] | None:
    """Captured pages whose bytes prove no alert."""
    if limits.pages is None:
        return None
    proof = select(Evidence.sha256)
    old = (Capture.captured_at < limits.pages) & Capture.purged_at.is_(None)
    return select(Capture.id).where(old, Capture.sha256.not_in(proof))


def due_captures(limits: Limits) -> CompoundSelect[int] | None:
    """Pages of whole months whose bytes are gone, on which no listing was seen first or last."""
    if limits.captures is None:
        return None
    old = (Capture.captured_at < month_of(limits.captures)) & Capture.purged_at.is_not(None)
    named = (select(column).where(column.is_not(None)) for column in (Listing.capture_id, Listing.first_capture_id))
    return except_(select(Capture.id).where(old), *named)


async def count_due(session: AsyncSession, limits: Limits) -> dict[str, int]:
    """How many of each class are due."""
    queries: dict[str, Select[int] | CompoundSelect[int] | None] = {
        "listings": due_listings(limits),
        "pages": due_pages(limits),
        "captures": due_captures(limits),
        **due_alerts(limits),
    }
    counts = {}
    for name, query in queries.items():
        if query is not None:
            counts[name] = await session.scalar(select(func.count()).select_from(query.subquery())) or 0
    return counts


async def count_bound(session: AsyncSession, limits: Limits) -> dict[str, int]:
    """How many alerts a hold or a complaint binds."""
    held = select(func.count(func.distinct(Hold.alert_id))).where(Hold.released_at.is_(None))
    bound = _in_force(limits.complaints).distinct().subquery()
    complained = await session.scalar(select(func.count()).select_from(bound)) or 0
    return {"held": await session.scalar(held) or 0, "complained of": complained}


async def forget_listings(session: AsyncSession, limits: Limits, most: int) -> int:
    """Delete some listings that are due; how many. Their pictures' hashes and the crawls' counts stay."""
    query = due_listings(limits)
    if query is None:
        return 0
    keys = await _some(session, query, Listing.id, most)
    for column in (ListingPicture.listing_key, Match.listing_key):
        await session.execute(delete(column.class_).where(column.in_(keys)))
    await session.execute(delete(Listing).where(Listing.id.in_(keys)))
    return len(keys)


async def forget_pages(session: AsyncSession, limits: Limits, now: datetime, most: int) -> int:
    """Give up the bytes of some pages that are due; how many."""
    query = due_pages(limits)
    if query is None:
        return 0
    keys = await _some(session, query, Capture.id, most)
    gone = {"purged_at": now, "screenshot": None}
    await session.execute(update(Capture).where(Capture.id.in_(keys)).values(**gone))
    return len(keys)


async def forget_captures(session: AsyncSession, limits: Limits, most: int) -> int:
    """Delete the rows of pages that are due, on PostgreSQL a month at once; how many."""
    query = due_captures(limits)
    if query is None or limits.captures is None:
        return 0
    if gone := await drop_months(session, limits.captures):
        return gone
    keys = list(await session.scalars(query.limit(most)))  # such as outlived their month, and SQLite's
    await session.execute(delete(Capture).where(Capture.id.in_(keys)))
    return len(keys)


async def forget_evidence(session: AsyncSession, query: Select[int], actor: str, now: datetime, most: int) -> int:
    """Delete the evidence of some alerts that are due; how many. Each one's custody says so and names what went.

    The alert, its answer and its numbers stay, so that the same picture is not asked about again; of the listing only
    its number and address do, unless another alert on it still has evidence.
    """
    keys = await _some(session, query, Alert.id, most)
    for alert_id in keys:
        items = [item_hash(item) for item in await evidence_of(session, alert_id)]
        await note_custody(session, [alert_id], now, actor, PURGED, {"items": items})
    await session.execute(delete(Evidence).where(Evidence.alert_id.in_(keys)))
    await forget_drawings_of(session, keys)
    await _thin_listings(session, keys)
    return len(keys)


async def _thin_listings(session: AsyncSession, alert_ids: Sequence[int]) -> None:
    """Empty the listings of alerts that no other alert proves any more."""
    concerned = select(Alert.listing_key).where(Alert.id.in_(alert_ids))
    proved = select(Alert.listing_key).where(Alert.id.in_(_proved()))
    bare = Listing.id.in_(concerned) & Listing.id.not_in(proved)
    emptied = {"title": "", "price": None, "currency": None, "price_raw": None, "seller_key": None, "capture_id": None}
    keys = list(await session.scalars(select(Listing.id).where(bare)))
    await session.execute(update(Listing).where(Listing.id.in_(keys)).values(**emptied, first_capture_id=None))
    unseen: dict[str, Any] = {"sha256": None, "outcome": None, "how": None, "fetched_at": None, "head": {}}
    await session.execute(update(ListingPicture).where(ListingPicture.listing_key.in_(keys)).values(**unseen))


async def _some(session: AsyncSession, query: Select[int], key: Any, most: int) -> list[int]:
    """Some of the rows, locked: what another transaction works on is left for the next time."""
    return list(await session.scalars(query.order_by(key).limit(most).with_for_update(skip_locked=True)))


async def unreferenced(session: AsyncSession, hashes: Iterable[str]) -> set[str]:
    """Those of some stored files that no row of any table names."""
    left = set(hashes)
    for column in _file_columns():
        if left:
            left -= set(await session.scalars(select(column).where(column.in_(left))))
    kept = select(Capture.sha256).where(Capture.sha256.in_(left), Capture.purged_at.is_(None))
    return left - set(await session.scalars(kept))


def _file_columns() -> list[Any]:
    """Every column that may name a stored file: a hash that names none costs a question, one left out costs a file."""
    return [
        column
        for table in Table.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, String) and column.type.length == 64 and (table.name, column.name) not in _MEMORIES
    ]


async def place_hold(session: AsyncSession, alert_ids: Sequence[int], reason: str, person: str, now: datetime) -> int:
    """Bind the evidence of alerts until a person releases it; how many were free before.

    Raises:
        NotFound: An alert is not there.
    """
    held = set(await session.scalars(_held()))
    fresh = [alert_id for alert_id in alert_ids if alert_id not in held]
    for alert_id in fresh:
        if await session.get(Alert, alert_id, with_for_update=True) is None:
            raise NotFound(f"no alert {alert_id}; `bazaarwatch alerts list --state all` shows them")
        session.add(Hold(alert_id=alert_id, reason=reason, placed_by=person, placed_at=now))
    await note_custody(session, fresh, now, person, "held", {"reason": reason})
    await record(session, now, person, "legal hold placed", "evidence", {"alerts": fresh, "reason": reason})
    return len(fresh)


async def release_hold(session: AsyncSession, alert_ids: Sequence[int], person: str, now: datetime) -> int:
    """End the holds on alerts; how many there were.

    Raises:
        StaleState: None of them is held.
    """
    found = select(Hold).where(Hold.released_at.is_(None), Hold.alert_id.in_(alert_ids)).order_by(Hold.id)
    holds = list(await session.scalars(found))
    if not holds:
        raise StaleState("none of these alerts is held; `bazaarwatch retention holds` shows those that are")
    for hold in holds:
        hold.released_at, hold.released_by = now, person
    released = [hold.alert_id for hold in holds]
    await note_custody(session, released, now, person, "released", {})
    await record(session, now, person, "legal hold released", "evidence", {"alerts": released})
    return len(holds)


async def list_holds(session: AsyncSession) -> list[Hold]:
    """The holds in force, oldest first."""
    return list(await session.scalars(select(Hold).where(Hold.released_at.is_(None)).order_by(Hold.id)))
