"""Alerts and the decisions on them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from detectors.model import Answer, PriorityLevel
from monitor.console.access import Decides, PartsOf, Reads
from monitor.console.api.common import PROBLEMS, Key, Limit, Words, once
from monitor.console.fields import LARGEST, Id
from monitor.console.guard import Problem
from monitor.console.pictures import seen_alert
from monitor.console.view import forget_counts
from storage.alerts import AlertView, view_alert
from storage.decisions import MOST_AT_ONCE, decide_together, recent_decisions, take_back
from storage.errors import NotFound
from storage.inbox import Filters, list_heads, owned, views_of
from storage.tables import Alert

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
_POSITION = re.compile(r"(\d{1,6})\.(\d{1,15})")


class AlertOut(BaseModel):
    """An alert. ``listings``: how many open alerts share its picture and are decided with it in the console."""

    id: int
    priority: PriorityLevel
    score: int
    confidence: str
    reasons: list[str]
    work_id: int
    work: str
    marketplace: str
    listing_id: str
    url: str
    title: str
    price: str | None
    currency: str | None
    seller_id: str | None
    seller: str | None
    answer: Answer | None
    decided_by: str | None
    decided_at: datetime | None
    ask_again_at: datetime | None
    suppressed: str | None
    raised_at: datetime
    listings: int = 1


class Alerts(BaseModel):
    """A page of alerts; ``next`` goes into ``after`` for the following one."""

    items: list[AlertOut]
    next: str | None


class DecisionIn(BaseModel):
    """One answer to alerts."""

    model_config = ConfigDict(extra="forbid")

    alerts: list[Annotated[int, Field(ge=1, le=LARGEST)]] = Field(min_length=1, max_length=MOST_AT_ONCE)
    answer: Answer
    ask_again_on: date | None = None
    note: Words = ""


class DecisionOut(BaseModel):
    """A decision as it was recorded."""

    id: int
    at: datetime
    actor: str
    answer: Answer
    alerts: int
    note: str = ""
    undone_at: datetime | None = None


class Decisions(BaseModel):
    """The newest decisions."""

    items: list[DecisionOut]


class Undone(BaseModel):
    """How many alerts are as they were before."""

    alerts: int


@router.get("/alerts")
async def alerts(
    parts: PartsOf,
    person: Reads,
    state: Annotated[str, Query(pattern="^(open|all|suppressed|infringing|licensed|not-a-match|unsure)$")] = "open",
    priority: PriorityLevel | None = None,
    work_id: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
    text: Annotated[str, Query(max_length=100, pattern=r"^[^\x00]*$")] = "",
    after: Annotated[str, Query(max_length=30)] = "",
    limit: Limit = 50,
) -> Alerts:
    """The alerts' cards, the most pressing first."""
    found = _POSITION.fullmatch(after)
    if after and not found:
        raise Problem(422, "after: take it from the page before, as it stands")
    position = (int(found[1]), int(found[2])) if found else None
    filters = Filters(state=state, priority=priority or "", work_id=work_id, text=text)
    async with parts.database.read() as session:
        heads = await list_heads(session, filters, person.owners, parts.clock.now(), position, limit + 1)
        known = await views_of(session, [head.alert_id for head in heads[:limit]])
        items = [(head, known[head.alert_id]) for head in heads[:limit]]
    following = f"{items[-1][0].score}.{items[-1][0].alert_id}" if len(heads) > limit else None
    return Alerts(items=[_out(view, head.alerts) for head, view in items], next=following)


@router.get("/alerts/{alert_id}")
async def alert(parts: PartsOf, person: Reads, alert_id: Id) -> AlertOut:
    """One alert."""
    async with parts.database.read() as session:
        await seen_alert(session, alert_id, person.owners)
        return _out(await view_alert(session, alert_id), 1)


@router.get("/decisions")
async def decisions(parts: PartsOf, person: Reads, limit: Limit = 50) -> Decisions:
    """The newest decisions."""
    async with parts.database.read() as session:
        rows = await recent_decisions(session, person.owners, limit)
    return Decisions(
        items=[
            DecisionOut(
                id=one.id, at=one.at, actor=one.actor, answer=Answer(one.answer), alerts=count, note=one.note,
                undone_at=one.undone_at,
            )
            for one, count in rows
        ]
    )  # fmt: skip


@router.post("/decisions", response_model=DecisionOut)
async def decide(request: Request, parts: PartsOf, person: Decides, given: DecisionIn, key: Key = None) -> Response:
    """Answer alerts; all of them or none."""

    async def work() -> DecisionOut:
        now, ids = parts.clock.now(), sorted(set(given.alerts))
        again = None
        if given.answer is Answer.UNSURE:
            on = given.ask_again_on
            again = datetime(on.year, on.month, on.day, tzinfo=UTC) if on else now + timedelta(days=7)
        async with parts.database.write("alerts decided by a program") as session:
            seen = set(await session.scalars(select(Alert.id).where(Alert.id.in_(ids), *owned(person.owners))))
            if seen != set(ids):
                raise NotFound(f"no alert {min(set(ids) - seen)}")
            made = await decide_together(
                session, ids, given.answer, person.name, now, ask_again_at=again, note=given.note
            )
        forget_counts(request)
        return DecisionOut(id=made.id, at=now, actor=person.name, answer=given.answer, alerts=len(ids), note=given.note)

    return await once(request, parts, person, key, work)


@router.post("/decisions/{decision_id}/undo", response_model=Undone)
async def undo(request: Request, parts: PartsOf, person: Decides, decision_id: Id, key: Key = None) -> Response:
    """Take a decision back as a whole."""

    async def work() -> Undone:
        async with parts.database.write("decision taken back by a program") as session:
            count = await take_back(session, decision_id, person.name, parts.clock.now(), person.owners)
        forget_counts(request)
        return Undone(alerts=count)

    return await once(request, parts, person, key, work)


def _out(view: AlertView, listings: int) -> AlertOut:
    alert, listing, seller = view.alert, view.listing, view.seller
    return AlertOut(
        id=alert.id,
        priority=PriorityLevel(alert.priority),
        score=alert.score,
        confidence=alert.confidence,
        reasons=alert.reasons,
        work_id=view.work.id,
        work=view.work.title,
        marketplace=listing.marketplace,
        listing_id=listing.listing_id,
        url=listing.url,
        title=listing.title,
        price=None if listing.price is None else str(listing.price),
        currency=listing.currency,
        seller_id=seller.seller_id if seller else None,
        seller=seller.name if seller else None,
        answer=Answer(alert.answer) if alert.answer else None,
        decided_by=alert.decided_by,
        decided_at=alert.decided_at,
        ask_again_at=alert.ask_again_at,
        suppressed=alert.suppressed,
        raised_at=alert.raised_at,
        listings=listings,
    )
