"""Searches: what is looked for, how often, what it brought, and what was asked and got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.access import Admin, PartsOf, WholeAnalyst, WholeViewer, form_of
from monitor.console.choosing import works_to_choose
from monitor.console.fields import Id, text_field, whole_number
from monitor.console.guard import Problem
from monitor.console.kept import Kept
from monitor.console.view import back_to, page
from monitor.marketplaces.asking import Unsearchable, require_searchable, shop_address
from monitor.marketplaces.base import Query
from storage.audit import record
from storage.searches import REFUSED, add_search, get_search, list_searches, make_due, remove_search, set_paused
from storage.tables import Capture, Crawl, Reference, Search, Work

router = APIRouter(include_in_schema=False)
_PERIOD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a search asked for and got in the last 30 days: runs, pages, listings."""

    runs: int = 0
    asked: int = 0
    read: int = 0
    refused: int = 0
    seen: int = 0
    new: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A search with its newest run, and its ledger."""

    search: Search
    newest: Crawl | None
    ledger: Ledger


@router.get("/searches")
async def searches(request: Request, parts: PartsOf, person: WholeViewer) -> Response:
    """Every search."""
    rows = await _rows(request, parts)
    sites = sorted(parts.marketplaces)
    return await page(
        request, "searches.html", person, rows=rows, marketplaces=sites, works=await works_to_choose(request, person),
        schedule=parts.settings.schedule, contact=parts.settings.fetch.contact,
    )  # fmt: skip


@router.get("/searches/{search_id}")
async def search(request: Request, parts: PartsOf, person: WholeViewer, search_id: Id) -> Response:
    """One search: its runs, newest first."""
    async with parts.database.read(brief=True) as session:
        found = await get_search(session, search_id)
        newest = select(Crawl).where(Crawl.search_id == search_id).order_by(Crawl.id.desc()).limit(50)
        crawls = list(await session.scalars(newest))
    return await page(request, "search.html", person, search=found, crawls=crawls)


@router.post("/searches")
async def add(request: Request, parts: PartsOf, person: Admin) -> Response:
    """Look for a keyword, what a seller offers, a shop's goods, or what resembles a work's pictures, from now on."""
    form = await form_of(request)
    marketplace, keyword = text_field(form, "marketplace", 100), text_field(form, "keyword", 200)
    work_id, pages = whole_number(form, "work"), min(whole_number(form, "pages"), 100)
    site = parts.marketplaces.get(marketplace)
    if site is None:
        raise Problem(422, "choose a marketplace")
    seller = text_field(form, "seller", 200)
    if work_id and (keyword or seller):
        raise Problem(422, "a work's pictures are looked for by themselves: leave out keyword and seller")
    try:
        shop = shop_address(site, text_field(form, "shop", 2000))
        require_searchable(site, Query(keyword, seller, b"picture" if work_id else b"", shop))
    except Unsearchable as error:
        raise Problem(422, str(error)) from None
    schedule, now = parts.settings.schedule, parts.clock.now()
    added = []
    async with parts.database.write("search added") as session:
        for word, picture in await _wanted(session, keyword, work_id):
            limit = pages or schedule.page_limit
            made = await add_search(
                session, now, person.name, marketplace, word, schedule.rhythm_h, limit,
                seller=seller, picture=picture, shop=shop,
            )  # fmt: skip
            added.append(made.id)
    await _begin(request, added)
    return back_to("/searches")


@router.post("/searches/{search_id}/run")
async def run_now(request: Request, parts: PartsOf, person: WholeAnalyst, search_id: Id) -> Response:
    """Make a search due at once."""
    if not parts.settings.fetch.contact:
        raise Problem(409, "say first where marketplaces can reach you: the start page asks for it")
    async with parts.database.write("search made due") as session:
        await make_due(session, [search_id], parts.clock.now())
        await record(session, parts.clock.now(), person.name, "search made due", f"search {search_id}")
    await _begin(request, [search_id])
    return back_to("/searches")


async def _begin(request: Request, search_ids: Sequence[int]) -> None:
    """Let searches run now, where this process is who runs them."""
    if request.app.state.search is not None:
        await request.app.state.search(search_ids)


@router.post("/searches/{search_id}/pause")
async def pause(request: Request, parts: PartsOf, person: WholeAnalyst, search_id: Id) -> Response:
    """Let a search rest, or run again."""
    paused = (await form_of(request)).get("paused") == "1"
    async with parts.database.write("search paused") as session:
        await set_paused(session, search_id, parts.clock.now(), person.name, paused)
    return back_to("/searches")


@router.post("/searches/{search_id}/remove")
async def remove(parts: PartsOf, person: Admin, search_id: Id) -> Response:
    """Stop a search for good."""
    async with parts.database.write("search removed") as session:
        await remove_search(session, search_id, parts.clock.now(), person.name)
    return back_to("/searches")


async def _wanted(session: AsyncSession, keyword: str, work_id: int) -> Sequence[tuple[str, str]]:
    """(Keyword, picture's hash) of each search: one for each picture of a work, else a single one."""
    if not work_id:
        return [(keyword, "")]
    found = select(Work.title, Reference.sha256).join(Work, Work.id == Reference.work_id)
    rows = await session.execute(found.where(Work.id == work_id, Work.removed_at.is_(None)))
    wanted = [(row[0], row[1]) for row in rows]
    if not wanted:
        raise Problem(422, "this work has no picture to look for")
    return wanted


async def _rows(request: Request, parts: PartsOf) -> list[Row]:
    """Every search; its ledger is some seconds old where there is much to count."""

    async def count() -> Mapping[int | None, Ledger]:
        async with parts.database.read() as session:
            return await _ledger(session, parts.clock.now() - _PERIOD)

    kept: Kept = request.app.state.kept
    ledger, none = await kept.get(("ledger",), count), Ledger()
    async with parts.database.read(brief=True) as session:
        return [Row(found, newest, ledger.get(found.id, none)) for found, newest in await list_searches(session)]


async def _ledger(session: AsyncSession, since: datetime) -> Mapping[int | None, Ledger]:
    """What each search asked for and got since a time."""
    finished = (Crawl.finished_at > since, Crawl.search_id.is_not(None))
    totals = select(Crawl.search_id, func.count(), func.sum(Crawl.listings_seen), func.sum(Crawl.listings_new))
    by_outcome = select(Crawl.search_id, Capture.outcome, func.count()).join(Crawl, Crawl.id == Capture.crawl_id)
    pages: dict[int | None, dict[str, int]] = {}
    for search_id, outcome, count in await session.execute(
        by_outcome.where(*finished).group_by(Crawl.search_id, Capture.outcome)
    ):
        pages.setdefault(search_id, {})[outcome] = count
    found = {}
    for search_id, runs, seen, new in await session.execute(totals.where(*finished).group_by(Crawl.search_id)):
        asked = pages.get(search_id, {})
        read = asked.get("ok", 0) + asked.get("empty", 0)
        refused = sum(asked.get(outcome, 0) for outcome in REFUSED)
        found[search_id] = Ledger(runs, sum(asked.values()), read, refused, seen or 0, new or 0)
    return found
