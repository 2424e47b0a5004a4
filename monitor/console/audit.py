"""The audit log: who did what, when, and what was before and after."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.access import PartsOf, WholeViewer
from monitor.console.fields import text_field, whole_number
from monitor.console.view import page
from storage.tables import Audit

router = APIRouter(include_in_schema=False)
_ON_A_PAGE = 100


@router.get("/audit")
async def audit(request: Request, parts: PartsOf, person: WholeViewer) -> Response:
    """The newest entries, or those of one person or one thing."""
    given = request.query_params
    actor, subject = text_field(given, "actor", 200), text_field(given, "subject", 200)
    before = whole_number(given, "before")
    entries = select(Audit).order_by(Audit.id.desc()).limit(_ON_A_PAGE + 1)
    if actor:
        entries = entries.where(Audit.actor == actor)
    if subject:
        entries = entries.where(Audit.subject == subject)
    if before:
        entries = entries.where(Audit.id < before)
    async with parts.database.read(brief=True) as session:
        rows = list(await session.scalars(entries))
    following = rows[_ON_A_PAGE - 1].id if len(rows) > _ON_A_PAGE else 0
    return await page(
        request, "audit.html", person, rows=rows[:_ON_A_PAGE], actor=actor, subject=subject, following=following
    )
