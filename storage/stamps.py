"""Rolls of custody heads, and the time-stamps that authorities gave them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import TimeStamp
from storage.upsert import upsert


async def last_roll(session: AsyncSession) -> TimeStamp | None:
    """The newest roll."""
    return await session.scalar(select(TimeStamp).order_by(TimeStamp.up_to.desc()).limit(1))


async def add_roll(session: AsyncSession, sha256: str, up_to: int, authority: str, now: datetime) -> None:
    """Remember a roll that waits for its time-stamp.

    Args:
        up_to: The last row of custody that it covers.
    """
    row = {"sha256": sha256, "up_to": up_to, "authority": authority, "asked_at": now, "failure": "not asked yet"}
    await session.execute(upsert(session, TimeStamp).values(**row).on_conflict_do_nothing())


async def pending_rolls(session: AsyncSession) -> list[TimeStamp]:
    """The rolls without a time-stamp, oldest first."""
    return list(await session.scalars(select(TimeStamp).where(TimeStamp.token.is_(None)).order_by(TimeStamp.id)))


async def note_stamp(
    session: AsyncSession, roll_id: int, authority: str, token: str | None, failure: str, now: datetime
) -> TimeStamp:
    """Keep the token of a roll, or why there is still none."""
    row = await session.get_one(TimeStamp, roll_id)
    row.authority, row.asked_at, row.token = authority, now, token
    row.stamped_at, row.failure = (now, "") if token else (None, failure)
    return row


async def rolls_over(session: AsyncSession, first: int, last: int) -> list[TimeStamp]:
    """The stamped rolls that may cover rows of custody from one to another."""
    after = select(TimeStamp.id).where(TimeStamp.up_to >= last).order_by(TimeStamp.up_to).limit(1).scalar_subquery()
    found = select(TimeStamp).where(
        TimeStamp.token.is_not(None), TimeStamp.up_to >= first, (TimeStamp.up_to <= last) | (TimeStamp.id == after)
    )
    return list(await session.scalars(found.order_by(TimeStamp.id)))
