"""The inbox: all cards as a list, one card after the other, and answers to many at once."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from sqlalchemy import select
from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from detectors.model import Answer, PriorityLevel
from monitor.console.access import Analyst, PartsOf, Person, Viewer, form_of
from monitor.console.cards import Card, as_open, choices_of, history, owned_view, read_card
from monitor.console.choosing import works_to_choose
from monitor.console.fields import LARGEST, Id, text_field, whole_number
from monitor.console.guard import Problem
from monitor.console.labels import chosen
from monitor.console.view import address, back_to, counts, forget_counts, page, part
from monitor.daemon import Parts
from storage import tables
from storage.decisions import MOST_AT_ONCE, decide_together
from storage.errors import StaleState
from storage.inbox import (
    Filters,
    Position,
    cluster_of,
    drop_view,
    free_cards,
    give_back,
    held_by_others,
    list_heads,
    member_ids,
    members,
    owned,
    pictures_of_alerts,
    save_view,
    saved_views,
    take_card,
    views_of,
)
from storage.known import answer_known, is_known, next_known

router = APIRouter(include_in_schema=False)
_ON_A_PAGE = 24
STATES = ("open", *(answer.value for answer in Answer), "suppressed", "all")
_POSITION = re.compile(r"(\d{1,6})\.(\d{1,15})")


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address of the inbox says: filters, and the position behind which to go on."""

    filters: Filters
    after: Position | None

    @property
    def place(self) -> str:
        """The position as an address says it; empty at the top."""
        return f"{self.after[0]}.{self.after[1]}" if self.after else ""

    @property
    def query(self) -> dict[str, object]:
        """The filters as values of an address; what restricts nothing is left out."""
        plain = asdict(self.filters) | {"work": self.filters.work_id, "seller": self.filters.seller_key}
        del plain["work_id"], plain["seller_key"]
        if plain["state"] == "open":
            plain["state"] = ""
        return plain


def asked(values: Mapping[str, Any] | QueryParams | FormData) -> Asked:
    """What was asked for; values that mean nothing restrict nothing."""
    state, priority = str(values.get("state", "")), str(values.get("priority", ""))
    filters = Filters(
        state=state if state in STATES else "open",
        text=text_field(values, "text", 100),
        priority=priority if priority in list(PriorityLevel) else "",
        work_id=whole_number(values, "work"),
        marketplace=text_field(values, "marketplace", 100),
        seller_key=whole_number(values, "seller"),
    )
    found = _POSITION.fullmatch(str(values.get("after", "")))
    return Asked(filters, (int(found[1]), int(found[2])) if found else None)


@router.get("/inbox")
async def inbox(request: Request, parts: PartsOf, person: Viewer) -> Response:
    """All cards that the filters let by, the most pressing first."""
    wanted, now = asked(request.query_params), parts.clock.now()
    async with parts.database.read(brief=wanted.filters.is_quick) as session:
        heads = await list_heads(session, wanted.filters, person.owners, now, wanted.after, _ON_A_PAGE + 1)
        shown = heads[:_ON_A_PAGE]
        ids = [head.alert_id for head in shown]
        known, pictures = await views_of(session, ids), await pictures_of_alerts(session, ids)
        views = [(head, known[head.alert_id], pictures.get(head.alert_id)) for head in shown]
        kept = await saved_views(session, person.name)
        marketplaces = await _marketplaces(session)
    by_priority = await counts(request, person, wanted.filters) if wanted.filters.is_counted else {}
    following = f"{shown[-1].score}.{shown[-1].alert_id}" if len(heads) > _ON_A_PAGE else ""
    return await page(
        request, "inbox.html", person, asked=wanted, cards=views, counts=by_priority, kept=kept, following=following,
        works=await works_to_choose(request, person, wanted.filters.work_id), marketplaces=marketplaces,
        states=STATES, levels=list(PriorityLevel), answers=list(Answer),
    )  # fmt: skip


@router.get("/inbox/review")
async def review(request: Request, parts: PartsOf, person: Analyst) -> Response:
    """The next card, leased to who asks."""
    wanted = asked(request.query_params)
    card = await _next_card(parts, person, wanted, keep=0)
    known = request.query_params.get("known", "")
    return await page(
        request, "review.html", person, card=card, asked=wanted, done=await _done(request, parts, person),
        known=known if known in list(Answer) else "",
    )  # fmt: skip


