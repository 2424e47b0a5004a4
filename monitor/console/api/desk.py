"""What other complaint tools need: a complaint's listings, what happened to them, receipts and statuses told to us."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.access import Complains, PartsOf, Reads
from monitor.console.api.common import PROBLEMS, After, Key, Limit, Words, once
from monitor.console.complaints import require_seen
from monitor.console.fields import LARGEST, Id
from monitor.console.guard import Problem
from monitor.daemon import Parts
from monitor.desk import following
from monitor.desk.webhooks import told
from storage.complaints import TargetView, get_complaint, targets_of
from storage.webhooks import steps_after

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
Number = Annotated[int, Field(ge=1, le=LARGEST)]
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class Event(BaseModel):
    """One step of a complaint, or of one of its listings, as webhooks send it too."""

    id: str
    kind: str
    at: datetime
    by: str
    before: str
    after: str
    note: str
    platform_words: str
    complaint: dict[str, Any]
    listing: dict[str, Any] | None


class Events(BaseModel):
    """Steps, oldest first; ``next`` goes into ``after`` for the following ones and stays where there are none yet."""

    items: list[Event]
    next: int


class ListingOut(BaseModel):
    """One listing in a complaint; empty where a page did not say."""

    alert_id: int
    marketplace: str
    listing_id: str
    url: str
    title: str
    seller_id: str | None
    seller_name: str | None
    price: Decimal | None
    currency: str | None
    matched_work_id: int
    state: str
    platform_status: str
    platform_reason: str
    status_unknown: bool
    decided_at: datetime | None
    removed_verified_at: datetime | None
    reappeared_at: datetime | None
    notes: str


class Listings(BaseModel):
    """Every listing of a complaint, those left out among them."""

    items: list[ListingOut]


class ReceiptIn(BaseModel):
    """By what an exported complaint was handed in: the platform's number, or what shows it."""

    model_config = ConfigDict(extra="forbid")

    reference: Words = ""
    receipt: Words = ""
    at: AwareDatetime | None = None


class StatusIn(BaseModel):
    """A platform's own words, on a whole complaint or on the listings of some alerts."""

    model_config = ConfigDict(extra="forbid")

    words: Annotated[Words, Field(min_length=1)]
    alerts: Annotated[list[Number], Field(max_length=1000)] | None = None
    reason: Words = ""
    at: AwareDatetime | None = None
    due: AwareDatetime | None = None


class Stands(BaseModel):
    """How far a complaint is now; ``notes``: what a person should know, such as words that no policy pack knows."""

    id: int
    state: str
    outcome: str
    external_ref: str | None
    notes: list[str]


@router.get("/complaint-events")
async def events(parts: PartsOf, person: Reads, after: After = 0, limit: Limit = 50) -> Events:
    """What happened to complaints, step by step."""
    async with parts.database.read() as session:
        steps = await steps_after(session, after, limit, person.owners)
    items = [Event.model_validate(told(step)) for step in steps]
    return Events(items=items, next=steps[-1].event.id if steps else after)


@router.get("/complaints/{complaint_id}/listings")
async def listings(parts: PartsOf, person: Reads, complaint_id: Id) -> Listings:
    """The listings that a complaint names."""
    await require_seen(parts, complaint_id, person.owners)
    async with parts.database.read() as session:
        views = await targets_of(session, complaint_id)
    return Listings(items=[_listing(view) for view in views])


@router.post("/complaints/{complaint_id}/receipt", response_model=Stands)
async def receipt(
    request: Request, parts: PartsOf, person: Complains, complaint_id: Id, given: ReceiptIn, key: Key = None
) -> Response:
    """Tell that an exported complaint was handed in; from now on its deadlines run."""

    async def work() -> Stands:
        await require_seen(parts, complaint_id, person.owners)
        at = _sane(given.at, "at")
        await following.hand_in(parts, complaint_id, person.name, given.reference.strip(), given.receipt.strip(), at)
        return await _stands(parts, complaint_id, [])

    return await once(request, parts, person, key, work)


@router.post("/complaints/{complaint_id}/statuses", response_model=Stands)
async def status(
    request: Request, parts: PartsOf, person: Complains, complaint_id: Id, given: StatusIn, key: Key = None
) -> Response:
    """Tell what the platform says; unknown words are kept and change nothing."""

    async def work() -> Stands:
        await require_seen(parts, complaint_id, person.owners)
        notes = await following.record_status(
            parts,
            complaint_id,
            given.words,
            person.name,
            alert_ids=given.alerts,
            reason=given.reason,
            at=_sane(given.at, "at"),
            due=_sane(given.due, "due"),
        )
        return await _stands(parts, complaint_id, notes)

    return await once(request, parts, person, key, work)


def _sane(at: datetime | None, name: str) -> datetime | None:
    if at is not None and not _EARLIEST < at < _LATEST:
        raise Problem(422, f"{name}: no time of our days")
    return at


async def _stands(parts: Parts, complaint_id: int, notes: list[str]) -> Stands:
    async with parts.database.read() as session:
        row = await get_complaint(session, complaint_id)
    return Stands(id=row.id, state=row.state, outcome=row.outcome, external_ref=row.external_ref, notes=notes)


def _listing(view: TargetView) -> ListingOut:
    row, listing, seller = view.target, view.listing, view.seller
    return ListingOut(
        alert_id=view.alert.id,
        marketplace=listing.marketplace,
        listing_id=listing.listing_id,
        url=listing.url,
        title=listing.title,
        seller_id=seller.seller_id if seller else None,
        seller_name=seller.name if seller else None,
        price=listing.price,
        currency=listing.currency,
        matched_work_id=view.work.id,
        state=row.state,
        platform_status=row.platform_status,
        platform_reason=row.platform_reason,
        status_unknown=row.status_unknown,
        decided_at=row.decided_at,
        removed_verified_at=row.verified_gone_at,
        reappeared_at=row.reappeared_at,
        notes=row.note,
    )
