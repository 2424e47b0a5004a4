"""Look backs that several machines share: what was asked of each, and what each came to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import LookBack

_LATE_AFTER: Final = timedelta(minutes=5)
_KEPT: Final = timedelta(days=7)  # answers, which somebody may still wait for


async def ask(session: AsyncSession, work_ids: Sequence[int], shares: int, now: datetime) -> list[int]:
    """Ask every share to look back for some works; the numbers of what was asked. Old answers go."""
    await session.execute(delete(LookBack).where(LookBack.done_at < now - _KEPT))
    asked = [
        LookBack(work_id=work_id, share=share, shares=shares, asked_at=now)
        for work_id in work_ids
        for share in range(1, shares + 1)
    ]
    session.add_all(asked)
    await session.flush()
    return [one.id for one in asked]


async def asked_of(session: AsyncSession, share: int, shares: int) -> list[LookBack]:
    """What a share has yet to do, the oldest first."""
    mine = select(LookBack).filter_by(share=share, shares=shares, done_at=None)
    return list(await session.scalars(mine.order_by(LookBack.id)))


async def answer(session: AsyncSession, number: int, found: Mapping[str, Any], now: datetime) -> None:
    """Say what a share came to."""
    one = await session.get_one(LookBack, number)
    one.found, one.done_at = dict(found), now


async def answers(session: AsyncSession, numbers: Collection[int]) -> list[LookBack]:
    """What became of what was asked, in its order; without ``done_at`` while a share is at it."""
    return list(await session.scalars(select(LookBack).where(LookBack.id.in_(numbers)).order_by(LookBack.id)))


async def late_shares(session: AsyncSession, now: datetime) -> list[str]:
    """The shares that let a look back wait, a sentence each."""
    late = select(LookBack.share, LookBack.shares).where(
        LookBack.done_at.is_(None), LookBack.asked_at < now - _LATE_AFTER
    )
    return [
        f"share {share} of {shares} of a look back waits: no worker with lookback.share = {share} answers"
        for share, shares in sorted({(row[0], row[1]) for row in await session.execute(late)})
    ]