@router.get("/inbox/card")
async def card_alone(request: Request, parts: PartsOf, person: Analyst) -> Response:
    """The card behind a position as a part of a page, loaded ahead; the present one stays leased."""
    wanted = asked(request.query_params)
    card = await _next_card(parts, person, wanted, keep=whole_number(request.query_params, "keep"))
    return part(request, "card.html", person, card=card, asked=wanted, done=None)


async def _next_card(parts: Parts, person: Person, wanted: Asked, keep: int) -> Card | None:
    now, lease = parts.clock.now(), timedelta(minutes=parts.settings.console.lease_minutes)
    every = parts.settings.console.known_every
    brief, after = wanted.filters.is_quick, wanted.after
    if person.user_id and every and not secrets.randbelow(every):
        async with parts.database.read(brief=True) as session:
            known = await next_known(session, person.user_id, person.owners)
            if known:
                card = await read_card(session, known.alert_id, person.owners, now)
                return as_open(card, wanted.after)
    async with parts.database.read(brief=True) as session:
        kept = [await cluster_of(session, keep, person.owners)] if keep else []
    while True:
        async with parts.database.read(brief=brief) as session:
            heads = await free_cards(session, wanted.filters, person.owners, person.name, now, after, kept)
        async with parts.database.write("card leased", brief=True) as session:
            head = await take_card(session, heads, wanted.filters, person.name, now, lease, kept)
        if head is not None:
            async with parts.database.read(brief=True) as session:
                return await read_card(session, head.alert_id, person.owners, now)
        if not heads:
            return None
        after = heads[-1].position


async def _done(request: Request, parts: Parts, person: Person) -> tables.Decision | None:
    """The decision just made, to be taken back while it is fresh."""
    decision_id = whole_number(request.query_params, "done")
    if not decision_id:
        return None
    async with parts.database.read(brief=True) as session:
        decision = await session.get(tables.Decision, decision_id)
    return decision if decision and decision.actor == person.name and not decision.undone_at else None


@router.get("/alerts/{alert_id}")
async def alert(request: Request, parts: PartsOf, person: Viewer, alert_id: Id) -> Response:
    """One alert with its history."""
    now = parts.clock.now()
    async with parts.database.read(brief=True) as session:
        card = await read_card(session, alert_id, person.owners, now)
        entries = await history(session, f"alert {alert_id}")
        busy = await held_by_others(session, card.cluster, person.name, now)
        known = await is_known(session, alert_id)
    return await page(
        request, "alert.html", person, card=card, entries=entries, busy=busy, asked=asked({}), done=None, known=known
    )


@router.post("/inbox/decide")
async def decide(request: Request, parts: PartsOf, person: Analyst) -> Response:
    """Answer one card: every listing of it, but for those left out."""
    form = await form_of(request)
    alert_id = whole_number(form, "alert")
    answer = answer_of(form)
    left_out = {int(value) for value in form.getlist("leave_out") if str(value).isdecimal()}
    now = parts.clock.now()
    async with parts.database.write("card decided", brief=True) as session:
        known = None
        if person.user_id and await is_known(session, alert_id):
            known = await next_known(session, person.user_id, person.owners, alert_id)
        if known and not form.get("was"):  # it was given as an open card
            await answer_known(session, known, person.user_id or 0, answer, now)
            return _known_answered(request, form, known)
        view = await owned_view(session, alert_id, person.owners)
        was, answered = str(form.get("was", "")), view.alert
        card_cluster = view.work.id, answered.cluster
        holder = await held_by_others(session, card_cluster, person.name, now)
        if holder:
            raise StaleState(f"{holder} looks at this card now")
        if (answered.answer or "") != was:
            raise StaleState(
                f"{answered.decided_by or 'somebody'} decided this first: {answered.answer or 'taken back'}"
            )
        shared = await member_ids(session, card_cluster, now, whole_number(form, "up_to") or LARGEST)
        ids = [one for one in shared if one not in left_out]
        ids = ids or [alert_id]  # decided before: the answer is changed for this one alone
        if len(ids) > MOST_AT_ONCE:
            raise Problem(422, f"more than {MOST_AT_ONCE} listings at once: leave some out")
        label = chosen(str(form.get("label", "")), answer, await choices_of(session, view.work.id))
        decision = await decide_together(
            session, ids, answer, person.name, now,
            ask_again_at=ask_again(form, answer, now), label=label.label.name if label else "",
            right_id=label.right_id if label else None, note=text_field(form, "note", 2000),
        )  # fmt: skip
        await give_back(session, card_cluster)
    forget_counts(request)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"decision": decision.id, "alerts": len(ids), "answer": answer.value})
    if form.get("stay"):
        return back_to(f"/alerts/{alert_id}")
    return back_to("/inbox/review", **asked(form).query, after=asked(form).place, done=decision.id)


