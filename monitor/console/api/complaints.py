"""Complaints: read, drafted, exported. No program confirms one: that takes a person in front of the listings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import Response

from monitor.complaints.packs import platforms
from monitor.console.access import Complains, Decides, PartsOf, Reads
from monitor.console.api.common import PROBLEMS, After, Key, Limit, Words, once
from monitor.console.complaints import require_seen
from monitor.console.fields import LARGEST, Id
from monitor.console.guard import Problem
from monitor.console.leaving import Leavings
from monitor.console.works import seen_work
from monitor.desk import filing
from monitor.desk.dossier import load
from storage.tables import Complaint, ComplaintTarget, Work

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
Number = Annotated[int, Field(ge=1, le=LARGEST)]


class ComplaintOut(BaseModel):
    """A complaint; ``in_the_way`` is filled where one complaint is asked for."""

    id: int
    state: str
    platform: str
    site: str
    work_id: int
    right_id: int
    listings: int
    drafted_at: datetime
    confirmed_by: str | None
    exported_at: datetime | None
    in_the_way: list[str] = []


class Complaints(BaseModel):
    """A page of complaints by id, newest first; ``next`` goes into ``after`` for the following one."""

    items: list[ComplaintOut]
    next: int | None


class DraftIn(BaseModel):
    """Of which work to complain, at which platform, by which right."""

    model_config = ConfigDict(extra="forbid")

    work_id: Number
    platform: Words
    right_id: Number | None = None


class Drafted(BaseModel):
    """The complaints that were drafted, and why listings fit into none."""

    complaints: list[int]
    left_out: list[str]


class Exported(BaseModel):
    """The folder of the pack, relative to the data folder."""

    id: int
    pack: str


@router.get("/complaints")
async def complaints(parts: PartsOf, person: Reads, after: After = 0, limit: Limit = 50) -> Complaints:
    """The complaints."""
    listings = select(func.count()).where(
        ComplaintTarget.complaint_id == Complaint.id, ComplaintTarget.state != "excluded"
    )
    query = select(Complaint, listings.scalar_subquery()).order_by(Complaint.id.desc()).limit(limit + 1)
    if after:
        query = query.where(Complaint.id < after)
    if person.owners is not None:
        query = query.where(Complaint.work_id.in_(select(Work.id).where(Work.owner_id.in_(person.owners))))
    async with parts.database.read() as session:
        rows = [(row[0], row[1]) for row in await session.execute(query)]
    following = rows[limit - 1][0].id if len(rows) > limit else None
    return Complaints(items=[_out(row, count) for row, count in rows[:limit]], next=following)


@router.get("/complaints/{complaint_id}")
async def complaint(parts: PartsOf, person: Reads, complaint_id: Id) -> ComplaintOut:
    """One complaint, with what keeps it from leaving."""
    await require_seen(parts, complaint_id, person.owners)
    stored = await load(parts, complaint_id)
    row = stored.row
    in_the_way = [str(problem) for problem in stored.problems if problem.blocking]
    return _out(row, len(stored.draft.targets), in_the_way)


@router.post("/complaints", response_model=Drafted)
async def draft(request: Request, parts: PartsOf, person: Decides, given: DraftIn, key: Key = None) -> Response:
    """Draft complaints from a work's confirmed copies."""

    async def work() -> Drafted:
        if given.platform not in platforms(parts.settings.data_dir / "policies"):
            raise Problem(422, f"platform: there is no {given.platform!r}")
        async with parts.database.read() as session:
            await seen_work(session, given.work_id, person.owners)
        made = await filing.draft_complaints(parts, given.work_id, given.platform, person.name, given.right_id)
        left_out = [f"alert {one.target.alert_id}: {one.reason}" for one in made.left_out]
        return Drafted(complaints=list(made.complaint_ids), left_out=left_out)

    return await once(request, parts, person, key, work)


@router.post("/complaints/{complaint_id}/export", response_model=Exported)
async def export(request: Request, parts: PartsOf, person: Complains, complaint_id: Id, key: Key = None) -> Response:
    """Write the pack of a complaint that a person confirmed, with its evidence; a thousand listings take minutes."""

    async def work() -> Exported:
        await require_seen(parts, complaint_id, person.owners)
        leaving: Leavings = request.app.state.leavings
        folder = await leaving.begin(complaint_id, person.name).whole()
        return Exported(id=complaint_id, pack=folder.relative_to(parts.settings.data_dir).as_posix())

    return await once(request, parts, person, key, work)


def _out(row: Complaint, listings: int, in_the_way: Sequence[str] = ()) -> ComplaintOut:
    return ComplaintOut(
        id=row.id,
        state=row.state,
        platform=row.platform,
        site=row.site,
        work_id=row.work_id,
        right_id=row.right_id,
        listings=listings,
        drafted_at=row.drafted_at,
        confirmed_by=row.confirmed_by,
        exported_at=row.exported_at,
        in_the_way=list(in_the_way),
    )
