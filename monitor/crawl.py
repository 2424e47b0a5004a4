"""From a search to its listings: page after page, each made durable before the next is asked for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from detectors.errors import DetectorError, ImageTooLarge
from detectors.model import Outcome
from monitor.clock import Clock
from monitor.errors import FetchError, SandboxError, TryLater
from monitor.fetch import Fetcher
from monitor.heads import head_of
from monitor.marketplaces.base import LARGEST_PICTURE, Marketplace, Pace, Page, ParsedPage, Query, Request
from monitor.marketplaces.shops import under_its_shop
from monitor.marketplaces.urls import host_of, on_host
from monitor.sandbox import Sandbox
from storage.blobs import Blobs
from storage.database import Database
from storage.errors import NotFound
from storage.listings import Recorded, record_listings
from storage.searches import PASSING, WALLS, add_capture, finish_crawl, get_search, is_registered, open_crawl
from storage.tables import Capture, Crawl, Search

if TYPE_CHECKING:
    from monitor.browser import Renderer

_logger = logging.getLogger(__name__)
_PICTURE_SIDES_PX = (800, 600, 400, 200)  # tried until a picture is small enough to be searched for


@dataclass(frozen=True, slots=True)
class Reading:
    """A page, what it says, and the capture of it."""

    page: Page
    parsed: ParsedPage
    capture: Capture

    @property
    def is_walled(self) -> bool:
        """Whether a wall stands in its place, or keeps us from asking for a while; not what may not be asked at all."""
        return self.page.paused or (self.parsed.outcome in WALLS and self.page.status > 0)


@dataclass(frozen=True, slots=True)
class Reader:
    """Fetches one page, reads it in the sandbox and keeps its bytes; may render search pages that scripts fill."""

    fetcher: Fetcher
    sandbox: Sandbox
    blobs: Blobs
    marketplaces: Mapping[str, Marketplace]
    clock: Clock
    renderer: Renderer | None = None

    async def read(self, request: Request, marketplace: str, crawl_id: int | None = None) -> Reading:
        """Fetch a page and read it; its bytes are stored, its row is not yet."""
        page = await self.get(request, marketplace)
        parsed = await self.sandbox.parse(page, marketplace)
        how = "fetched"
        if parsed.outcome is Outcome.NEEDS_RENDERING and self.renderer and crawl_id is not None:
            page, how = await self.renderer.render(page), "rendered"
            parsed = await self.sandbox.parse(page, marketplace)
        parsed = under_its_shop(parsed, page.url, self.marketplaces)
        retry_at = await self.fetcher.report(page, parsed.outcome)
        page = replace(page, retry_at=retry_at) if retry_at else page
        capture = await capture_of(self.blobs, page, parsed, how, self.clock.now(), crawl_id)
        return Reading(page, parsed, capture)

    async def get(self, request: Request, marketplace: str) -> Page:
        """Fetch an address that a page named, at the marketplace's pace.

        One that must not be fetched is that page's fault, not ours: outcome ``blocked``.

        Raises:
            TryLater: Nothing can be fetched now.
        """
        try:
            pace = self._pace(marketplace)
            return await self.fetcher.get(
                request, pace_s=60.0 / pace.requests_per_minute, per_day=pace.requests_per_day
            )
        except TryLater:
            raise
        except FetchError as error:
            _logger.warning("address refused", extra={"url": request.url, "reason": str(error)})
            return Page(request.url, b"", outcome=Outcome.BLOCKED, reason=str(error))

    def _pace(self, marketplace: str) -> Pace:
        known = self.marketplaces.get(marketplace)
        return known.pace if known else Pace(requests_per_minute=inf)


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
        head=head_of(page),
        screenshot=await blobs.put(page.screenshot) if page.screenshot else None,
        captured_at=page.fetched_at or now,
    )


@dataclass(slots=True)
class _Run:
    """One search under way in this process."""

    search: Search
    crawl: Crawl
    query: Query
    first: Request
    asked: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def next_request(self) -> Request | None:
        """The first page, or where the crawl stands; None when it is done. Later pages are asked like the first."""
        if not self.crawl.pages:
            return self.first
        url = self.crawl.next_url
        if not url or url in self.asked or self.crawl.pages >= self.search.page_limit:
            return None
        alike = _place(url) == _place(self.first.url)
        return replace(self.first, url=url, params={}) if alike else Request(url)

    def shows_more(self, parsed: ParsedPage) -> bool:
        """Whether a page shows a listing that is new to this run: some sites repeat their last page for ever."""
        fresh = {listing.listing_id for listing in parsed.listings} - self.seen
        self.seen |= fresh
        return bool(fresh)


def _place(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()


def _onward(site: Marketplace, page_url: str, url: str | None) -> str | None:
    """The following page, if it is on the page's own host and port or on the marketplace's hosts."""
    if url is None or _place(url)[1] == _place(page_url)[1] or on_host(host_of(url), site.hosts):
        return url
    _logger.warning("next page refused: it is on another site", extra={"page": page_url, "url": url})
    return None


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
        query = await self._query(search, crawl)
        first = self._first_request(search, crawl, query) if query else None
        to_examine: list[int] = []
        retry_at = None
        if query and first:
            run = _Run(search, crawl, query, first)
            while request := run.next_request():
                reading = await self.reader.read(request, search.marketplace, crawl.id)
                recorded = await self._record(run, request, reading)
                run.asked |= {request.url, reading.page.url}
                to_examine += [*recorded.new, *recorded.changed]
                retry_at = reading.page.retry_at
        await self._finish(crawl, retry_at)
        return to_examine

    async def _query(self, search: Search, crawl: Crawl) -> Query | None:
        """What the search looks for; None, and why in the crawl, where its picture cannot be searched for any more."""
        if not search.picture:
            return Query(search.keyword, search.seller, shop=search.shop)
        try:
            return Query(picture=await self._picture(search.picture))
        except (NotFound, DetectorError, SandboxError) as error:
            crawl.outcome, crawl.reason = Outcome.FAILED, f"its picture cannot be searched for: {error}"
            return None

    async def _picture(self, sha256: str) -> bytes:
        """A registered picture as a JPEG that is small enough for every image search.

        Raises:
            NotFound: It is no work's reference any more.
            DetectorError: It cannot be decoded, or not made small enough.
            SandboxError: Decoding it broke a limit.
        """
        async with self.database.read() as session:
            if not await is_registered(session, sha256):
                raise NotFound("it is no reference of a work any more; `bazaarwatch search remove` ends the search")
        data = await self.reader.blobs.get(sha256)
        for side_px in _PICTURE_SIDES_PX:
            small = await self.reader.sandbox.thumbnail(data, side_px)
            if len(small) <= LARGEST_PICTURE:
                return small
        raise ImageTooLarge(f"more than {LARGEST_PICTURE} bytes at {_PICTURE_SIDES_PX[-1]} px a side")

    def _first_request(self, search: Search, crawl: Crawl, query: Query) -> Request | None:
        """The search's first page; None, and why in the crawl, where the site cannot be searched so."""
        site = self.marketplaces.get(search.marketplace)
        request = site.query_request(query) if site else None
        if request is None:
            hint = site.hint if site and site.hint else "import saved pages instead"
            crawl.outcome = Outcome.NEEDS_RENDERING
            crawl.reason = f"{search.marketplace} cannot be searched so: {hint}"
        return request

    async def _record(self, run: _Run, request: Request, reading: Reading) -> Recorded:
        """One page's harvest and where to go on, durable together."""
        parsed, crawl = reading.parsed, run.crawl
        site = self.marketplaces[run.search.marketplace]
        kept_listings = [listing for listing in parsed.listings if site.keeps(run.query, listing)]
        async with self.database.write("search page recorded", brief=True) as session:
            kept = await add_capture(session, reading.capture)
            recorded = await record_listings(session, kept_listings, kept.id, self.clock.now())
            past_the_end = parsed.outcome is Outcome.EMPTY and crawl.listings_seen > 0
            crawl.outcome = Outcome.OK if past_the_end else parsed.outcome
            crawl.reason = reading.capture.reason
            if crawl.pages and (reading.is_walled or reading.parsed.outcome in PASSING):
                # The next crawl goes on here, unless this one began here and was told the same.
                crawl.next_url = request.url if crawl.listings_seen or reading.page.paused else None
            else:
                crawl.next_url = _onward(site, reading.page.url, parsed.next) if run.shows_more(parsed) else None
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
