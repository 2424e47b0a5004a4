"""A draft in a person's own words, and what its platform's form asks for beyond what is known here."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.complaints.errors import NotPossible
from monitor.complaints.lifecycle import BEFORE_LEAVING
from monitor.daemon import Parts
from monitor.desk.dossier import Stored, load
from monitor.desk.filing import redraft, reopen
from storage.audit import record
from storage.complaints import get_complaint


async def reword(
    parts: Parts, complaint_id: int, actor: str, explanation: str | None = None, facts: Mapping[str, str] | None = None
) -> Stored:
    """Change what a complaint says before it leaves; a confirmed one becomes a draft again.

    Args:
        explanation: In the person's own words; empty for the drafted ones, which follow the listings.
        facts: What the reason or the form needs stated, by name; an empty one is taken out.

    Raises:
        NotPossible: It has left.
    """
    async with parts.database.write("complaint reworded") as session:
        row, now = await get_complaint(session, complaint_id, lock=True), parts.clock.now()
        if row.state not in BEFORE_LEAVING:
            raise NotPossible("a complaint", row.state, "edit", ("refused", "again"))
        before = {"explanation": row.explanation, "facts": dict(row.reason_facts)}
        if explanation is not None:
            row.explanation, row.explained_by = explanation.strip(), actor if explanation.strip() else ""
        row.reason_facts = {key: value for key, value in {**row.reason_facts, **(facts or {})}.items() if value}
        await reopen(session, row, now, actor, "its text changed")
        await redraft(parts, session, row, actor)
        after = {"explanation": row.explanation, "facts": dict(row.reason_facts)}
        if before != after:
            known = {"before": before, "after": after}
            await record(session, now, actor, "complaint reworded", f"complaint {complaint_id}", known)
    return await load(parts, complaint_id)
