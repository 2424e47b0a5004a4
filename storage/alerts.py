"""Matches and the alerts that they raise."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from detectors import model
from storage.clusters import join_cluster
from storage.errors import NotFound
from storage.search import note_words
from storage.tables import Alert, Listing, Match, Reference, Seller, Work
from storage.upsert import upsert


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert with what a person needs to see beside it."""

    alert: Alert
    work: Work
    listing: Listing
    seller: Seller | None


async def record_matches(
    session: AsyncSession,
    listing_key: int,
    sha256: str,
    matches: Sequence[model.Match],
    now: datetime,
    judged: str | None = None,
) -> None:
    """Keep the findings on one picture of a listing; a repeated examination changes nothing.

    Args:
        judged: SHA-256 of the bytes that they were found on, where the picture only repeats them.
    """
    if not matches:
        return
    rows = [
        {
            "listing_key": listing_key,
            "sha256": sha256,
            "work_id": match.work_id,
            "reference_id": match.reference_id,
            "detector": match.detector,
            "version": match.version,
            "threshold": match.threshold,
            "distance_bits": match.distance_bits,
            "score": match.score,
            "facts": {**_facts(match), "judged": judged or sha256},
            "found_at": now,
        }
        for match in matches
    ]
    await session.execute(upsert(session, Match).on_conflict_do_nothing(), rows)


def _facts(match: model.Match) -> dict[str, Any]:
    return {
        "region": [match.region.name, *match.region.box],
        "reference_region": [match.reference_region.name, *match.reference_region.box],
        "orientation": match.orientation,
        "inliers": match.inliers,
        "placement": list(match.placement) if match.placement else None,
    }


async def raise_alert(
    session: AsyncSession,
    listing_key: int,
    verdict: model.Verdict,
    priority: model.Priority,
    suppressed: str | None,
    now: datetime,
) -> tuple[Alert, bool]:
    """Raise the alert of a listing and a work, or bring it up to date; whether it is new or has changed.

    A decision stands: what is learnt later changes the numbers beside it, never the answer. The findings must be
    recorded before: the strongest one says which alerts are decided together.
    """
    alert = await session.scalar(
        select(Alert).where(Alert.listing_key == listing_key, Alert.work_id == verdict.work_id)
    )
    values = {
        "priority": priority.level.value,
        "score": priority.score,
        "confidence": verdict.confidence.value,
        "reasons": [*verdict.reasons, *priority.reasons],
        "suppressed": suppressed,
    }
    is_new = alert is None
    if alert is None:
        alert = Alert(listing_key=listing_key, work_id=verdict.work_id, raised_at=now, changed_at=now, **values)
        session.add(alert)
        await session.flush()
    changed = is_new or any(getattr(alert, name) != value for name, value in values.items())
    if changed:
        for name, value in values.items():
            setattr(alert, name, value)
        alert.changed_at = now
    strongest = next(iter(await matches_of(session, alert, 1)), None)
    if strongest:
        alert.cluster = await join_cluster(session, alert.work_id, strongest.sha256)
    await note_words(session, alert)
    return alert, changed


@dataclass(frozen=True, slots=True)
class Rejections:
    """What people said of the pictures that a listing shares with others: SHA-256 hashes.

    Attributes:
        matched: The listing's pictures on which the work was found.
        rejected: Pictures of which everyone who looked said that they do not show the work.
    """

    matched: frozenset[str]
    rejected: frozenset[str]


async def rejections(session: AsyncSession, listing_key: int, work_id: int) -> Rejections:
    """What was said before of the work's findings.

    A picture with contradictory answers counts for nothing, and neither does an answer from before the work's
    references changed.
    """
    of_listing = select(Match.sha256).where(Match.listing_key == listing_key, Match.work_id == work_id)
    changed = select(func.max(Reference.added_at)).where(Reference.work_id == work_id).scalar_subquery()
    decided = (
        select(Match.sha256, Alert.answer, Alert.decided_at >= changed)
        .join(Alert, (Alert.listing_key == Match.listing_key) & (Alert.work_id == Match.work_id))
        .where(Match.work_id == work_id, Alert.answer.is_not(None))
        .distinct()
    )
    against, otherwise = set(), set()
    for sha256, answer, still_holds in await session.execute(decided):
        if answer == model.Answer.NOT_A_MATCH:
            against |= {sha256} if still_holds else set()
        elif answer != model.Answer.UNSURE:
            otherwise.add(sha256)
    return Rejections(frozenset(await session.scalars(of_listing)), frozenset(against - otherwise))


async def get_alert(session: AsyncSession, alert_id: int) -> Alert:
    """One alert.

    Raises:
        NotFound: There is none.
    """
    alert = await session.get(Alert, alert_id)
    if not alert:
        raise NotFound(f"no alert {alert_id}; `bazaarwatch alerts list` shows them")
    return alert


