"""What was drawn of complaints' evidence before it was asked for, and which complaints wait for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import Complaint, ComplaintTarget, Drawing

_CONFIRMED = ("in_review", "approved")


async def due_drawings(session: AsyncSession) -> list[int]:
    """Confirmed complaints that have not left and whose evidence was not drawn since."""
    waiting = select(Complaint.id).where(Complaint.state.in_(_CONFIRMED), Complaint.drawn_at.is_(None))
    return list(await session.scalars(waiting.order_by(Complaint.confirmed_at, Complaint.id)))


async def drawings(session: AsyncSession, keys: Collection[str]) -> dict[str, list[Drawing]]:
    """What is stored under these keys, in order; of one complaint where several have it."""
    found = select(Drawing).where(Drawing.key.in_(keys)).order_by(Drawing.key, Drawing.complaint_id, Drawing.position)
    rows = await session.scalars(found)
    by_key = {key: list(some) for key, some in groupby(rows, attrgetter("key"))}
    return {key: [one for one in some if one.complaint_id == some[0].complaint_id] for key, some in by_key.items()}


async def keep_drawings(session: AsyncSession, rows: Sequence[Drawing]) -> None:
    """Keep what was drawn of one section of a complaint, unless it left meanwhile or another process was faster."""
    first = rows[0]
    state = await session.scalar(select(Complaint.state).where(Complaint.id == first.complaint_id).with_for_update())
    same = (Drawing.complaint_id == first.complaint_id, Drawing.key == first.key)
    if state in _CONFIRMED and await session.scalar(select(Drawing.id).where(*same).limit(1)) is None:
        session.add_all(rows)


async def note_drawn(session: AsyncSession, complaint_id: int, at: datetime) -> None:
    """Record that nothing is left to draw of a complaint."""
    await session.execute(update(Complaint).where(Complaint.id == complaint_id).values(drawn_at=at))


async def forget_drawings(session: AsyncSession, complaint_id: int, but: Collection[str] = ()) -> None:
    """Give up what was drawn of a complaint, but for some keys."""
    gone = delete(Drawing).where(Drawing.complaint_id == complaint_id, Drawing.key.not_in(but))
    await session.execute(gone)


async def forget_drawings_of(session: AsyncSession, alert_ids: Collection[int]) -> None:
    """Give up what was drawn of every complaint that names one of these alerts."""
    naming = select(ComplaintTarget.complaint_id).where(ComplaintTarget.alert_id.in_(alert_ids))
    await session.execute(delete(Drawing).where(Drawing.complaint_id.in_(naming)))
