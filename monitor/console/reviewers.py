"""How well reviewers judge: known cases, which are given to them unawares, and what each person said of them."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.access import Approver, PartsOf, WholeApprover, form_of
from monitor.console.fields import Id
from monitor.console.pictures import seen_alert
from monitor.console.view import back_to, page
from storage.known import accuracies, add_known, list_known, remove_known

router = APIRouter(include_in_schema=False)
_SHOWN = 200


@router.get("/reviewers")
async def reviewers(request: Request, parts: PartsOf, person: WholeApprover) -> Response:
    """Everybody's accuracy, and the known cases with how many got them right."""
    async with parts.database.read(brief=True) as session:
        people, cases = await accuracies(session), await list_known(session, _SHOWN)
    every = parts.settings.console.known_every
    return await page(request, "reviewers.html", person, people=people, cases=cases, every=every)


@router.post("/alerts/{alert_id}/known")
async def hold_known(request: Request, parts: PartsOf, person: Approver, alert_id: Id) -> Response:
    """Hold an alert's decision to be beyond doubt, or no longer."""
    form = await form_of(request)
    async with parts.database.write("known case") as session:
        await seen_alert(session, alert_id, person.owners)
        if form.get("remove"):
            await remove_known(session, alert_id, parts.clock.now(), person.name)
        else:
            await add_known(session, alert_id, parts.clock.now(), person.name)
    return back_to(f"/alerts/{alert_id}")
