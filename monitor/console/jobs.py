"""Parked work: what failed too often and waits for a person, why, and letting it be tried again."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.access import PartsOf, WholeAnalyst, WholeViewer, form_of
from monitor.console.guard import Problem
from monitor.console.view import back_to, page
from monitor.engines.parked import parked, try_again
from storage.listings import count_parked

router = APIRouter(include_in_schema=False)
_SHOWN = 100


@router.get("/jobs")
async def jobs(request: Request, parts: PartsOf, person: WholeViewer) -> Response:
    """Listings that could not be examined, and chores that are held, each with its reason."""
    rows = await parked(parts.database, _SHOWN)
    async with parts.database.read(brief=True) as session:
        listings = await count_parked(session)
    return await page(request, "jobs.html", person, rows=rows, listings=listings, shown=_SHOWN)


@router.post("/jobs/retry")
async def retry(request: Request, parts: PartsOf, person: WholeAnalyst) -> Response:
    """Let one unit of work, or all that is parked, be tried again with all its attempts."""
    form = await form_of(request)
    named = [str(value) for value in form.getlist("id")]
    if not named and not form.get("all"):
        raise Problem(422, "choose what to try again")
    try:
        await try_again(parts.database, parts.clock.now(), person.name, None if form.get("all") else named)
    except ValueError as error:
        raise Problem(422, str(error)) from None
    return back_to("/jobs")
