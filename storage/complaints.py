"""Complaints and the listings in them: drafted by the program, confirmed by a person, followed to their end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Answer
from storage.alerts import AlertView, matches_by_alert
from storage.audit import record, record_all
from storage.errors import NotFound, Refused, StaleState
from storage.evidence import evidence_by_alert
from storage.tables import (
    Alert,
    Capture,
    Complaint,
    ComplaintEvent,
    ComplaintTarget,
    ComplaintTimer,
    CounterNotice,
    Evidence,
    Listing,
    ListingPicture,
    Match,
    Right,
    RightWork,
    Seller,
    Work,
)

RELEASED = ("cancelled", "withdrawn")  # complaints whose listings may be complained of again
_RUNNING = (ComplaintTimer.ended_at.is_(None), ComplaintTimer.kind != "recrawl")  # but for our own looks
FREED = ("excluded", "void_gone", "reappeared")  # listings that may be, whatever became of the rest


@dataclass(frozen=True, slots=True)
class ComplaintSummary:
    """A complaint with its work and right, the number of its listings by state, and what has to be done until when."""

    complaint: Complaint
    work: Work
    right: Right
    states: dict[str, int]
    timer: ComplaintTimer | None  # the next that is open
    counter: CounterNotice | None  # the open one

    @property
    def targets(self) -> int:
        """How many listings it is about: those left out are not counted."""
        return sum(count for state, count in self.states.items() if state != "excluded")


@dataclass(frozen=True, slots=True)
class TargetView:
    """A listing in a complaint with what a person needs to see beside it."""

    target: ComplaintTarget
    alert: Alert
    work: Work
    listing: Listing
    seller: Seller | None
    capture: Capture | None  # the page it was last seen on


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """What was found and kept of a listing in a complaint, the strongest finding first."""

    matches: tuple[Match, ...]
    evidence: tuple[Evidence, ...]
    pictures: tuple[ListingPicture, ...]


def _taken(right_id: Any) -> Select[int]:
    """Alerts that stand in a complaint under a right, which they leave when it is given up or they are freed."""
    return (
        select(ComplaintTarget.alert_id)
        .join(Complaint)
        .where(
            Complaint.right_id == right_id,
            Complaint.state.not_in(RELEASED),
            ComplaintTarget.state.not_in(FREED),
        )
    )


async def infringing_alerts(session: AsyncSession, work_id: int, right_id: int) -> list[AlertView]:
    """Alerts of a work decided infringing, not yet complained of under this right, in the order of decision."""
    query = (
        select(Alert, Work, Listing, Seller)
        .join(Work, Work.id == Alert.work_id)
        .join(Listing, Listing.id == Alert.listing_key)
        .outerjoin(Seller, Seller.id == Listing.seller_key)
        .where(
            Alert.work_id == work_id,
            Alert.answer == Answer.INFRINGING,
            Alert.suppressed.is_(None),
            Alert.id.not_in(_taken(right_id)),
        )
    )
    return [AlertView(*row) for row in await session.execute(query.order_by(Alert.decided_at, Alert.id))]


async def complaints_under(session: AsyncSession, work_id: int, right_id: int) -> list[int]:
    """The complaints that listings copying a work stand in under a right, which keeps them out of another one."""
    naming = select(Complaint.id).where(
        Complaint.work_id == work_id, Complaint.right_id == right_id, Complaint.state.not_in(RELEASED)
    )
    return list(await session.scalars(naming.order_by(Complaint.id)))


async def complaints_against(session: AsyncSession, marketplace: str, seller_id: str) -> list[int]:
    """The complaints under way, or drafted, that name a listing of a seller."""
    named = (
        select(Complaint.id)
        .join(ComplaintTarget, ComplaintTarget.complaint_id == Complaint.id)
        .join(Alert, Alert.id == ComplaintTarget.alert_id)
        .join(Listing, Listing.id == Alert.listing_key)
        .join(Seller, Seller.id == Listing.seller_key)
        .where(Seller.marketplace == marketplace, Seller.seller_id == seller_id)
        .where(Complaint.state.not_in((*RELEASED, "retracted", "closed")), ComplaintTarget.state.not_in(FREED))
    )
    return list(await session.scalars(named.distinct().order_by(Complaint.id)))


async def waiting_copies(session: AsyncSession) -> dict[int, Counter[str]]:
    """By right: how many listings copy its works, decided so and in no complaint under it, by the site they are on.

    A site is named as addresses begin: scheme and host.
    """
    taken = _taken(RightWork.right_id).where(ComplaintTarget.alert_id == Alert.id).correlate(RightWork, Alert)
    query = (
        select(RightWork.right_id, Listing.url)
        .join(Alert, Alert.work_id == RightWork.work_id)
        .join(Listing, Listing.id == Alert.listing_key)
        .where(
            Alert.answer == Answer.INFRINGING,
            Alert.suppressed.is_(None),
            ~taken.exists(),
        )
    )
    found: dict[int, Counter[str]] = {}
    for right_id, url in await session.execute(query):
        found.setdefault(right_id, Counter())["/".join(url.split("/", 3)[:3])] += 1
    return found


async def add_complaint(
    session: AsyncSession,
    now: datetime,
    actor: str,
    complaint: Complaint,
    alert_ids: Sequence[int],
    *,
    again: bool = False,
) -> Complaint:
    """Keep a draft and the listings it names.

    Args:
        again: What a platform refused is said again: the listings stand in that complaint too.

    Raises:
        StaleState: A listing stands in another complaint under this right since it was looked up.
    """
    taken = _taken(complaint.right_id).where(ComplaintTarget.alert_id.in_(alert_ids))
    if not again and (twice := list(await session.scalars(taken))):
        raise StaleState(f"alert {twice[0]} stands in another complaint already; draft again")
    complaint.state, complaint.state_since, complaint.drafted_at = "draft", now, now
    session.add(complaint)
    await session.flush()
    session.add_all(
        ComplaintTarget(complaint_id=complaint.id, alert_id=alert_id, position=position, state_since=now)
        for position, alert_id in enumerate(alert_ids)
    )
    facts = {"platform": complaint.platform, "site": complaint.site, "alerts": list(alert_ids)}
    await record(session, now, actor, "complaint drafted", f"complaint {complaint.id}", facts)
    return complaint


async def get_complaint(session: AsyncSession, complaint_id: int, *, lock: bool = False) -> Complaint:
    """One complaint.

    Args:
        lock: Hold it until the transaction ends, so that of two who want to move it the second sees what the first did.

    Raises:
        NotFound: There is none.
    """
    found = await session.get(Complaint, complaint_id, with_for_update=lock or None, populate_existing=lock)
    if not found:
        raise NotFound(f"no complaint {complaint_id}; `bazaarwatch complaints list` shows them")
    return found


async def list_complaints(
    session: AsyncSession,
    *,
    states: Collection[str] | None = None,
    work_id: int | None = None,
    seller_key: int | None = None,
    owners: Collection[int] | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[ComplaintSummary]:
    """Complaints by what presses most: open counter-notices, then the next deadline, then the newest.

    Args:
        states: Only complaints in these.
        seller_key: Only those that name a listing of this seller.
        owners: Only about works of these rights holders, by their ids.
    """
    running = select(ComplaintTimer.complaint_id, func.min(ComplaintTimer.act_by_at).label("at")).where(*_RUNNING)
    until = running.group_by(ComplaintTimer.complaint_id).subquery()
    countered = select(CounterNotice.complaint_id).where(CounterNotice.state == "open")
    query = (
        select(Complaint, Work, Right)
        .join(Work, Work.id == Complaint.work_id)
        .join(Right, Right.id == Complaint.right_id)
        .outerjoin(until, until.c.complaint_id == Complaint.id)
        .order_by(Complaint.id.not_in(countered), until.c.at.is_(None), until.c.at, Complaint.id.desc())
        .limit(limit)
        .offset(offset)
    )
    if states is not None:
        query = query.where(Complaint.state.in_(states))
    if work_id is not None:
        query = query.where(Complaint.work_id == work_id)
    if seller_key is not None:
        named = select(ComplaintTarget.complaint_id).join(Alert).join(Listing).where(Listing.seller_key == seller_key)
        query = query.where(Complaint.id.in_(named))
    if owners is not None:
        query = query.where(Work.owner_id.in_(owners))
    rows = list(await session.execute(query))
    some = [row[0].id for row in rows] if limit else None
    counts: dict[int, dict[str, int]] = {}
    by_state = select(ComplaintTarget.complaint_id, ComplaintTarget.state, func.count())
    if some is not None:
        by_state = by_state.where(ComplaintTarget.complaint_id.in_(some))
    for complaint_id, state, count in await session.execute(by_state.group_by(*by_state.selected_columns[:2])):
        counts.setdefault(complaint_id, {})[state] = count
    timers = {row.complaint_id: row for row in reversed(await open_timers(session, some))}
    counters = {row.complaint_id: row for row in await open_counters(session)}
    return [
        ComplaintSummary(*row, counts.get(row[0].id, {}), timers.get(row[0].id), counters.get(row[0].id))
        for row in rows
    ]


async def count_complaints(
    session: AsyncSession, states: Collection[str] | None = None, owners: Collection[int] | None = None
) -> int:
    """How many complaints there are, of some states, about works of some rights holders."""
    query = select(func.count()).select_from(Complaint)
    if states is not None:
        query = query.where(Complaint.state.in_(states))
    if owners is not None:
        query = query.where(Complaint.work_id.in_(select(Work.id).where(Work.owner_id.in_(owners))))
    return await session.scalar(query) or 0


async def targets_of(session: AsyncSession, complaint_id: int) -> list[TargetView]:
    """The listings in a complaint, in its order, those left out among them."""
    query = (
        select(ComplaintTarget, Alert, Work, Listing, Seller, Capture)
        .join(Alert, Alert.id == ComplaintTarget.alert_id)
        .join(Work, Work.id == Alert.work_id)
        .join(Listing, Listing.id == Alert.listing_key)
        .outerjoin(Seller, Seller.id == Listing.seller_key)
        .outerjoin(Capture, Capture.id == Listing.capture_id)
        .where(ComplaintTarget.complaint_id == complaint_id)
        .order_by(ComplaintTarget.position)
    )
    return [TargetView(*row) for row in await session.execute(query)]


async def target_facts(session: AsyncSession, alert_ids: Collection[int]) -> dict[int, TargetFacts]:
    """What was found and kept of each alert's listing, in a few questions however many there are."""
    matches = await matches_by_alert(session, alert_ids)
    kept = await evidence_by_alert(session, alert_ids)
    pictures: dict[int, list[ListingPicture]] = {}
    shown = select(Alert.id, ListingPicture).join(ListingPicture, ListingPicture.listing_key == Alert.listing_key)
    order = (ListingPicture.position, ListingPicture.id)
    for alert_id, picture in await session.execute(shown.where(Alert.id.in_(alert_ids)).order_by(*order)):
        pictures.setdefault(alert_id, []).append(picture)
    return {
        one: TargetFacts(tuple(matches.get(one, ())), tuple(kept.get(one, ())), tuple(pictures.get(one, ())))
        for one in alert_ids
    }


