"""A crawler on loopback for tests: the real fetcher, gate, politeness and database; pages are read in this process."""

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass

from config.settings import load
from detectors.thumbnail import thumbnail
from monitor.crawl import Crawler, Reader
from monitor.fetch import Fetcher
from monitor.marketplaces import MARKETPLACES, parse
from storage.blobs import Blobs
from storage.database import CommitPoints
from storage.searches import add_search, get_search
from storage.tables import Capture, Crawl, Listing


class Here:
    """The sandbox's work without its walls."""

    async def parse(self, page, marketplace):
        return parse(page, marketplace)

    async def thumbnail(self, data, side_px):
        return thumbnail(data, side_px)


@dataclass
class World:
    """What a test of crawling looks at."""

    database: object
    clock: object
    fetcher: Fetcher
    blobs: Blobs
    crawler: Crawler

    async def search(self, marketplace, keyword="", pages=50, **kind):
        """Add a search; its id."""
        async with self.database.write("test") as session:
            added = await add_search(session, self.clock.now(), "test", marketplace, keyword, 24.0, pages, **kind)
            return added.id

    async def crawl(self, search_id):
        """Run it; the finished crawl."""
        await self.crawler.crawl(search_id)
        return (await self.rows(Crawl))[-1]

    async def rows(self, table):
        from sqlalchemy import select

        async with self.database.read() as session:
            return (await session.scalars(select(table).order_by(*table.__table__.primary_key))).all()

    async def listings(self):
        return await self.rows(Listing)

    async def captures(self):
        return await self.rows(Capture)

    async def next_run(self, search_id):
        async with self.database.read() as session:
            return (await get_search(session, search_id)).next_run_at


@asynccontextmanager
async def crawling(database, clock, folder, own, marketplaces=None, sandbox=None, gate=None, **fetch):
    """A world whose own servers are ``own`` (``ip:port``); ``fetch`` are settings of that section."""
    values = {"contact": "owner@example.org", "own_addresses": list(own), "timeout_s": 5.0, **fetch}
    environ = {
        f"BAZAARWATCH_FETCH__{key.upper()}": value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
    }
    sites = {**MARKETPLACES, **(marketplaces or {})}
    fetcher = Fetcher(load(folder, environ).fetch, database, clock, gate=gate, has_network=lambda: True)
    blobs = Blobs(folder / "blobs", CommitPoints())
    reader = Reader(fetcher, sandbox or Here(), blobs, sites, clock)
    try:
        yield World(database, clock, fetcher, blobs, Crawler(database, reader, sites, clock))
    finally:
        await fetcher.aclose()
