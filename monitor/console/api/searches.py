"""Searches, which belong to the installation."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.access import Manages, PartsOf, ReadsAll
from monitor.console.api.common import PROBLEMS, Key, once
from monitor.console.fields import Id
from storage.audit import record
from storage.searches import list_searches, make_due

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)


class SearchOut(BaseModel):
    """A search and how its last run ended."""

    id: int
    marketplace: str
    looks_for: str
    every_h: float
    pages: int
    paused: bool
    next_run_at: datetime
    outcome: str | None
    listings_seen: int | None
    listings_new: int | None


class Searches(BaseModel):
    """Every search."""

    items: list[SearchOut]


class Due(BaseModel):
    """A search that runs as soon as the daemon looks."""

    id: int


@router.get("/searches")
async def searches(parts: PartsOf, person: ReadsAll) -> Searches:  # noqa: ARG001 - signed in
    """Every search."""
    async with parts.database.read() as session:
        rows = await list_searches(session)
    return Searches(
        items=[
            SearchOut(
                id=one.id,
                marketplace=one.marketplace,
                looks_for=one.subject,
                every_h=one.rhythm_h,
                pages=one.page_limit,
                paused=one.paused_at is not None,
                next_run_at=one.next_run_at,
                outcome=crawl.outcome if crawl else None,
                listings_seen=crawl.listings_seen if crawl else None,
                listings_new=crawl.listings_new if crawl else None,
            )
            for one, crawl in rows
        ]
    )


@router.post("/searches/{search_id}/run", response_model=Due)
async def run_now(request: Request, parts: PartsOf, person: Manages, search_id: Id, key: Key = None) -> Response:
    """Make a search due at once."""

    async def work() -> Due:
        async with parts.database.write("search made due by a program") as session:
            await make_due(session, [search_id], parts.clock.now())
            await record(session, parts.clock.now(), person.name, "search made due", f"search {search_id}")
        return Due(id=search_id)

    return await once(request, parts, person, key, work)
