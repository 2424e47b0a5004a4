"""Pictures that must not match."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import record
from storage.errors import NotFound, Refused
from storage.tables import Negative, Work
from storage.works import works_changed


async def negatives(session: AsyncSession) -> list[Negative]:
    """Every negative reference of all works and of watched ones."""
    of_watched = select(Work.id).where(Work.removed_at.is_(None))
    found = select(Negative).where(or_(Negative.work_id.is_(None), Negative.work_id.in_(of_watched)))
    return list(await session.scalars(found.order_by(Negative.id)))


async def add_negative(session: AsyncSession, negative: Negative) -> Negative:
    """Keep a picture that must not match, in the name of its ``added_by``.

    Raises:
        Refused: It is kept already.
    """
    twin = await session.scalar(select(Negative).where(Negative.sha256 == negative.sha256))
    if twin:
        raise Refused(f"{negative.file_name} is the negative reference {twin.id} already")
    session.add(negative)
    await session.flush()
    facts = {"work": negative.work_id, "sha256": negative.sha256, "reason": negative.reason}
    subject = f"negative {negative.id}"
    await record(session, negative.added_at, negative.added_by, "negative reference added", subject, facts)
    await works_changed(session)
    return negative


async def remove_negative(session: AsyncSession, negative_id: int, now: datetime, actor: str) -> None:
    """Let a picture match again.

    Raises:
        NotFound: There is none of that id.
    """
    negative = await session.get(Negative, negative_id)
    if not negative:
        raise NotFound(f"no negative reference {negative_id}; `bazaarwatch works negative list` shows them")
    facts = {"work": negative.work_id, "sha256": negative.sha256, "reason": negative.reason}
    await record(session, now, actor, "negative reference removed", f"negative {negative_id}", facts)
    await session.delete(negative)
    await works_changed(session)
