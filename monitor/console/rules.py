"""Rules and allow lists: who may offer the works, what must not match, from when on a person is asked."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.access import PartsOf, WholeApprover, WholeViewer, form_of
from monitor.console.fields import text_field
from monitor.console.guard import Problem
from monitor.console.view import back_to, forget_counts, page
from storage.cases import allow_seller, disallow_seller, list_allowed
from storage.negatives import negatives
from storage.tables import Threshold, Work

router = APIRouter(include_in_schema=False)


@router.get("/rules")
async def rules(request: Request, parts: PartsOf, person: WholeViewer) -> Response:
    """What is kept out of the alerts, and why."""
    async with parts.database.read(brief=True) as session:
        rows = await list_allowed(session)
        not_matching = [(one, await _title(session, one.work_id)) for one in await negatives(session)]
        measured = select(Threshold, Work.title).join(Work, Work.id == Threshold.work_id).order_by(Work.title)
        thresholds = [(row[0], row[1]) for row in await session.execute(measured)]
    names = sorted(parts.marketplaces)
    given = request.query_params
    return await page(
        request, "rules.html", person, rows=rows, marketplaces=names, negatives=not_matching, thresholds=thresholds,
        marketplace=text_field(given, "marketplace", 100), seller=text_field(given, "seller", 300),
    )  # fmt: skip


async def _title(session: AsyncSession, work_id: int | None) -> str:
    return (await session.get_one(Work, work_id)).title if work_id else ""


@router.post("/rules")
async def allow(request: Request, parts: PartsOf, person: WholeApprover) -> Response:
    """Keep a seller's listings out of the alerts and out of every complaint; known ones get another reason."""
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


@router.post("/rules/remove")
async def disallow(request: Request, parts: PartsOf, person: WholeApprover) -> Response:
    """Allow a seller no longer; what was set aside for that alone asks for a person again."""
    form = await form_of(request)
    marketplace, seller_id = text_field(form, "marketplace", 100), text_field(form, "seller", 300)
    async with parts.database.write("seller no longer allowed") as session:
        await disallow_seller(session, parts.clock.now(), person.name, marketplace, seller_id)
    forget_counts(request)
    return back_to("/rules")
