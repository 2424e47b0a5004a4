"""Which processes work, when they were last heard of, and which works they know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.lookbacks import late_shares
from storage.tables import Worker
from storage.works import works_version

_SILENT_AFTER = timedelta(seconds=60)  # four times the rhythm in which workers say that they are there
_BEHIND_AFTER = timedelta(seconds=60)
_FORGOTTEN_AFTER = timedelta(minutes=15)


async def note_worker(session: AsyncSession, worker: Worker, now: datetime, version: int | None) -> None:
    """Say that a worker is there, and which version of the works it compares with; forget those long silent."""
    worker.seen_at, worker.works_version = now, version
    is_behind = version is not None and version < await works_version(session)
    worker.behind_since = (worker.behind_since or now) if is_behind else None
    await session.merge(worker)
    await session.execute(delete(Worker).where(Worker.seen_at < now - _FORGOTTEN_AFTER))


async def forget_worker(session: AsyncSession, worker_id: str) -> None:
    """A worker ends in order."""
    await session.execute(delete(Worker).where(Worker.id == worker_id))


async def list_workers(session: AsyncSession) -> Sequence[Worker]:
    """Every worker that was heard of lately, the longest running first."""
    return (await session.scalars(select(Worker).order_by(Worker.started_at, Worker.id))).all()


async def worker_faults(session: AsyncSession, now: datetime) -> list[str]:
    """What is wrong with the workers, a sentence each: one is silent, knows works of before, or is missed."""
    faults = await late_shares(session, now)
    for one in await list_workers(session):
        name = f"worker {one.pid} on {one.host}"
        if now - one.seen_at > _SILENT_AFTER:
            faults.append(f"{name} was last heard of at {one.seen_at:%Y-%m-%d %H:%M:%S} UTC")
        elif one.behind_since and now - one.behind_since > _BEHIND_AFTER:
            faults.append(f"{name} compares with works of before {one.behind_since:%Y-%m-%d %H:%M:%S} UTC")
    return faults
