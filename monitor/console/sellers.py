"""Sellers: what is known of each, across listings and marketplaces."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from sqlalchemy import String, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.access import PartsOf, Viewer
from monitor.console.cards import history
from monitor.console.fields import Id, text_field, whole_number
from monitor.console.kept import Kept
from monitor.console.view import page
from monitor.daemon import Parts
from storage import tables
from storage.cases import allowed_reason
from storage.errors import NotFound
from storage.inbox import Owners, owned
from storage.search import all_found

router = APIRouter(include_in_schema=False)
_ON_A_PAGE = 50
_Counts = tuple[int, int, int]  # a seller's row id, alerts, infringing ones
_MOST = 100_000  # sellers that can be paged through, 10 MB of them


@router.get("/sellers")
async def sellers(request: Request, parts: PartsOf, person: Viewer) -> Response:
    """Sellers with alerts, those with most infringing listings first."""
    wanted, at = text_field(request.query_params, "text", 100), whole_number(request.query_params, "page") or 1
    found = await counted(request.app.state.kept, parts, person.owners)
    async with parts.database.read() as session:
        if wanted:
            named = await all_found(session, tables.Seller, wanted)
            found = [row for row in found if row[0] in named]
        shown = found[(at - 1) * _ON_A_PAGE : at * _ON_A_PAGE + 1]
        keys = [seller_key for seller_key, _, _ in shown]
        known = {one.id: one for one in await session.scalars(select(tables.Seller).where(tables.Seller.id.in_(keys)))}
    rows = [(known[seller_key], alerts, infringing) for seller_key, alerts, infringing in shown]
    more = len(rows) > _ON_A_PAGE
    return await page(request, "sellers.html", person, rows=rows[:_ON_A_PAGE], wanted=wanted, at=at, more=more)


async def counted(kept: Kept, parts: Parts, owners: Owners) -> list[_Counts]:
    """Sellers as `_counted` gives them; many readers cost as much as one."""

    async def count() -> list[_Counts]:
        async with parts.database.read() as session:
            told = await _counted(session, owners)
        return await asyncio.to_thread(_read, told)

    return await kept.get(("sellers", owners), count)


async def _counted(session: AsyncSession, owners: Owners) -> str:
    """(seller's row id, alerts, infringing ones) of sellers with alerts, the worst first.

    As one value, ``id:alerts:infringing,...``: while a driver makes rows of so many, nobody is answered.
    """
    infringing = func.sum(case((tables.Alert.answer == "infringing", 1), else_=0))
    query = (
        select(tables.Listing.seller_key, func.count(tables.Alert.id).label("alerts"), infringing.label("infringing"))
        .join(tables.Listing, tables.Listing.id == tables.Alert.listing_key)
        .where(tables.Listing.seller_key.is_not(None), *owned(owners))
        .group_by(tables.Listing.seller_key)
        .order_by(infringing.desc(), func.count(tables.Alert.id).desc(), tables.Listing.seller_key)
        .limit(_MOST)
    ).subquery()
    key, alerts, bad = (cast(column, String) for column in query.c)
    row = key + ":" + alerts + ":" + bad
    return await session.scalar(select(func.aggregate_strings(row, ","))) or ""


def _read(told: str) -> list[_Counts]:
    rows = (row.split(":") for row in told.split(",") if row)
    return [(int(seller_key), int(alerts), int(infringing)) for seller_key, alerts, infringing in rows]


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
    async with parts.database.read(brief=True) as session:
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
