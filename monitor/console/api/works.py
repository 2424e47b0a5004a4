"""Works."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import select

from monitor.console.access import PartsOf, Reads
from monitor.console.api.common import PROBLEMS, After, Limit
from monitor.console.fields import Id
from monitor.console.works import seen_work
from storage.tables import Work

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)


class WorkOut(BaseModel):
    """A work."""

    id: int
    owner_id: int
    title: str
    reference_price: str | None
    currency: str | None


class Works(BaseModel):
    """A page of works by id; ``next`` goes into ``after`` for the following one."""

    items: list[WorkOut]
    next: int | None


@router.get("/works")
async def works(parts: PartsOf, person: Reads, after: After = 0, limit: Limit = 50) -> Works:
    """The works that are watched."""
    rows = select(Work).where(Work.removed_at.is_(None), Work.id > after).order_by(Work.id).limit(limit + 1)
    if person.owners is not None:
        rows = rows.where(Work.owner_id.in_(person.owners))
    async with parts.database.read() as session:
        found = list(await session.scalars(rows))
    following = found[limit - 1].id if len(found) > limit else None
    return Works(items=[_out(work) for work in found[:limit]], next=following)


@router.get("/works/{work_id}")
async def work(parts: PartsOf, person: Reads, work_id: Id) -> WorkOut:
    """One work."""
    async with parts.database.read() as session:
        return _out(await seen_work(session, work_id, person.owners))


def _out(work: Work) -> WorkOut:
    price = None if work.reference_price is None else str(work.reference_price)
    return WorkOut(id=work.id, owner_id=work.owner_id, title=work.title, reference_price=price, currency=work.currency)
