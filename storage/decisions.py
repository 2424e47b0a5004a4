"""Answers given to many alerts together, which can be taken back: as a whole, or one listing alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Answer
from storage.alerts import get_alerts
from storage.audit import record_all
from storage.cases import decide_all, require_free
from storage.errors import NotFound, StaleState
from storage.inbox import Owners, owned
from storage.tables import Alert, Decision, DecisionItem

MOST_AT_ONCE = 2000  # a person cannot have looked at more; more takes a second decision


async def decide_together(
    session: AsyncSession,
    alert_ids: Sequence[int],
    answer: Answer,
    actor: str,
    now: datetime,
    *,
    ask_again_at: datetime | None = None,
    label: str = "",
    right_id: int | None = None,
    note: str = "",
) -> Decision:
    """Answer alerts, and remember what was said of each before.

    Raises:
        NotFound: One of them does not exist.
        StaleState: One of them stands in a complaint.
    """
    alerts = await get_alerts(session, alert_ids)
    before = {alert.id: _said_of(alert) for alert in alerts}
    await decide_all(session, alerts, answer, actor, now, ask_again_at)
    decision = Decision(at=now, actor=actor, answer=answer.value, label=label, right_id=right_id, note=note)
    session.add(decision)
    await session.flush()
    session.add_all(
        DecisionItem(decision_id=decision.id, alert_id=alert_id, before=said) for alert_id, said in before.items()
    )
    await session.flush()
    return decision


async def take_back(
    session: AsyncSession, decision_id: int, actor: str, now: datetime, owners: Owners, alert_id: int | None = None
) -> int:
    """Undo a decision, or what it said of one alert alone; how many alerts are as they were before.

    Raises:
        NotFound: There is no such decision on these owners' works.
        StaleState: An alert was decided again since, or stands in a complaint; nothing is undone.
    """
    decision, items = await get_decision(session, decision_id, owners)
    chosen = [item for item in items if item.undone_at is None and alert_id in (None, item.alert_id)]
    if not chosen:
        raise StaleState(f"decision {decision_id} was taken back already")
    ids = [item.alert_id for item in chosen]
    await require_free(session, ids)
    alerts = {alert.id: alert for alert in await session.scalars(select(Alert).where(Alert.id.in_(ids)))}
    for item in chosen:
        alert = alerts[item.alert_id]
        if (alert.decided_at, alert.decided_by, alert.answer) != (decision.at, decision.actor, decision.answer):
            raise StaleState(f"alert {alert.id} was decided again since; take that decision back first")
    facts = {}
    for item in chosen:
        alert = alerts[item.alert_id]
        facts[f"alert {alert.id}"] = {"before": alert.answer, "after": item.before["answer"], "decision": decision_id}
        _restore(alert, item.before)
        item.undone_at = now
    if all(item.undone_at for item in items):
        decision.undone_at, decision.undone_by = now, actor
    await record_all(session, now, actor, "decision taken back", facts)
    return len(chosen)


async def get_decision(session: AsyncSession, decision_id: int, owners: Owners) -> tuple[Decision, list[DecisionItem]]:
    """A decision and its alerts.

    Raises:
        NotFound: There is none, or one of its alerts is not of these owners' works.
    """
    decision = await session.get(Decision, decision_id)
    items = list(await session.scalars(select(DecisionItem).where(DecisionItem.decision_id == decision_id)))
    ids = [item.alert_id for item in items]
    seen = await session.scalar(select(func.count(Alert.id)).where(Alert.id.in_(ids), *owned(owners)))
    if decision is None or seen != len(items):
        raise NotFound(f"no decision {decision_id}")
    return decision, items


async def recent_decisions(
    session: AsyncSession, owners: Owners, limit: int, actor: str | None = None
) -> list[tuple[Decision, int]]:
    """The newest decisions with the number of their alerts."""
    of_decision = select(func.count()).where(DecisionItem.decision_id == Decision.id).scalar_subquery()
    query = select(Decision, of_decision).order_by(Decision.id.desc()).limit(limit)
    if actor:
        query = query.where(Decision.actor == actor)
    if owners is not None:
        theirs = select(DecisionItem.decision_id).join(Alert, Alert.id == DecisionItem.alert_id).where(*owned(owners))
        query = query.where(Decision.id.in_(theirs))
    return [(row[0], row[1]) for row in await session.execute(query)]


def _said_of(alert: Alert) -> dict[str, Any]:
    return {
        "answer": alert.answer,
        "decided_by": alert.decided_by,
        "decided_at": alert.decided_at and alert.decided_at.isoformat(),
        "ask_again_at": alert.ask_again_at and alert.ask_again_at.isoformat(),
        "case_id": alert.case_id,
    }


def _restore(alert: Alert, said: dict[str, Any]) -> None:
    alert.answer, alert.decided_by, alert.case_id = said["answer"], said["decided_by"], said["case_id"]
    alert.decided_at = said["decided_at"] and datetime.fromisoformat(said["decided_at"])
    alert.ask_again_at = said["ask_again_at"] and datetime.fromisoformat(said["ask_again_at"])
