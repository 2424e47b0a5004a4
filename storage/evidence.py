"""What proves an alert, and the chain of who had it in hand: appended to, never changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import Alert, Audit, Capture, Custody, Evidence, Listing, Match

START = "0" * 64  # what the first entry of a chain names as the one before it
KEPT, PURGED = "kept", "purged"
EXPORTED = "evidence exported"  # in the audit log
_Entry = tuple[str, Mapping[str, Any]]  # what was done, and its facts


async def keep_evidence(session: AsyncSession, items: Sequence[Evidence], actor: str, now: datetime) -> int:
    """Keep what was seen of alerts, each item with its entry of custody; the same item twice is one. How many new.

    Args:
        actor: The person, or the part of the program, who had it first.
    """
    alert_ids = {item.alert_id for item in items}
    await _take_turn(session, alert_ids)
    known = {_key(item) for kept in (await evidence_by_alert(session, alert_ids)).values() for item in kept}
    fresh = {_key(item): item for item in items if _key(item) not in known}.values()
    entries: dict[int, list[_Entry]] = {}
    for item in fresh:
        facts = {"kind": item.kind, "item": item_hash(item), "file": item.sha256}
        entries.setdefault(item.alert_id, []).append((KEPT, facts))
    session.add_all(fresh)
    await _lengthen(session, entries, now, actor)
    return len(fresh)


async def evidence_of(session: AsyncSession, alert_id: int) -> list[Evidence]:
    """What was kept for an alert, in the order in which it was."""
    return (await evidence_by_alert(session, [alert_id])).get(alert_id, [])


async def evidence_by_alert(session: AsyncSession, alert_ids: Collection[int]) -> dict[int, list[Evidence]]:
    """The same for each of these alerts of which anything was."""
    found = select(Evidence).where(Evidence.alert_id.in_(alert_ids)).order_by(Evidence.alert_id, Evidence.id)
    rows = await session.scalars(found)
    return {alert_id: list(items) for alert_id, items in groupby(rows, attrgetter("alert_id"))}


@dataclass(frozen=True, slots=True)
class LastLook:
    """When an alert's listing was last captured: as its evidence has it, and on any page since."""

    alert_id: int
    listing_key: int
    page_at: datetime | None  # of the newest page among its evidence
    capture_id: int | None  # of the page on which the listing was last seen, while its bytes are kept
    captured_at: datetime | None


async def last_looks(session: AsyncSession, alert_ids: Collection[int]) -> list[LastLook]:
    """How old what is kept of each of these alerts is, in their ids' order; those that are not there are left out."""
    kept = select(Evidence.alert_id, func.max(Evidence.seen_at).label("at")).where(Evidence.kind == "page")
    newest = kept.where(Evidence.alert_id.in_(alert_ids)).group_by(Evidence.alert_id).subquery()
    found = (
        select(Alert.id, Alert.listing_key, newest.c.at, Capture.id, Capture.captured_at)
        .join(Listing, Listing.id == Alert.listing_key)
        .outerjoin(newest, newest.c.alert_id == Alert.id)
        .outerjoin(Capture, (Capture.id == Listing.capture_id) & Capture.purged_at.is_(None))
        .where(Alert.id.in_(alert_ids))
        .order_by(Alert.id)
    )
    return [LastLook(*row) for row in await session.execute(found)]


async def page_seen_at(session: AsyncSession, alert_id: int) -> datetime | None:
    """When a page that shows an alert's listing was last kept."""
    return await session.scalar(
        select(func.max(Evidence.seen_at)).where(Evidence.alert_id == alert_id, Evidence.kind == "page")
    )


async def drawn_of(session: AsyncSession, pictures: Collection[str]) -> list[Evidence]:
    """The comparisons kept of any alert on a listing with one of these pictures, by their SHA-256."""
    same = (Match.listing_key == Alert.listing_key) & (Match.work_id == Alert.work_id)
    alerts = select(Alert.id).join(Match, same).where(Match.sha256.in_(pictures))
    kept = select(Evidence).where(Evidence.kind == "comparison", Evidence.alert_id.in_(alerts))
    return list(await session.scalars(kept.order_by(Evidence.id)))


async def note_custody(
    session: AsyncSession, alert_ids: Collection[int], at: datetime, actor: str, action: str, facts: Mapping[str, Any]
) -> dict[int, Custody]:
    """Lengthen the chain of each of these alerts by one entry, in the transaction of what it speaks of; the entries."""
    await _take_turn(session, alert_ids)
    return await _lengthen(session, {alert_id: [(action, facts)] for alert_id in alert_ids}, at, actor)


async def _take_turn(session: AsyncSession, alert_ids: Collection[int]) -> None:
    """One at a time lengthens an alert's chain; the order keeps two who want several from waiting for each other."""
    await session.execute(select(Alert.id).where(Alert.id.in_(alert_ids)).order_by(Alert.id).with_for_update())


async def _lengthen(
    session: AsyncSession, entries: Mapping[int, Sequence[_Entry]], at: datetime, actor: str
) -> dict[int, Custody]:
    """Add entries to chains; the newest of each."""
    ends = select(Custody.alert_id, func.max(Custody.position)).where(Custody.alert_id.in_(entries))
    newest = select(Custody).where(tuple_(Custody.alert_id, Custody.position).in_(ends.group_by(Custody.alert_id)))
    last = {entry.alert_id: (entry.position, entry.hash) for entry in await session.scalars(newest)}
    ended = dict[int, Custody]()
    for alert_id, added in entries.items():
        position, previous = last.get(alert_id, (0, START))
        for action, facts in added:
            position += 1
            entry = Custody(alert_id=alert_id, position=position, at=at, actor=actor, action=action)
            entry.facts, entry.previous = dict(facts), previous
            previous = entry.hash = entry_hash(entry)
            session.add(entry)
            ended[alert_id] = entry
    await session.flush()
    return ended