@dataclass(frozen=True, slots=True)
class Naming:
    """A complaint that names an alert, and how far it is."""

    complaint_id: int
    platform: str
    state: str


async def complaints_by_alert(session: AsyncSession, alert_ids: Collection[int]) -> dict[int, list[Naming]]:
    """The complaints that name each of these alerts, oldest first."""
    columns = ComplaintTarget.alert_id, Complaint.id, Complaint.platform, Complaint.state
    named = select(*columns).join(Complaint).where(ComplaintTarget.alert_id.in_(alert_ids))
    rows = await session.execute(named.order_by(*columns[:2]))
    return {alert_id: [Naming(*row[1:]) for row in found] for alert_id, found in groupby(rows, itemgetter(0))}


async def move(
    session: AsyncSession,
    complaint: Complaint,
    event: str,
    after: str,
    now: datetime,
    actor: str,
    *,
    note: str = "",
    raw: str = "",
) -> None:
    """Put a complaint into the state that an event leads to, and keep the step."""
    before, complaint.state = complaint.state, after
    if before != after:
        complaint.state_since = now
    step = {"event": event, "before": before, "after": after, "note": note, "raw": raw}
    session.add(ComplaintEvent(complaint_id=complaint.id, at=now, actor=actor, **step))
    await record(session, now, actor, f"complaint {event.replace('_', ' ')}", f"complaint {complaint.id}", step)


