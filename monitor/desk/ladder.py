"""Complaints past the time that somebody promised, in the order to take them up: the escalation ladder."""

from __future__ import annotations

from typing import Any

from monitor.complaints.deadlines import left
from monitor.complaints.lifecycle import ACTIVE, ComplaintState
from monitor.complaints.policy import Policy
from monitor.daemon import Parts
from monitor.desk.dossier import rules_of
from storage import tables
from storage.complaints import list_complaints, open_timers

_OVERDUE = {*ACTIVE, ComplaintState.COUNTER_REFUSED}


async def overdue(parts: Parts) -> list[dict[str, Any]]:
    """A row for each complaint past its promised time: by channel, then the longest overdue.

    The rung says what comes next: first a reminder in the portal, then a mail, then the platform's legal route.
    """
    now = parts.clock.now()
    async with parts.database.read() as session:
        complaints = {one.complaint.id: one for one in await list_complaints(session, states=_OVERDUE)}
        late: dict[int, tables.ComplaintTimer] = {}
        for timer in await open_timers(session):
            if timer.act_by_at <= now and timer.complaint_id in complaints:
                late.setdefault(timer.complaint_id, timer)
    rows = []
    for complaint_id, timer in late.items():
        one = complaints[complaint_id]
        rules = rules_of(parts, one.complaint.platform)
        rows.append(
            {
                "channel": rules.routes[one.complaint.route].channel.value
                if one.complaint.route in rules.routes
                else "",
                "platform": one.complaint.platform,
                "complaint": complaint_id,
                "external_ref": one.complaint.external_ref,
                "waits_for": timer.kind.replace("_", " "),
                "late": left(timer.act_by_at, now),
                "due": timer.due_at,
                "submitted": one.complaint.submitted_at,
                "listings": one.targets,
                "work": one.work.title,
                "next": _rung(one.complaint, timer, rules),
            }
        )
    return sorted(rows, key=lambda row: (row["channel"], row["due"], row["complaint"]))


def _rung(row: tables.Complaint, timer: tables.ComplaintTimer, rules: Policy) -> str:
    if timer.kind in ("information", "holder_answer", "court_proof"):
        return "answer: the platform waits for us"
    if row.chased_at is None or row.chased_at < timer.due_at:
        return f"remind them at {rules.portal}, then `bazaarwatch complaints chase {row.id}`"
    contacts = [f"{name.replace('_', ' ')}: {fact.value}" for name, fact in rules.contacts.items()]
    return f"write to {'; '.join(contacts)}" if contacts else "reminded already; take legal advice"