async def custody_of(session: AsyncSession, alert_id: int) -> list[Custody]:
    """An alert's chain, from its first entry on."""
    return (await custody_by_alert(session, [alert_id])).get(alert_id, [])


async def custody_by_alert(session: AsyncSession, alert_ids: Collection[int]) -> dict[int, list[Custody]]:
    """The chain of each of these alerts that has one, from its first entry on."""
    found = select(Custody).where(Custody.alert_id.in_(alert_ids)).order_by(Custody.alert_id, Custody.position)
    rows = await session.scalars(found)
    return {alert_id: list(chain) for alert_id, chain in groupby(rows, attrgetter("alert_id"))}


async def custody_faults(session: AsyncSession) -> list[str]:
    """Every entry of custody that was changed, dropped or reordered, and every item of evidence without its entry."""
    faults: list[str] = []
    alert_id, position, previous = 0, 0, START
    rows = select(Custody).order_by(Custody.alert_id, Custody.position).execution_options(yield_per=1000)
    kept: set[tuple[int, str]] = set()  # alert, hash of the item
    async for entry in await session.stream_scalars(rows):
        if entry.alert_id != alert_id:
            alert_id, position, previous = entry.alert_id, 0, START
        if entry.position != position + 1 or entry.previous != previous or entry.hash != entry_hash(entry):
            faults.append(f"alert {alert_id}: entry {entry.position} of its custody was changed or follows no other")
        position, previous = entry.position, entry.hash
        if entry.action == KEPT:
            kept.add((alert_id, str(entry.facts.get("item"))))
        for purged in entry.facts.get("items", ()) if entry.action == PURGED else ():
            kept.discard((alert_id, str(purged)))
    async for item in await session.stream_scalars(select(Evidence).execution_options(yield_per=1000)):
        identity = (item.alert_id, item_hash(item))
        if identity not in kept:
            faults.append(f"alert {item.alert_id}: evidence {item.id} was changed, or kept by nobody")
        kept.discard(identity)
    faults += [f"alert {alert}: evidence that was kept is missing ({item[:12]}…)" for alert, item in sorted(kept)]
    return faults + await _cut_chains(session)


async def _cut_chains(session: AsyncSession) -> list[str]:
    """Alerts whose custody no longer has the entry at which it stood when it was handed out, by the audit log."""
    faults = []
    for told in await session.scalars(select(Audit).where(Audit.action == EXPORTED).order_by(Audit.id)):
        heads = {int(alert): str(head) for alert, head in told.facts.get("custody", {}).items()}
        known = set(await session.scalars(select(Custody.hash).where(Custody.alert_id.in_(heads))))
        faults += [
            f"alert {alert}: its custody lost what was handed out as {told.subject}"
            for alert, head in heads.items()
            if head not in known
        ]
    return faults


async def exported_as(session: AsyncSession, manifest_sha256: str) -> Audit | None:
    """The entry of the audit log that tells of an evidence ZIP, by the hash of its manifest; None if none does."""
    told = Audit.facts["manifest_sha256"].as_string() == manifest_sha256
    return (await session.scalars(select(Audit).where(Audit.action == EXPORTED, told).order_by(Audit.id))).first()


async def heads_after(session: AsyncSession, custody_id: int, before: datetime, limit: int) -> list[Custody]:
    """The newest entry of each chain that grew since a row of custody, in the rows' order.

    Args:
        before: Entries from then on may still be joined by earlier ones of transactions under way: they wait.
    """
    young = select(func.min(Custody.id)).where(Custody.id > custody_id, Custody.at >= before)
    end = await session.scalar(young)
    rows = select(Custody.id).where(Custody.id > custody_id).order_by(Custody.id).limit(limit)
    settled = (rows if end is None else rows.where(Custody.id < end)).subquery()
    grown = select(func.max(Custody.id)).join(settled, settled.c.id == Custody.id).group_by(Custody.alert_id)
    return list(await session.scalars(select(Custody).where(Custody.id.in_(grown)).order_by(Custody.id)))


def item_hash(item: Evidence) -> str:
    """The hash of everything that is said of one item; `monitor/evidence/verify.py` computes the same."""
    return _sha256(item_record(item))


def item_record(item: Evidence) -> dict[str, Any]:
    """One item as JSON values."""
    return {
        "kind": item.kind,
        "sha256": item.sha256,
        "url": item.url,
        "how": item.how,
        "seen_at": _time(item.seen_at),
        "about": item.about or {},
    }


def entry_record(entry: Custody) -> dict[str, Any]:
    """One entry of custody as JSON values, its hash included."""
    return {**_hashed(entry), "hash": entry.hash}


def entry_hash(entry: Custody) -> str:
    """The hash that the next entry names; `monitor/evidence/verify.py` computes the same."""
    return _sha256(_hashed(entry))


def _hashed(entry: Custody) -> dict[str, Any]:
    return {
        "alert": entry.alert_id,
        "position": entry.position,
        "at": _time(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "facts": entry.facts,
        "previous": entry.previous,
    }


def _key(item: Evidence) -> tuple[int, str, str, str, datetime]:
    return item.alert_id, item.kind, item.sha256, item.url, item.seen_at.astimezone(UTC)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
