"""The units of work. Each takes an id, is safe to run twice, and leaves the tables saying what is still to do."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from detectors.model import Outcome
from monitor.clock import Clock
from monitor.engines.base import Engine, Lost, Task
from storage.database import Database
from storage.drawings import due_drawings, note_drawn
from storage.errors import NotFound
from storage.listings import note_attempt, waiting_ids
from storage.searches import due_search_ids, finish_crawl, get_search, open_crawl
from storage.sites import by_site
from storage.tables import Listing, Search

CRAWL: Final = "crawl_search"
EXAMINE: Final = "examine_listing"
DRAW: Final = "draw_evidence"  # of a confirmed complaint, before it is exported
SENT: Final = "examine_sent"  # the same without asking any marketplace
ROLES: Final = {CRAWL: "crawl", EXAMINE: "examine", DRAW: "examine"}  # which workers do it
MakeEngine = Callable[[Mapping[str, Task], Lost], Engine]

_logger = logging.getLogger(__name__)
_SLICE = 10_000  # listings queued at once: the rest waits in the table
_EXAMINE_FIRST = 1  # a listing found is worth more than another page of listings


class Tasks:
    """What there is to do, and how it is done."""

    def __init__(
        self,
        database: Database,
        crawl: Callable[[int], Awaitable[Sequence[int]]],
        examine: Callable[[int], Awaitable[object]],
        draw: Callable[[int], Awaitable[None]],
        clock: Clock,
        make_engine: MakeEngine,
        attempts: int,
    ) -> None:
        self._database = database
        self._crawl = crawl
        self._examine = examine
        self._draw = draw
        self._clock = clock
        self._attempts = attempts
        self.engine = make_engine(
            {CRAWL: self.crawl_search, EXAMINE: self.examine_listing, DRAW: self.draw_evidence}, self.lost
        )

    async def enqueue_due(self) -> int:
        """Queue everything that the tables say is due; how much that is. Missed runs coalesce into one."""
        async with self._database.read() as session:
            searches = await due_search_ids(session, self._clock.now())
            listings = await waiting_ids(session, self._clock.now(), _SLICE)
            crawls, examinations = await by_site(session, Search, searches), await by_site(session, Listing, listings)
        for site, ids in crawls.items():
            await self.engine.enqueue(CRAWL, ids, site=site)
        for site, ids in examinations.items():
            await self.engine.enqueue(EXAMINE, ids, priority=_EXAMINE_FIRST, site=site)
        return len(searches) + len(listings) + await self.enqueue_drawings()

    async def enqueue_drawings(self) -> int:
        """Queue the confirmed complaints whose evidence is to be drawn; how many."""
        async with self._database.read() as session:
            complaints = await due_drawings(session)
        await self.engine.enqueue(DRAW, complaints)
        return len(complaints)

    async def enqueue_searches(self, search_ids: Sequence[int]) -> None:
        """Queue searches that a person wants to run now."""
        async with self._database.read() as session:
            crawls = await by_site(session, Search, search_ids)
        for site, ids in crawls.items():
            await self.engine.enqueue(CRAWL, ids, site=site)

    async def crawl_search(self, search_id: int) -> None:
        """Run one search, unless that was done since it was queued; what it finds is examined next."""
        try:
            async with self._database.read() as session:
                search = await get_search(session, search_id)
            if search.next_run_at > self._clock.now():
                return
            found = await self._crawl(search_id)
        except NotFound:  # removed since it was queued
            return
        await self.engine.enqueue(EXAMINE, found, priority=_EXAMINE_FIRST, site=search.marketplace)

    async def examine_listing(self, listing_key: int) -> None:
        """Examine one listing."""
        await self._examine(listing_key)

    async def draw_evidence(self, complaint_id: int) -> None:
        """Draw the evidence of one complaint."""
        await self._draw(complaint_id)

    async def lost(self, name: str, number: int, error: Exception) -> None:
        """Record a unit of work that raised, so that it is tried again later or parked, and seen."""
        reason = f"{type(error).__name__}: {error}"
        async with self._database.write("lost task recorded") as session:
            if name in (EXAMINE, SENT):
                await note_attempt(session, number, reason, self._attempts, self._clock.now())
            elif name == DRAW:  # its export draws it, and says what is wrong
                await note_drawn(session, number, self._clock.now())
            else:
                crawl = await open_crawl(session, await get_search(session, number), self._clock.now())
                crawl.outcome, crawl.reason = Outcome.FAILED, reason
                await finish_crawl(session, crawl, self._clock.now(), None)