async def move_targets(
    session: AsyncSession,
    targets: Sequence[ComplaintTarget],
    event: str,
    after: str,
    now: datetime,
    actor: str,
    *,
    note: str = "",
    raw: str = "",
) -> None:
    """Put listings of one complaint into the state that an event leads to, and keep each step."""
    told = {}
    for target in targets:
        step = {"event": event, "before": target.state, "after": after, "note": note, "raw": raw}
        session.add(ComplaintEvent(complaint_id=target.complaint_id, target_id=target.id, at=now, actor=actor, **step))
        told[f"alert {target.alert_id} in complaint {target.complaint_id}"] = step
        target.state, target.state_since, target.note = after, now, note or target.note
    await record_all(session, now, actor, f"listing {event.replace('_', ' ')}", told)


async def events_of(session: AsyncSession, complaint_id: int) -> list[tuple[ComplaintEvent, int | None]]:
    """Every step of a complaint, oldest first, each with the alert of the listing it is about."""
    query = (
        select(ComplaintEvent, ComplaintTarget.alert_id)
        .outerjoin(ComplaintTarget, ComplaintTarget.id == ComplaintEvent.target_id)
        .where(ComplaintEvent.complaint_id == complaint_id)
        .order_by(ComplaintEvent.id)
    )
    return [(event, alert_id) for event, alert_id in await session.execute(query)]


