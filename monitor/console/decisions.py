"""What was decided, and taking it back."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from monitor.console.access import Analyst, PartsOf, Viewer, form_of
from monitor.console.fields import Id, whole_number
from monitor.console.labels import text_of
from monitor.console.view import back_to, forget_counts, page
from storage.decisions import get_decision, recent_decisions, take_back
from storage.tables import Alert, Listing, Seller

router = APIRouter(include_in_schema=False)
_ON_A_PAGE = 100


@router.get("/decisions")
async def decisions(request: Request, parts: PartsOf, person: Viewer) -> Response:
    """The newest decisions."""
    async with parts.database.read(brief=True) as session:
        rows = await recent_decisions(session, person.owners, _ON_A_PAGE)
    return await page(request, "decisions.html", person, rows=rows, text_of=text_of)


@router.get("/decisions/{decision_id}")
async def decision(request: Request, parts: PartsOf, person: Viewer, decision_id: Id) -> Response:
    """One decision with every listing that it reached."""
    async with parts.database.read(brief=True) as session:
        row, items = await get_decision(session, decision_id, person.owners)
        ids = [item.alert_id for item in items]
        listings = (
            select(Alert.id, Listing, Seller.name)
            .join(Listing, Listing.id == Alert.listing_key)
            .outerjoin(Seller, Seller.id == Listing.seller_key)
            .where(Alert.id.in_(ids))
        )
        found = {row[0]: (row[1], row[2]) for row in await session.execute(listings)}
    return await page(request, "decision.html", person, decision=row, items=items, found=found, text_of=text_of)


@router.post("/decisions/{decision_id}/undo")
async def undo(request: Request, parts: PartsOf, person: Analyst, decision_id: Id) -> Response:
    """Take a decision back: as a whole, or for one alert alone."""
    alert_id = whole_number(await form_of(request), "alert") or None
    async with parts.database.write("decision taken back") as session:
        count = await take_back(session, decision_id, person.name, parts.clock.now(), person.owners, alert_id)
        _, items = await get_decision(session, decision_id, person.owners)
    forget_counts(request)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"alerts": count, "alert": items[0].alert_id})
    return back_to(f"/decisions/{decision_id}")
