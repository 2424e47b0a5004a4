"""The one place where settings become running parts.

What only some commands need (the client, the queue, the parsers) is loaded when it is first asked for: a command that
only reads the database starts in half the time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import Settings
from monitor.clock import Clock, SystemClock
from monitor.errors import MailboxFailed, TryLater
from monitor.marketplaces.base import Marketplace
from monitor.posix import on_stop
from monitor.sandbox import Sandbox
from monitor.works import Works
from storage.blobs import Blobs
from storage.database import CommitPoints, Database, check_schema, upgrade_schema

if TYPE_CHECKING:
    from monitor.browser import Renderer
    from monitor.crawl import Reader
    from monitor.examine import Examiner
    from monitor.tasks import Tasks

_GRACE_S = 8.0  # what is under way after this long is given up; it is still due in the tables
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """Everything that runs, wired together. What needs the network is made when it is first used."""

    settings: Settings
    database: Database
    blobs: Blobs
    sandbox: Sandbox
    works: Works
    clock: Clock
    known_marketplaces: Mapping[str, Marketplace] | None = None  # none: those of this installation
    described: Mapping[str, Marketplace] = field(default_factory=dict)  # those of the data folder

    @cached_property
    def marketplaces(self) -> Mapping[str, Marketplace]:
        """The marketplaces by name: those of the data folder first, for they are on hosts of their own."""
        from monitor.marketplaces import MARKETPLACES
        from monitor.marketplaces.keys import with_keys

        known = MARKETPLACES if self.known_marketplaces is None else self.known_marketplaces
        return with_keys({**self.described, **known} if self.described else known, self.settings.marketplaces)

    @cached_property
    def reader(self) -> Reader:
        """Fetches and reads pages.

        Raises:
            FetchError: No contact is set.
        """
        from monitor.crawl import Reader
        from monitor.fetch import Fetcher

        fetcher = Fetcher(self.settings.fetch, self.database, self.clock)
        renderer = self.renderer if self.settings.browser.enabled else None
        return Reader(fetcher, self.sandbox, self.blobs, self.marketplaces, self.clock, renderer)

    @cached_property
    def renderer(self) -> Renderer:
        """Renders pages that only JavaScript fills.

        Raises:
            ConfigError: Playwright or Chromium is missing.
        """
        from monitor.browser import make_renderer

        return make_renderer(self.settings.browser, self.settings.fetch, self.database, self.clock)

    def examiner(self, reader: Reader | None) -> Examiner:
        """Examines listings, fetching what is missing only through a reader."""
        from monitor.examine import Examiner

        attempts = self.settings.schedule.attempts
        remembered = timedelta(days=self.settings.lookback.keep_d)
        return Examiner(
            self.database, reader, self.blobs, self.works, self.marketplaces, self.clock, attempts, remembered
        )

    @cached_property
    def tasks(self) -> Tasks:
        """The units of work and the engine that they run on."""
        from monitor.crawl import Crawler
        from monitor.tasks import Tasks

        crawler = Crawler(self.database, self.reader, self.marketplaces, self.clock)
        schedule = self.settings.schedule
        examiner = self.examiner(self.reader)
        return Tasks(self.database, crawler, examiner, self.clock, schedule.concurrency, schedule.attempts)

    async def close(self) -> None:
        """End every child and connection."""
        if "reader" in self.__dict__:
            await self.reader.fetcher.aclose()
        await self.sandbox.close()
        await self.database.close()


@asynccontextmanager
async def build(
    settings: Settings, marketplaces: Mapping[str, Marketplace] | None = None, clock: Clock | None = None
) -> AsyncIterator[Parts]:
    """Wire the parts for a data folder, and close them in the end.

    An embedded database is brought to the newest version by itself.

    Raises:
        SchemaOutdated: A database that is not embedded is of another version.
        ConfigError: A marketplace's description in the data folder is wrong.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    points = CommitPoints(settings.database.crash_at)
    database = Database(settings.database_url, points)
    blobs = Blobs(settings.data_dir / "blobs", points)
    described = described_marketplaces(settings.data_dir)
    sandbox = make_sandbox(settings, described)
    works = Works(database, blobs, sandbox, settings.detection)
    parts = Parts(settings, database, blobs, sandbox, works, clock or SystemClock(), marketplaces, described)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(parts.close)
        await (upgrade_schema if settings.embedded else check_schema)(database)
        yield parts


