"""Marketplaces: what can be done where, how their hosts fare, whether they can still be read."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter
from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.access import PartsOf, WholeViewer
from monitor.console.view import page
from monitor.marketplaces.overview import overview
from storage.canaries import newest_canary_runs
from storage.hosts import list_hosts
from storage.tables import HostHour

router = APIRouter(include_in_schema=False)


@router.get("/marketplaces")
async def marketplaces(request: Request, parts: PartsOf, person: WholeViewer) -> Response:
    """Health, blocks, canaries and budget."""
    now = parts.clock.now()
    async with parts.database.read(brief=True) as session:
        hosts = await list_hosts(session)
        spent = select(HostHour.host, func.sum(HostHour.requests)).where(HostHour.hour_at > now - timedelta(days=1))
        asked = dict((await session.execute(spent.group_by(HostHour.host))).all())
        canaries = await newest_canary_runs(session)
    return await page(
        request, "marketplaces.html", person, hosts=hosts, asked=asked, canaries=canaries,
        budget=parts.settings.fetch.requests_per_day, known=overview(parts.marketplaces.values()),
    )  # fmt: skip
