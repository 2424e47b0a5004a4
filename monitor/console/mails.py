"""Platforms' mails: what was recognised and acted upon, what waits for a person, and what that person says of it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from monitor.complaints.mails import Kind
from monitor.console.access import PartsOf, WholeAnalyst, WholeViewer, form_of
from monitor.console.fields import Id, text_field, whole_number
from monitor.console.guard import Problem
from monitor.console.view import back_to, page
from monitor.desk import mailbox
from storage.mails import get_mail, list_mails

router = APIRouter(include_in_schema=False)
STATES = ("waiting", "applied", "set-aside", "all")
_SHOWN = 200
_TEXT_CHARS = 20_000


@router.get("/mails")
async def mails(request: Request, parts: PartsOf, person: WholeViewer) -> Response:
    """The mails that wait for a person, or those in another state, the newest first."""
    asked = text_field(request.query_params, "state", 20)
    state = asked if asked in STATES else STATES[0]
    async with parts.database.read(brief=True) as session:
        rows = await list_mails(session, None if state == "all" else [state], _SHOWN)
    return await page(request, "mails.html", person, rows=rows, state=state, states=STATES)


@router.get("/mails/{mail_id}")
async def mail(request: Request, parts: PartsOf, person: WholeViewer, mail_id: Id) -> Response:
    """One mail: who wrote, what was made of it, and its text."""
    async with parts.database.read(brief=True) as session:
        row = await get_mail(session, mail_id)
    data = await parts.blobs.get(row.sha256)
    said = await parts.sandbox.mail(data, parts.settings.mailbox.trusted_server)
    return await page(request, "mail.html", person, mail=row, said=said, text=said.text[:_TEXT_CHARS], kinds=list(Kind))


@router.post("/mails/{mail_id}")
async def handle(request: Request, parts: PartsOf, person: WholeAnalyst, mail_id: Id) -> Response:
    """Say what a waiting mail is and let it happen, or set it aside."""
    form = await form_of(request)
    note = text_field(form, "note", 1000)
    if form.get("aside"):
        await mailbox.set_aside(parts, mail_id, person.name, note or "about nothing of ours")
    else:
        kind = text_field(form, "kind", 40)
        if kind not in list(Kind):
            raise Problem(422, "say what the mail tells")
        await mailbox.assign(parts, mail_id, person.name, Kind(kind), whole_number(form, "complaint") or None)
    return back_to(f"/mails/{mail_id}")
