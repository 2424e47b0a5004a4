"""From a search to its listings: page after page, each made durable before the next is asked for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from detectors.model import Outcome
from monitor.clock import Clock
from monitor.errors import FetchError, TryLater
from monitor.fetch import Fetcher
from monitor.marketplaces.base import Marketplace, Page, ParsedPage, Request
from monitor.sandbox import Sandbox
from storage.blobs import Blobs
from storage.database import Database
from storage.listings import Recorded, record_listings
from storage.searches import add_capture, finish_crawl, get_search, open_crawl
from storage.tables import Capture, Crawl, Search

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """A page, what it says, and the capture of it."""

    page: Page
    parsed: ParsedPage
    capture: Capture


@dataclass(frozen=True, slots=True)
class Reader:
    """Fetches one page, reads it in the sandbox and keeps its bytes."""

    fetcher: Fetcher
    sandbox: Sandbox
    blobs: Blobs
    marketplaces: Mapping[str, Marketplace]
    clock: Clock

    async def read(self, request: Request, marketplace: str, crawl_id: int | None = None) -> Reading:
        """Fetch a page and read it; its bytes are stored, its row is not yet."""
        page = await self.get(request, marketplace)
        parsed = await self.sandbox.parse(page, marketplace)
        await self.fetcher.report(page, parsed.outcome)
        capture = await capture_of(self.blobs, page, parsed, "fetched", self.clock.now(), crawl_id)
        return Reading(page, parsed, capture)

    async def get(self, request: Request, marketplace: str) -> Page:
        """Fetch an address that a page named, at the marketplace's pace.

        One that must not be fetched is that page's fault, not ours: outcome ``blocked``.

        Raises:
            TryLater: Nothing can be fetched now.
        """
        try:
            return await self.fetcher.get(request, pace_s=self._pace_s(marketplace))
        except TryLater:
            raise
        except FetchError as error:
            _logger.warning("address refused", extra={"url": request.url, "reason": str(error)})
            return Page(request.url, b"", outcome=Outcome.BLOCKED, reason=str(error))

    def _pace_s(self, marketplace: str) -> float:
        known = self.marketplaces.get(marketplace)
        return 60.0 / known.pace.requests_per_minute if known else 0.0


async def capture_of(
    blobs: Blobs, page: Page, parsed: ParsedPage, how: str, now: datetime, crawl_id: int | None = None
) -> Capture:
    """A row for a page whose bytes are stored; the row itself is not, yet."""
    return Capture(
        crawl_id=crawl_id,
        marketplace=parsed.marketplace,
        url=page.url,
        sha256=await blobs.put(page.body),
        status=page.status,
        outcome=parsed.outcome.value,
        reason=parsed.reason or page.reason,
        address=page.address,
        how=how,
        captured_at=page.fetched_at or now,
    )


@dataclass(frozen=True, slots=True)
class Crawler:
    """Runs searches."""

    database: Database
    reader: Reader
    marketplaces: Mapping[str, Marketplace]
    clock: Clock

    async def crawl(self, search_id: int) -> list[int]:
        """Run one search to its page limit, or go on where a crash stopped it. Gives the listings to examine.

        Raises:
            Offline: This machine has no network; the search stays due.
        """
        async with self.database.write("crawl opened") as session:
            search = await get_search(session, search_id)
            crawl = await open_crawl(session, search, self.clock.now())
        to_examine: list[int] = []
        asked: set[str] = set()
        retry_at = None
        request = self._next_request(search, crawl)
        while request and request.url not in asked:
            reading = await self.reader.read(request, search.marketplace, crawl.id)
            asked.add(request.url)
            recorded = await self._record(crawl, reading)
            to_examine += [*recorded.new, *recorded.changed]
            retry_at = reading.page.retry_at
            request = self._next_request(search, crawl)
        await self._finish(crawl, retry_at)
        return to_examine

    def _next_request(self, search: Search, crawl: Crawl) -> Request | None:
        """The first page, or where the crawl stands; None when it is done."""
        if crawl.pages:
            return Request(crawl.next_url) if crawl.next_url and crawl.pages < search.page_limit else None
        marketplace = self.marketplaces.get(search.marketplace)
        request = marketplace.search_request(search.keyword) if marketplace else None
        if request is None:
            crawl.outcome = Outcome.NEEDS_RENDERING
            crawl.reason = f"{search.marketplace} cannot be searched by plain HTTP; import saved pages instead"
        return request

    async def _record(self, crawl: Crawl, reading: Reading) -> Recorded:
        """One page's harvest and where to go on, durable together."""
        parsed = reading.parsed
        async with self.database.write("search page recorded") as session:
            kept = await add_capture(session, reading.capture)
            recorded = await record_listings(session, parsed.listings, kept.id, self.clock.now())
            past_the_end = parsed.outcome is Outcome.EMPTY and crawl.listings_seen > 0
            crawl.outcome = Outcome.OK if past_the_end else parsed.outcome
            crawl.reason = reading.capture.reason
            crawl.next_url = parsed.next
            crawl.pages += 1
            crawl.listings_seen += len(recorded.seen)
            crawl.listings_new += len(recorded.new)
            await session.merge(crawl)
        return recorded

    async def _finish(self, crawl: Crawl, retry_at: datetime | None) -> None:
        async with self.database.write("crawl finished") as session:
            await finish_crawl(session, crawl, self.clock.now(), retry_at)
        facts = {
            "search_id": crawl.search_id,
            "outcome": crawl.outcome,
            "pages": crawl.pages,
            "new": crawl.listings_new,
        }
        _logger.info("search crawled", extra=facts)
