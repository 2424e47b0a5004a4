"""The allow list: sellers who may offer the works."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.access import PartsOf, WholeApprover, WholeViewer, form_of
from monitor.console.fields import text_field
from monitor.console.guard import Problem
from monitor.console.view import back_to, forget_counts, page
from storage.cases import allow_seller, list_allowed

router = APIRouter(include_in_schema=False)


@router.get("/rules")
async def rules(request: Request, parts: PartsOf, person: WholeViewer) -> Response:
    """Every allowed seller."""
    async with parts.database.read() as session:
        rows = await list_allowed(session)
    names = sorted(parts.marketplaces)
    given = request.query_params
    return await page(
        request, "rules.html", person, rows=rows, marketplaces=names,
        marketplace=text_field(given, "marketplace", 100), seller=text_field(given, "seller", 300),
    )  # fmt: skip


@router.post("/rules")
async def allow(request: Request, parts: PartsOf, person: WholeApprover) -> Response:
    """Keep a seller's listings out of the alerts and out of every complaint."""
    form = await form_of(request)
    marketplace, seller_id = text_field(form, "marketplace", 100), text_field(form, "seller", 300)
    reason = text_field(form, "reason", 300)
    if marketplace not in parts.marketplaces or not seller_id or not reason:
        raise Problem(422, "name the marketplace, the seller's exact id there, and the reason")
    if any(sign in seller_id for sign in "*?%"):
        raise Problem(422, "one row allows one seller, by the exact id: no patterns")
    async with parts.database.write("seller allowed") as session:
        await allow_seller(session, parts.clock.now(), person.name, marketplace, seller_id, reason)
    forget_counts(request)
    return back_to("/rules")