def _known_answered(request: Request, form: FormData, known: tables.KnownCase) -> Response:
    """Say what is known of a card that was given to see how well its reader judges."""
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"known": known.answer, "alerts": 0})
    wanted = asked(form)
    return back_to("/inbox/review", **wanted.query, after=wanted.place, known=known.answer)


@router.post("/inbox/bulk")
async def bulk(request: Request, parts: PartsOf, person: Analyst) -> Response:
    """What an answer to the chosen cards would reach, to be looked at before it is given."""
    form = await form_of(request)
    answer, now = answer_of(form), parts.clock.now()
    chosen_ids = [int(str(value)) for value in form.getlist("card") if str(value).isdecimal()][:200]
    async with parts.database.read() as session:
        groups = []
        for alert_id in chosen_ids:
            cluster = await cluster_of(session, alert_id, person.owners)
            groups.append(await members(session, cluster, now, limit=MOST_AT_ONCE))
    views = [view for group in groups for view in group]
    query = asked(form).query
    return await page(request, "bulk.html", person, answer=answer, views=views, query=query, most=MOST_AT_ONCE)


@router.post("/inbox/bulk/decide")
async def bulk_decide(request: Request, parts: PartsOf, person: Analyst) -> Response:
    """Give one answer to many alerts, which were looked at in the preview."""
    form = await form_of(request)
    answer, now = answer_of(form), parts.clock.now()
    ids = sorted({int(str(value)) for value in form.getlist("alert") if str(value).isdecimal()})
    if not 0 < len(ids) <= MOST_AT_ONCE:
        raise Problem(422, f"choose 1 to {MOST_AT_ONCE} listings")
    async with parts.database.write("alerts decided together") as session:
        seen = set(
            await session.scalars(select(tables.Alert.id).where(tables.Alert.id.in_(ids), *owned(person.owners)))
        )
        if seen != set(ids):
            raise Problem(404, "one of these alerts does not exist")
        decision = await decide_together(
            session, ids, answer, person.name, now,
            ask_again_at=ask_again(form, answer, now), note=text_field(form, "note", 2000),
        )  # fmt: skip
    forget_counts(request)
    return back_to(f"/decisions/{decision.id}")


@router.post("/inbox/views")
async def keep_view(request: Request, parts: PartsOf, person: Viewer) -> Response:
    """Keep the filters under a name."""
    form = await form_of(request)
    name = text_field(form, "name", 60)
    if not name:
        raise Problem(422, "give the view a name")
    where = address("/inbox", **asked(form).query)
    async with parts.database.write("view kept") as session:
        await save_view(session, person.name, name, where)
    return back_to("/inbox", **asked(form).query)


@router.post("/inbox/views/{view_id}/remove")
async def forget_view(parts: PartsOf, person: Viewer, view_id: Id) -> Response:
    """Forget a kept view."""
    async with parts.database.write("view dropped") as session:
        await drop_view(session, person.name, view_id)
    return back_to("/inbox")


def answer_of(form: Mapping[str, Any]) -> Answer:
    """The answer that a form gives.

    Raises:
        Problem: It gives none.
    """
    try:
        return Answer(str(form.get("answer", "")))
    except ValueError:
        raise Problem(422, f"answer with one of {', '.join(Answer)}") from None


def ask_again(form: Mapping[str, Any], answer: Answer, now: datetime) -> datetime | None:
    """When an unsure alert comes back: the day that was given, else in a week."""
    if answer is not Answer.UNSURE:
        return None
    given = str(form.get("until", ""))
    if not given:
        return now + timedelta(days=7)
    try:
        wanted = date.fromisoformat(given)
    except ValueError:
        raise Problem(422, "until: write the day as 2026-12-31") from None
    return datetime(wanted.year, wanted.month, wanted.day, tzinfo=UTC)


async def _marketplaces(session: Any) -> list[str]:
    return list(await session.scalars(select(tables.Search.marketplace).distinct().order_by(tables.Search.marketplace)))
