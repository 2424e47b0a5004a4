"""Complaints: drafted by the program, confirmed by a named person, exported once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Answer
from storage.alerts import AlertView, view_alert
from storage.audit import record
from storage.errors import NotFound, StaleState
from storage.tables import Alert, Complaint, ComplaintTarget, Right, Work

_LIVE = ("draft", "approved", "exported")  # a listing in one of these is not complained of again under that right


@dataclass(frozen=True, slots=True)
class ComplaintSummary:
    """A complaint with its work, right and number of listings."""

    complaint: Complaint
    work: Work
    right: Right
    targets: int


async def infringing_alerts(session: AsyncSession, work_id: int, right_id: int) -> list[AlertView]:
    """Alerts of a work decided infringing, not yet complained of under this right, in the order of decision."""
    taken = (
        select(ComplaintTarget.alert_id)
        .join(Complaint)
        .where(Complaint.right_id == right_id, Complaint.state.in_(_LIVE))
    )
    ids = await session.scalars(
        select(Alert.id)
        .where(
            Alert.work_id == work_id,
            Alert.answer == Answer.INFRINGING,
            Alert.suppressed.is_(None),
            Alert.id.not_in(taken),
        )
        .order_by(Alert.decided_at, Alert.id)
    )
    return [await view_alert(session, alert_id) for alert_id in ids]


async def add_complaint(
    session: AsyncSession, now: datetime, actor: str, complaint: Complaint, alert_ids: Sequence[int]
) -> Complaint:
    """Keep a draft and the listings it names."""
    complaint.state, complaint.drafted_at = "draft", now
    session.add(complaint)
    await session.flush()
    session.add_all(
        ComplaintTarget(complaint_id=complaint.id, alert_id=alert_id, position=position)
        for position, alert_id in enumerate(alert_ids)
    )
    facts = {"platform": complaint.platform, "site": complaint.site, "alerts": list(alert_ids)}
    await record(session, now, actor, "complaint drafted", f"complaint {complaint.id}", facts)
    return complaint


async def get_complaint(session: AsyncSession, complaint_id: int) -> Complaint:
    """One complaint.

    Raises:
        NotFound: There is none.
    """
    complaint = await session.get(Complaint, complaint_id)
    if not complaint:
        raise NotFound(f"no complaint {complaint_id}; `bazaarwatch complaints list` shows them")
    return complaint


async def list_complaints(session: AsyncSession) -> list[ComplaintSummary]:
    """Every complaint, newest first."""
    targets = select(func.count()).where(ComplaintTarget.complaint_id == Complaint.id).scalar_subquery()
    rows = await session.execute(
        select(Complaint, Work, Right, targets)
        .join(Work, Work.id == Complaint.work_id)
        .join(Right, Right.id == Complaint.right_id)
        .order_by(Complaint.id.desc())
    )
    return [ComplaintSummary(*row) for row in rows]


async def targets_of(session: AsyncSession, complaint_id: int) -> list[AlertView]:
    """The alerts that a complaint names, in its order."""
    ids = await session.scalars(
        select(ComplaintTarget.alert_id)
        .where(ComplaintTarget.complaint_id == complaint_id)
        .order_by(ComplaintTarget.position)
    )
    return [await view_alert(session, alert_id) for alert_id in ids]


async def confirm_complaint(
    session: AsyncSession, complaint_id: int, person: str, confirmation: dict[str, Any], now: datetime
) -> Complaint:
    """Record that a named person stands behind the complaint.

    Raises:
        StaleState: It is no draft any more.
    """
    complaint = await _in_state(session, complaint_id, "draft")
    complaint.state, complaint.confirmation = "approved", confirmation
    complaint.confirmed_by, complaint.confirmed_at = person, now
    await record(session, now, person, "complaint confirmed", f"complaint {complaint_id}", confirmation)
    return complaint


async def note_export(
    session: AsyncSession, complaint_id: int, actor: str, pack: str, pack_sha256: str, now: datetime
) -> Complaint:
    """Record that the pack of a confirmed complaint was written; again the same pack is no second export.

    Raises:
        StaleState: It is not confirmed, or was exported with another content.
    """
    complaint = await get_complaint(session, complaint_id)
    if complaint.state == "exported" and complaint.pack_sha256 == pack_sha256:
        return complaint
    complaint = await _in_state(session, complaint_id, "approved")
    complaint.state, complaint.exported_at = "exported", now
    complaint.pack, complaint.pack_sha256 = pack, pack_sha256
    facts = {"pack": pack, "sha256": pack_sha256}
    await record(session, now, actor, "complaint exported", f"complaint {complaint_id}", facts)
    return complaint


async def cancel_complaint(session: AsyncSession, complaint_id: int, actor: str, now: datetime) -> Complaint:
    """Give up a complaint that has not left the house.

    Raises:
        StaleState: It was exported already.
    """
    complaint = await get_complaint(session, complaint_id)
    if complaint.state == "exported":
        raise StaleState(f"complaint {complaint_id} was exported; withdraw it at the platform instead")
    complaint.state = "cancelled"
    await record(session, now, actor, "complaint cancelled", f"complaint {complaint_id}")
    return complaint


async def _in_state(session: AsyncSession, complaint_id: int, state: str) -> Complaint:
    complaint = await get_complaint(session, complaint_id)
    if complaint.state != state:
        raise StaleState(f"complaint {complaint_id} is {complaint.state}, not {state}")
    return complaint
