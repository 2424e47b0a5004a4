"""Sellers: what is known of each, across listings and marketplaces."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.access import PartsOf, Viewer
from monitor.console.cards import history
from monitor.console.fields import Id, text_field, whole_number
from monitor.console.view import page
from storage import tables
from storage.cases import allowed_reason
from storage.errors import NotFound
from storage.inbox import owned

router = APIRouter(include_in_schema=False)
_ON_A_PAGE = 50


@router.get("/sellers")
async def sellers(request: Request, parts: PartsOf, person: Viewer) -> Response:
    """Sellers with alerts, those with most infringing listings first."""
    wanted, at = text_field(request.query_params, "text", 100), whole_number(request.query_params, "page") or 1
    infringing = (
        func.sum(tables.Alert.answer == "infringing")
        if parts.database.embedded
        else func.count(tables.Alert.id).filter(tables.Alert.answer == "infringing")
    )
    counted = (
        select(
            tables.Listing.seller_key.label("seller_key"),
            func.count(tables.Alert.id).label("alerts"),
            func.coalesce(infringing, 0).label("infringing"),
        )
        .join(tables.Listing, tables.Listing.id == tables.Alert.listing_key)
        .where(tables.Listing.seller_key.is_not(None), *owned(person.owners))
        .group_by(tables.Listing.seller_key)
        .subquery()
    )
    rows: Any = select(tables.Seller, counted.c.alerts, counted.c.infringing).join(
        counted, counted.c.seller_key == tables.Seller.id
    )
    if wanted:
        rows = rows.where(tables.Seller.name.icontains(wanted, autoescape=True))
    rows = rows.order_by(counted.c.infringing.desc(), counted.c.alerts.desc(), tables.Seller.id)
    async with parts.database.read() as session:
        found = list((await session.execute(rows.offset((at - 1) * _ON_A_PAGE).limit(_ON_A_PAGE + 1))).all())
    more = len(found) > _ON_A_PAGE
    return await page(request, "sellers.html", person, rows=found[:_ON_A_PAGE], wanted=wanted, at=at, more=more)


@router.get("/sellers/{seller_key}")
async def seller(request: Request, parts: PartsOf, person: Viewer, seller_key: Id) -> Response:
    """One seller: the alerts on their listings, and whether they are allowed."""
    of_seller = (
        select(tables.Alert, tables.Work, tables.Listing)
        .join(tables.Listing, tables.Listing.id == tables.Alert.listing_key)
        .join(tables.Work, tables.Work.id == tables.Alert.work_id)
        .where(tables.Listing.seller_key == seller_key, *owned(person.owners))
        .order_by(tables.Alert.score.desc(), tables.Alert.id.desc())
        .limit(200)
    )
    async with parts.database.read() as session:
        found = await session.get(tables.Seller, seller_key)
        alerts = list((await session.execute(of_seller)).all())
        if found is None or (person.owners is not None and not alerts):
            raise NotFound(f"no seller {seller_key}")
        listings = await session.scalar(select(func.count()).where(tables.Listing.seller_key == seller_key))
        allowed = await allowed_reason(session, found.marketplace, found.seller_id)
        subject = f"seller {found.marketplace}:{found.seller_id}"
        entries = await history(session, subject, 20) if person.sees_all else []
    return await page(
        request, "seller.html", person, seller=found, alerts=alerts, listings=listings, allowed=allowed, entries=entries
    )