def described_marketplaces(data_dir: Path) -> Mapping[str, Marketplace]:
    """The marketplaces that are described in the data folder.

    Raises:
        ConfigError: A description is wrong.
    """
    if not any((data_dir / "marketplaces").glob("*.toml")):
        return {}
    from monitor.marketplaces import MARKETPLACES
    from monitor.marketplaces.described import described_sites

    return described_sites(data_dir, MARKETPLACES)


def make_sandbox(settings: Settings, described: Mapping[str, Marketplace]) -> Sandbox:
    """The children, which know the described marketplaces too."""
    if not described:
        return Sandbox(settings.sandbox)
    from monitor.marketplaces.described import descriptions

    return Sandbox(settings.sandbox, described=list(descriptions(described.values())))


async def scan(parts: Parts) -> None:
    """Do everything that is due now, once.

    Raises:
        TryLater: This machine has no network; what is due stays due.
    """
    while await parts.tasks.enqueue_due():
        await parts.tasks.engine.drain()
        if parts.tasks.engine.put_back:
            raise parts.tasks.engine.put_back


async def run(parts: Parts, digest: Callable[[], Awaitable[None]]) -> None:
    """Work until the process is asked to stop (SIGTERM, Ctrl-C), then finish what is under way.

    Args:
        digest: Makes and sends the digest if one is due.
    """
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    stop = asyncio.Event()
    schedule = AsyncIOScheduler(timezone=UTC)
    every = {"trigger": "interval", "coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    now = datetime.now(UTC)
    schedule.add_job(parts.tasks.enqueue_due, seconds=parts.settings.schedule.tick_s, next_run_time=now, **every)
    if parts.settings.digest.rhythm_h:
        schedule.add_job(digest, minutes=5, **every)
    schedule.add_job(_follow_up, args=[parts], minutes=1, next_run_time=now, **every)
    if parts.settings.mailbox.host:
        rhythm_s = 60 * parts.settings.mailbox.rhythm_min
        schedule.add_job(_read_mailbox, args=[parts], seconds=rhythm_s, next_run_time=now, **every)
    if parts.settings.evidence.timestamp_url:
        rhythm_h = parts.settings.evidence.timestamp_every_h
        schedule.add_job(_stamp, args=[parts], hours=rhythm_h, next_run_time=now, **every)
    if parts.settings.retention.every_h:
        rhythm_h = parts.settings.retention.every_h
        schedule.add_job(_purge, args=[parts], hours=rhythm_h, next_run_time=now, **every)
    on_stop(asyncio.get_running_loop(), stop.set)
    async with _console(parts):
        schedule.start()
        _logger.info("daemon started", extra={"data": str(parts.settings.data_dir)})
        working = asyncio.create_task(parts.tasks.engine.run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        schedule.shutdown(wait=False)
    parts.tasks.engine.stop()
    stopping.cancel()
    with suppress(TimeoutError):
        await asyncio.wait_for(working, _GRACE_S)
    _logger.info("daemon stopped")


async def _stamp(parts: Parts) -> None:
    """Have what was kept time-stamped."""
    from monitor.evidence.stamps import stamp_rolls

    await stamp_rolls(parts)


async def _purge(parts: Parts) -> None:
    """Take away what its retention class no longer keeps."""
    from monitor.retention import purge

    await purge(parts, "bazaarwatch")


async def _follow_up(parts: Parts) -> None:
    """Act upon complaints' deadlines; without a network, looks that are due wait for the next time."""
    from monitor.desk.timers import follow_up

    try:
        await follow_up(parts)
    except TryLater as later:
        _logger.info("deadlines put back", extra={"reason": str(later)})


async def _read_mailbox(parts: Parts) -> None:
    """Take in what platforms wrote; a server that is away is asked again."""
    from monitor.desk.mailbox import poll

    try:
        await poll(parts)
    except MailboxFailed as error:
        _logger.warning("mailbox not read", extra={"reason": str(error)})


@asynccontextmanager
async def _console(parts: Parts) -> AsyncIterator[None]:
    """Serve the console, and pages that browsers send in, if a port is set; what they bring is examined next."""
    port = parts.settings.console.port
    if not port:
        yield
        return
    from monitor.console.server import PortTaken, listening

    async def examine(listing_keys: Sequence[int]) -> None:
        await parts.tasks.engine.enqueue("examine_listing", listing_keys, priority=1)

    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(listening(parts, examine, port))
        except PortTaken as error:  # such as by `serve`: the searches run all the same
            _logger.warning("no console", extra={"reason": str(error)})
        yield
