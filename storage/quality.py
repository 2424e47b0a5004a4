"""What became of the listings complained of, counted by who complained where; and who opened a closed gate."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import record
from storage.tables import Alert, Complaint, ComplaintTarget, GateOverride, Work


@dataclass(frozen=True, slots=True)
class DecidedCount:
    """So many listings in one state, of complaints that left for one platform by one account with one reason."""

    platform: str
    account: str
    reason: str
    work: str
    person: str | None  # who confirmed them
    confidence: str  # how sure their findings were
    state: str
    count: int


async def decided_since(
    session: AsyncSession, since: datetime, states: Collection[str], account: str | None = None
) -> list[DecidedCount]:
    """Listings of handed-in complaints that came into one of the states since then.

    Args:
        account: Only of complaints by the account of that label.
    """
    decided_at = func.coalesce(ComplaintTarget.decided_at, ComplaintTarget.state_since)
    by = (Complaint.platform, Complaint.account, Complaint.reason, Work.title, Complaint.confirmed_by, Alert.confidence)
    query = (
        select(*by, ComplaintTarget.state, func.count())
        .join(Complaint, Complaint.id == ComplaintTarget.complaint_id)
        .join(Work, Work.id == Complaint.work_id)
        .join(Alert, Alert.id == ComplaintTarget.alert_id)
        .where(Complaint.submitted_at.is_not(None), ComplaintTarget.state.in_(states), decided_at >= since)
        .group_by(*by, ComplaintTarget.state)
        .order_by(*by, ComplaintTarget.state)
    )
    if account is not None:
        query = query.where(Complaint.account == account)
    return [DecidedCount(*row) for row in await session.execute(query)]


async def override_of(
    session: AsyncSession, platform: str, account: str, reason: str, now: datetime
) -> GateOverride | None:
    """Who lets complaints of a reason leave although the gate is closed; None if nobody does, or not any more."""
    query = select(GateOverride).filter_by(platform=platform, account=account, reason=reason)
    return await session.scalar(query.where(GateOverride.until > now).order_by(GateOverride.id.desc()))


async def add_override(session: AsyncSession, override: GateOverride) -> None:
    """Record that a person opened a closed gate for some time, and why."""
    session.add(override)
    await session.flush()
    facts = {"account": override.account, "why": override.why, "until": override.until.isoformat()}
    subject = f"{override.platform} {override.reason}"
    await record(session, override.at, override.person, "quality gate opened", subject, facts)
