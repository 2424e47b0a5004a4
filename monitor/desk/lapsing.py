"""Rights and powers of attorney that end while a complaint is at a platform: told on the complaint, each end once."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.documents import authorisation_problem
from detectors.rights import Right, expiry
from monitor.complaints.lifecycle import ACTIVE, OBJECTED, ComplaintEvent, ComplaintState
from monitor.daemon import Parts
from monitor.desk.dossier import rules_of
from monitor.desk.hand import take
from storage import tables
from storage.accounts import list_accounts
from storage.complaints import ComplaintSummary, list_complaints, move
from storage.documents import list_documents, paper_of

LAPSED = "right_lapsed"
_NEEDED = ACTIVE | OBJECTED | {ComplaintState.COUNTER_REFUSED, ComplaintState.ESCALATED}


async def note_lapsed(parts: Parts, actor: str) -> int:
    """Tell on each complaint at a platform that its right, or the authority to act, has ended; how many were told.

    The platform has to be shown a renewed one: the complaint waits for us (complaint-platforms.md, B.2, 27).
    """
    today = parts.clock.now().date()
    found = []
    async with parts.database.read() as session:
        told = select(tables.ComplaintEvent.complaint_id, tables.ComplaintEvent.note).filter_by(event=LAPSED)
        known = {(complaint_id, note) for complaint_id, note in await session.execute(told)}
        for one in await list_complaints(session, states=_NEEDED):
            reason = _ended(one, today) or await _unauthorised(parts, session, one, today)
            if reason and (one.complaint.id, reason) not in known:
                found.append((one.complaint.id, reason))
    for complaint_id, reason in found:
        async with parts.database.write("right lapsed") as session:
            hand = await take(parts, session, complaint_id, actor)
            await move(session, hand.row, LAPSED, hand.row.state, hand.now, actor, note=reason)
            if hand.state in ACTIVE - {ComplaintState.INFO_REQUESTED}:
                await hand.step(ComplaintEvent.ASK, note=reason)
    return len(found)


def _ended(one: ComplaintSummary, today: date) -> str:
    right = Right.from_wire(one.right.facts)
    renew = f"renew it, record it with `bazaarwatch rights edit {one.right.id}` and show it there, or withdraw"
    return f"the right ended on {right.expires_on}: {renew}" if expiry(right, today).blocked else ""


async def _unauthorised(parts: Parts, session: AsyncSession, one: ComplaintSummary, today: date) -> str:
    platform = rules_of(parts, one.complaint.platform).account_platform
    accounts = await list_accounts(session, platform=platform)
    if not any(account.role == "agent" and account.label == one.complaint.account for account in accounts):
        return ""
    owner = await session.get_one(tables.Owner, one.right.owner_id)
    papers = [paper_of(row) for row in await list_documents(session, [owner.id])]
    return authorisation_problem(papers, owner.name, one.right.id, platform, today) or ""