async def require_free_reference(session: AsyncSession, complaint: Complaint, external_ref: str) -> None:
    """Make sure that the platform's number of a complaint is no other complaint's.

    Raises:
        Refused: It is.
    """
    other = await session.scalar(
        select(Complaint.id).where(
            Complaint.platform == complaint.platform,
            Complaint.external_ref == external_ref,
            Complaint.id != complaint.id,
        )
    )
    if other:
        raise Refused(f"{external_ref!r} is the number of complaint {other} at {complaint.platform} already")


async def find_by_listings(
    session: AsyncSession, platform: str, words: Collection[str], states: Collection[str]
) -> list[Complaint]:
    """Complaints at a platform, in some states, that name a listing by its id or address."""
    named = (
        select(ComplaintTarget.complaint_id)
        .join(Alert, Alert.id == ComplaintTarget.alert_id)
        .join(Listing, Listing.id == Alert.listing_key)
        .where(or_(Listing.listing_id.in_(words), Listing.url.in_(words)))
    )
    query = select(Complaint).where(Complaint.platform == platform, Complaint.state.in_(states))
    return list(await session.scalars(query.where(Complaint.id.in_(named)).order_by(Complaint.id)))


async def start_timers(session: AsyncSession, complaint_id: int, timers: Sequence[ComplaintTimer]) -> None:
    """Keep timers of a complaint; one that is there already stays as it is."""
    known = {
        (row.kind, row.started_at, row.due_at)
        for row in await session.scalars(select(ComplaintTimer).filter_by(complaint_id=complaint_id))
    }
    for timer in timers:
        if (timer.kind, timer.started_at, timer.due_at) not in known:
            timer.complaint_id = complaint_id
            session.add(timer)
    await session.flush()


async def timers_of(session: AsyncSession, complaint_id: int) -> list[ComplaintTimer]:
    """Every timer of a complaint, by when it is due."""
    query = select(ComplaintTimer).where(ComplaintTimer.complaint_id == complaint_id)
    return list(await session.scalars(query.order_by(ComplaintTimer.due_at, ComplaintTimer.id)))


async def open_timers(session: AsyncSession, complaint_ids: Collection[int] | None = None) -> list[ComplaintTimer]:
    """Every open timer but those for our own looks, or those of some complaints, by when one must have acted."""
    query = select(ComplaintTimer).where(*_RUNNING)
    if complaint_ids is not None:
        query = query.where(ComplaintTimer.complaint_id.in_(complaint_ids))
    return list(await session.scalars(query.order_by(ComplaintTimer.act_by_at, ComplaintTimer.id)))


async def due_timers(session: AsyncSession, now: datetime) -> list[ComplaintTimer]:
    """Open timers whose last moment has passed and that were not acted upon."""
    query = select(ComplaintTimer).where(
        ComplaintTimer.ended_at.is_(None), ComplaintTimer.fired_at.is_(None), ComplaintTimer.due_at <= now
    )
    return list(await session.scalars(query.order_by(ComplaintTimer.due_at, ComplaintTimer.id)))


async def open_counters(session: AsyncSession) -> list[CounterNotice]:
    """The counter-notices that wait for our answer, the most pressing first."""
    query = select(CounterNotice).where(CounterNotice.state == "open")
    last = case((CounterNotice.due_at.is_(None), 0), else_=1)  # one without a known end is the most pressing of all
    return list(await session.scalars(query.order_by(last, CounterNotice.due_at, CounterNotice.id)))


async def counters_of(session: AsyncSession, complaint_id: int) -> list[CounterNotice]:
    """The counter-notices to a complaint, oldest first."""
    query = select(CounterNotice).where(CounterNotice.complaint_id == complaint_id).order_by(CounterNotice.round)
    return list(await session.scalars(query))


async def find_target(session: AsyncSession, complaint_id: int, alert_id: int) -> ComplaintTarget:
    """The listing in a complaint that an alert is about.

    Raises:
        NotFound: The complaint does not name it.
    """
    found = await session.scalar(select(ComplaintTarget).filter_by(complaint_id=complaint_id, alert_id=alert_id))
    if not found:
        raise NotFound(
            f"complaint {complaint_id} has no listing #{alert_id}; `bazaarwatch complaints show {complaint_id}`"
        )
    return found