async def get_alerts(session: AsyncSession, alert_ids: Sequence[int]) -> list[Alert]:
    """Alerts in the order asked for.

    Raises:
        NotFound: One of them is not there.
    """
    found = {alert.id: alert for alert in await session.scalars(select(Alert).where(Alert.id.in_(alert_ids)))}
    return [found.get(alert_id) or await get_alert(session, alert_id) for alert_id in alert_ids]


async def view_alert(session: AsyncSession, alert_id: int) -> AlertView:
    """One alert with its work, listing and seller.

    Raises:
        NotFound: There is none.
    """
    return (await view_alerts(session, [alert_id]))[0]


async def view_alerts(session: AsyncSession, alert_ids: Sequence[int]) -> list[AlertView]:
    """Alerts with their works, listings and sellers, in the order asked for.

    Raises:
        NotFound: One of them is not there.
    """
    found = {row[0].id: AlertView(*row) for row in await session.execute(_views().where(Alert.id.in_(alert_ids)))}
    for alert_id in alert_ids:
        if alert_id not in found:
            await get_alert(session, alert_id)
    return [found[alert_id] for alert_id in alert_ids]


_STRONGEST = (Match.score.desc().nulls_last(), Match.distance_bits, Match.id)
_LEVELS = {level.value: rank for rank, level in enumerate(model.PriorityLevel)}
_BY_PRIORITY = (case(_LEVELS, value=Alert.priority), Alert.score.desc(), Alert.id)


async def list_alerts(
    session: AsyncSession,
    now: datetime,
    *,
    state: str = "open",
    priority: str | None = None,
    work_id: int | None = None,
    limit: int | None = None,
) -> list[AlertView]:
    """Alerts, the most pressing first.

    Args:
        state: "open" (undecided, or unsure and due again), "all", "suppressed", or an answer.
    """
    query = _views().order_by(*_BY_PRIORITY).limit(limit)
    if state == "open":
        query = query.where(_is_open(now))
    elif state == "suppressed":
        query = query.where(Alert.suppressed.is_not(None))
    elif state != "all":
        query = query.where(Alert.answer == state)
    if priority:
        query = query.where(Alert.priority == priority)
    if work_id:
        query = query.where(Alert.work_id == work_id)
    return [AlertView(*row) for row in await session.execute(query)]


async def count_open(session: AsyncSession, now: datetime) -> dict[str, int]:
    """Open alerts by priority."""
    rows = await session.execute(select(Alert.priority, func.count()).where(_is_open(now)).group_by(Alert.priority))
    return dict(rows.all())


async def changed_since(session: AsyncSession, since: datetime, until: datetime) -> list[AlertView]:
    """Open alerts raised or changed in a period, the most pressing first."""
    query = _views().where(_is_open(until), Alert.changed_at > since, Alert.changed_at <= until)
    return [AlertView(*row) for row in await session.execute(query.order_by(*_BY_PRIORITY))]


async def suppressed_since(session: AsyncSession, since: datetime, until: datetime) -> dict[str, int]:
    """How many alerts were kept aside in a period, by the reason: an allow list, an earlier rejection."""
    aside = select(Alert.suppressed, func.count()).where(Alert.changed_at > since, Alert.changed_at <= until)
    rows = await session.execute(aside.where(Alert.suppressed.is_not(None)).group_by(Alert.suppressed))
    return {reason: count for reason, count in rows if reason}


async def matches_of(session: AsyncSession, alert: Alert, limit: int | None = None) -> list[Match]:
    """The findings behind an alert, the strongest first."""
    found = select(Match).where(Match.listing_key == alert.listing_key, Match.work_id == alert.work_id).limit(limit)
    return list(await session.scalars(found.order_by(*_STRONGEST)))


async def matches_by_alert(session: AsyncSession, alert_ids: Collection[int]) -> dict[int, list[Match]]:
    """The findings behind each of these alerts, the strongest first."""
    same = (Match.listing_key == Alert.listing_key) & (Match.work_id == Alert.work_id)
    rows = await session.execute(
        select(Alert.id, Match).join(Match, same).where(Alert.id.in_(alert_ids)).order_by(Alert.id, *_STRONGEST)
    )
    return {alert_id: [match for _, match in found] for alert_id, found in groupby(rows, itemgetter(0))}


def _is_open(now: datetime) -> Any:
    due_again = (Alert.answer == model.Answer.UNSURE) & (Alert.ask_again_at <= now)
    return Alert.suppressed.is_(None) & or_(Alert.answer.is_(None), due_again)


def _views() -> Select[Alert, Work, Listing, Seller]:
    return (
        select(Alert, Work, Listing, Seller)
        .join(Work, Work.id == Alert.work_id)
        .join(Listing, Listing.id == Alert.listing_key)
        .outerjoin(Seller, Seller.id == Listing.seller_key)
    )
