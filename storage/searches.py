"""Searches, their crawls, and the ledger of what was asked and got."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

from sqlalchemy import Table, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from detectors.model import Outcome
from storage.audit import record
from storage.errors import NotFound, Refused
from storage.tables import Capture, Crawl, Listing, Reference, Search, Work
from storage.upsert import dialect_of, insert_on

_GO_ON_WITHIN = timedelta(hours=30)  # a host that refuses us is left alone for up to a day
PASSING = frozenset({Outcome.FAILED, Outcome.RATE_LIMITED})  # worth another attempt
WALLS = frozenset({Outcome.BLOCKED, Outcome.LOGIN_REQUIRED})


async def add_search(
    session: AsyncSession,
    now: datetime,
    actor: str,
    marketplace: str,
    keyword: str,
    rhythm_h: float,
    page_limit: int,
    *,
    seller: str = "",
    picture: str = "",
    shop: str = "",
) -> Search:
    """Register what to look for at a marketplace, due at once. A removed one comes back under its old id.

    Args:
        keyword: What to look for; with ``picture`` the work's title, for people.
        seller: The account whose offers are looked through.
        picture: SHA-256 of the reference to look for.
        shop: The shop's address, where the marketplace lives on any host.

    Raises:
        Refused: The same search exists already.
    """
    sought = {"marketplace": marketplace, "keyword": keyword, "seller": seller, "picture": picture, "shop": shop}
    search = await session.scalar(select(Search).filter_by(**sought))
    if search and not search.removed_at:
        raise Refused(f"search {search.id} already looks for {search.subject!r} on {marketplace}")
    if not search:
        search = Search(**sought, created_at=now)
        session.add(search)
    search.rhythm_h, search.page_limit, search.next_run_at = rhythm_h, page_limit, now
    search.removed_at = search.paused_at = None
    await session.flush()
    facts = {"on": marketplace, "for": search.subject}
    await record(session, now, actor, "search added", f"search {search.id}", facts)
    return search


async def is_registered(session: AsyncSession, sha256: str) -> bool:
    """Whether a picture is still a reference of a work."""
    living = select(Reference.id).join(Work).where(Reference.sha256 == sha256, Work.removed_at.is_(None)).limit(1)
    return await session.scalar(living) is not None


async def get_search(session: AsyncSession, search_id: int) -> Search:
    """One search.

    Raises:
        NotFound: There is none, or it was removed.
    """
    search = await session.get(Search, search_id)
    if not search or search.removed_at:
        raise NotFound(f"no search {search_id}; `bazaarwatch search list` shows them")
    return search


async def list_searches(session: AsyncSession) -> Sequence[tuple[Search, Crawl | None]]:
    """Every search with its newest finished crawl."""
    of_search = aliased(Crawl)
    newest = (
        select(of_search.id)
        .where(of_search.search_id == Search.id, of_search.finished_at.is_not(None))
        .order_by(of_search.finished_at.desc(), of_search.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(Search, Crawl)
        .outerjoin(Crawl, Crawl.id == newest)
        .where(Search.removed_at.is_(None))
        .order_by(Search.id)
    )
    return [(search, crawl) for search, crawl in rows]


async def due_search_ids(session: AsyncSession, now: datetime) -> list[int]:
    """Searches whose time has come, longest overdue first. However many runs were missed, each is due once."""
    found = await session.scalars(
        select(Search.id)
        .where(Search.next_run_at <= now, Search.paused_at.is_(None), Search.removed_at.is_(None))
        .order_by(Search.next_run_at)
    )
    return list(found)


async def make_due(session: AsyncSession, search_ids: Sequence[int] | None, now: datetime) -> None:
    """Let searches run now: those named, or all that are active.

    Raises:
        NotFound: One of them does not exist.
    """
    for search_id in search_ids or ():
        await get_search(session, search_id)
    active = update(Search).where(Search.paused_at.is_(None), Search.removed_at.is_(None), Search.next_run_at > now)
    chosen = active.where(Search.id.in_(search_ids)) if search_ids else active
    await session.execute(chosen.values(next_run_at=now))


async def open_crawl(session: AsyncSession, search: Search, now: datetime) -> Crawl:
    """The crawl to work on: the one that a crash left unfinished, or a new one.

    A new one goes on where the last broke off, if that was lately: else a search of many pages would never come to its
    last ones.
    """
    unfinished = await session.scalar(select(Crawl).where(Crawl.search_id == search.id, Crawl.finished_at.is_(None)))
    if unfinished:
        return unfinished
    crawl = Crawl(search_id=search.id, marketplace=search.marketplace, started_at=now)
    last = await session.scalar(select(Crawl).where(Crawl.search_id == search.id).order_by(Crawl.id.desc()).limit(1))
    if last and last.next_url and last.finished_at and now - last.finished_at <= _GO_ON_WITHIN:
        crawl.next_url, crawl.pages = last.next_url, last.pages
    session.add(crawl)
    await session.flush()
    return crawl


async def finish_crawl(session: AsyncSession, crawl: Crawl, now: datetime, retry_at: datetime | None) -> None:
    """Close a crawl, whose outcome is set, and say when its search runs next.

    Args:
        retry_at: When the site may be asked again after a refusal; never earlier than that, nor later than the rhythm
            where the run failed for a passing reason or a wall broke it off between two pages.
    """
    crawl.finished_at, crawl.next_url = now, crawl.next_url if crawl.outcome in PASSING | WALLS else None
    passing = crawl.outcome in PASSING or (crawl.next_url and retry_at)
    await session.merge(crawl)
    if crawl.search_id is None:
        return
    search = await session.get_one(Search, crawl.search_id)
    regular = now + timedelta(hours=search.rhythm_h)
    soon = min(regular, now + timedelta(hours=1)) if passing else regular
    search.next_run_at = max(soon, retry_at) if retry_at else soon


async def set_paused(session: AsyncSession, search_id: int, now: datetime, actor: str, paused: bool) -> Search:
    """Pause a search, or let it run again (due at once)."""
    search = await get_search(session, search_id)
    search.paused_at = now if paused else None
    if not paused:
        search.next_run_at = min(search.next_run_at, now)
    await record(session, now, actor, "search paused" if paused else "search resumed", f"search {search_id}")
    return search


async def edit_search(
    session: AsyncSession,
    search_id: int,
    now: datetime,
    actor: str,
    *,
    keyword: str | None = None,
    rhythm_h: float | None = None,
    page_limit: int | None = None,
    canary: bool | None = None,
) -> Search:
    """Change what is given; a new keyword or rhythm takes effect at once.

    Args:
        canary: Whether its keyword, in place of another one there, is what canary runs ask its marketplace or shop for.

    Raises:
        Refused: Another search already has that keyword there, or the search looks for a picture; or it cannot be a
            canary, having no keyword or looking elsewhere than through a whole marketplace or shop.
    """
    search = await get_search(session, search_id)
    before = _editable(search)
    if keyword and keyword != search.keyword:
        if search.picture:
            raise Refused("a search by picture has no keyword; add another with `search add --picture`")
        others = {"marketplace": search.marketplace, "seller": search.seller, "picture": "", "shop": search.shop}
        if await session.scalar(select(Search.id).filter_by(**others, keyword=keyword)):
            raise Refused(f"another search already looks for {keyword!r} on {search.marketplace}")
        search.keyword, search.next_run_at = keyword, now
        await session.execute(update(Crawl).where(Crawl.search_id == search_id).values(next_url=None))
    if canary is not None:
        await _set_canary(session, search, canary)
    search.page_limit = page_limit or search.page_limit
    if rhythm_h:
        search.rhythm_h = rhythm_h
        search.next_run_at = min(search.next_run_at, now + timedelta(hours=rhythm_h))
    facts = {"before": before, "after": _editable(search)}
    await record(session, now, actor, "search edited", f"search {search_id}", facts)
    return search


def _editable(search: Search) -> dict[str, Any]:
    names = ("keyword", "rhythm_h", "page_limit", "canary")
    return {name: getattr(search, name) for name in names}


async def _set_canary(session: AsyncSession, search: Search, canary: bool) -> None:
    if canary and (not search.keyword or search.picture or search.seller):
        raise Refused(f"search {search.id} cannot be a canary: those ask for a keyword at a whole marketplace or shop")
    if canary:
        there = Search.marketplace == search.marketplace, Search.shop == search.shop
        await session.execute(update(Search).where(*there).values(canary=False))
    search.canary = canary


async def remove_search(session: AsyncSession, search_id: int, now: datetime, actor: str) -> None:
    """Stop a search for good; what it found stays."""
    search = await get_search(session, search_id)
    search.removed_at = now
    await session.execute(
        update(Crawl)
        .where(Crawl.search_id == search_id, Crawl.finished_at.is_(None))
        .values(finished_at=now, outcome=Outcome.FAILED.value, reason="the search was removed", next_url=None)
    )
    await record(session, now, actor, "search removed", f"search {search_id}")


@dataclass(frozen=True, slots=True)
class Coverage:
    """What one search asked for and got in a period: pages asked, read and refused; listings seen and new ones.

    ``blocked_since`` is set while its last crawls were all refused.
    """

    search: Search
    asked: int
    got: int
    blocked: int
    listings_seen: int
    listings_new: int
    blocked_since: datetime | None


async def coverage(session: AsyncSession, since: datetime) -> list[Coverage]:
    """The ledger per search, of the crawls finished since a time."""
    ledger = []
    for search, newest in await list_searches(session):
        seen = func.coalesce(func.sum(Crawl.listings_seen), 0)
        new = func.coalesce(func.sum(Crawl.listings_new), 0)
        finished = (Crawl.search_id == search.id, Crawl.finished_at > since)
        seen_count, new_count = (await session.execute(select(seen, new).where(*finished))).one()
        by_outcome = select(Capture.outcome, func.count()).join(Crawl).where(*finished).group_by(Capture.outcome)
        pages = dict((await session.execute(by_outcome)).all())
        got = sum(pages.get(outcome, 0) for outcome in (Outcome.OK, Outcome.EMPTY))
        refused = sum(pages.get(outcome, 0) for outcome in REFUSED)
        blocked_since = await _blocked_since(session, search.id) if newest and newest.outcome in REFUSED else None
        ledger.append(Coverage(search, sum(pages.values()), got, refused, seen_count, new_count, blocked_since))
    return ledger


REFUSED = (Outcome.BLOCKED, Outcome.LOGIN_REQUIRED, Outcome.NEEDS_RENDERING, Outcome.RATE_LIMITED)


async def _blocked_since(session: AsyncSession, search_id: int) -> datetime | None:
    of_search = (Crawl.search_id == search_id, Crawl.finished_at.is_not(None))
    last_good = select(func.max(Crawl.id)).where(*of_search, Crawl.outcome.not_in(REFUSED)).scalar_subquery()
    first_refused = select(func.min(Crawl.finished_at)).where(*of_search, Crawl.id > func.coalesce(last_good, 0))
    return await session.scalar(first_refused)


async def add_capture(session: AsyncSession, capture: Capture) -> Capture:
    """Remember a page; the same page captured twice is one row."""
    facts = {name: value for name, value in vars(capture).items() if name in _captures.c}
    capture.id = await session.scalar(_new_capture(dialect_of(session)), facts)
    if capture.id is not None:
        return capture
    same = select(Capture).where(Capture.url == capture.url, Capture.captured_at == capture.captured_at)
    return (await session.scalars(same)).one()


async def captures_of(session: AsyncSession, listings: Iterable[Listing]) -> dict[int, Capture]:
    """The pages on which some listings were last seen, by their ids."""
    ids = {listing.capture_id for listing in listings}
    return {row.id: row for row in await session.scalars(select(Capture).where(Capture.id.in_(ids)))}


_captures = cast("Table", Capture.__table__)


@cache
def _new_capture(dialect: str) -> Any:
    return insert_on(dialect, _captures).on_conflict_do_nothing().returning(_captures.c.id)
