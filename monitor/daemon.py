"""The one place where settings become running parts.

What only some commands need (the client, the queue, the parsers) is loaded when it is first asked for: a command that
only reads the database starts in half the time.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from config.contact import write_contact
from config.errors import ConfigError
from config.settings import Settings
from monitor.clock import Clock, SystemClock
from monitor.marketplaces.base import Marketplace
from monitor.posix import keep_one_heap, on_stop
from monitor.sandbox import Sandbox
from monitor.works import Works
from storage.blobs import Blobs
from storage.database import CommitPoints, Database, check_schema, upgrade_schema
from storage.turns import hold

if TYPE_CHECKING:
    from monitor.browser import Renderer
    from monitor.crawl import Reader
    from monitor.engines.base import Chore, Engine, Lost, Task
    from monitor.examine import Examiner
    from monitor.tasks import Tasks

RUNNING = "running"  # a file of the data folder that `run` holds, on an embedded database
_GRACE_S = 8.0  # what is under way after this long is given up; it is still due in the tables
_logger = logging.getLogger(__name__)


@dataclass(eq=False)
class Parts:
    """Everything that runs, wired together. What needs the network is made when it is first used.

    Nothing of it is replaced but the settings, once: by those with a contact.
    """

    settings: Settings
    database: Database
    blobs: Blobs
    sandbox: Sandbox
    works: Works
    clock: Clock
    known_marketplaces: Mapping[str, Marketplace] | None = None  # none: those of this installation
    described: Mapping[str, Marketplace] = field(default_factory=dict)  # those of the data folder
    contact_given: asyncio.Event = field(default_factory=asyncio.Event)

    def take_contact(self, contact: str) -> None:
        """Keep where marketplaces can reach us, and go by it: without one nothing was fetched, so nothing is made anew.

        Raises:
            FetchError: It cannot be sent to anybody.
            ConfigError: The settings file cannot be changed.
        """
        from monitor.fetch import user_agent

        user_agent(contact)
        self.settings = self.settings.with_contact(contact, write_contact(self.settings.data_dir, contact))
        self.contact_given.set()

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
        attempts, examine = self.settings.schedule.attempts, self.examiner(self.reader).examine
        return Tasks(self.database, crawler.crawl, examine, self.draw_evidence, self.clock, self.make_engine, attempts)

    async def draw_evidence(self, complaint_id: int) -> None:
        """Draw the evidence of a confirmed complaint before it is exported."""
        from monitor.desk.drawing import draw_evidence

        await draw_evidence(self, complaint_id)

    def make_engine(self, tasks: Mapping[str, Task], lost: Lost) -> Engine:
        """Where units of work run: in this process, or together with all others on the same PostgreSQL."""
        schedule = self.settings.schedule
        if self.database.embedded:
            from monitor.engines.local import LocalEngine

            return LocalEngine(tasks, lost, schedule.concurrency)
        from monitor.engines.postgres import PostgresEngine

        sites = self.marketplaces
        return PostgresEngine(self.database, tasks, lost, schedule.concurrency, sites, schedule.site_concurrency)

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
    keep_one_heap()
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    points = CommitPoints(settings.database.crash_at)
    listen_url = settings.database.listen_url.get_secret_value()
    database = Database(settings.database_url, points, listen_url=listen_url, pool_size=settings.database.pool_size)
    blobs = make_blobs(settings, points)
    described = described_marketplaces(settings.data_dir)
    sandbox = make_sandbox(settings, described)
    works = Works(database, blobs, sandbox, settings.detection, settings.data_dir / "index")
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


def make_blobs(settings: Settings, points: CommitPoints | None = None) -> Blobs:
    """Where files are stored: in the data folder, or in an object store.

    Raises:
        ConfigError: The extra that talks to object stores is not installed, or the store's settings are wrong.
    """
    where = settings.blobs
    if not where.url:
        return Blobs(settings.data_dir / "blobs", points)
    keys = {"access_key_id": where.access_key_id, "secret_access_key": where.secret_access_key.get_secret_value()}
    given = {
        name: value for name, value in {"endpoint": where.endpoint, "region": where.region, **keys}.items() if value
    }
    try:
        from storage.objects import ObjectBlobs

        return ObjectBlobs(where.url, given, points)
    except ImportError:
        raise ConfigError("blobs.url needs the extra `s3`: pip install 'bazaarwatch[s3]'") from None
    except ValueError as error:
        raise ConfigError(f"[blobs]: {error}") from None


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


async def run(parts: Parts) -> None:
    """Work, and serve the console, until the process is asked to stop (SIGTERM, Ctrl-C).

    Where the console can ask for a contact, that is waited for: nothing is fetched without one.
    """
    working = hold(parts.settings.data_dir / RUNNING) if parts.settings.embedded else None
    try:
        async with _console(parts) as is_served:
            if parts.settings.fetch.contact or not is_served or await _contact_given(parts):
                await work(parts)
    finally:
        if working is not None:
            os.close(working)


async def _contact_given(parts: Parts) -> bool:
    """Wait until somebody says where marketplaces can reach us; False where the process is asked to stop before."""
    stop = asyncio.Event()
    on_stop(asyncio.get_running_loop(), stop.set)
    waiting = [asyncio.create_task(event.wait()) for event in (stop, parts.contact_given)]
    _logger.info("waiting for a contact", extra={"next": "open the console"})
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
    return not stop.is_set()


async def work(parts: Parts, roles: Collection[str] | None = None) -> None:
    """Do units of work and chores until the process is asked to stop.

    Args:
        roles: Which kinds of work this process does, where it shares them with others; none: all.
    """
    from monitor.chores import chores
    from monitor.tasks import ROLES

    engine, every = parts.tasks.engine, chores(parts)
    if roles is not None:
        mine = {chore.name for chore in every if chore.role is None or chore.role in roles}
        engine.works_on = mine | {task for task, role in ROLES.items() if role in roles}
    _logger.info("daemon started", extra={"data": str(parts.settings.data_dir)})
    async with _present(parts, roles):
        await until_stopped(engine, every)
    _logger.info("daemon stopped")


@asynccontextmanager
async def _present(parts: Parts, roles: Collection[str] | None) -> AsyncIterator[None]:
    """Be seen by the other processes, where there can be any."""
    if parts.database.embedded:
        yield
        return
    from monitor.presence import present

    async with present(parts, roles or ["all"]):
        yield


async def until_stopped(engine: Engine, chores: Sequence[Chore] = ()) -> None:
    """Let an engine run until the process is asked to stop, then finish what is under way."""
    stop = asyncio.Event()
    on_stop(asyncio.get_running_loop(), stop.set)
    working = asyncio.create_task(engine.run(chores))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    engine.stop()
    stopping.cancel()
    with suppress(TimeoutError):
        await asyncio.wait_for(working, _GRACE_S)


@asynccontextmanager
async def _console(parts: Parts) -> AsyncIterator[bool]:
    """Serve the console, and pages that browsers send in, if a port is set; what they bring is examined next.

    Gives whether it is served.
    """
    port = parts.settings.console.port
    if not port:
        yield False
        return
    from monitor.console.server import PortTaken, listening

    async def examine(listing_keys: Sequence[int]) -> None:
        if parts.settings.fetch.contact:  # else they wait in the table
            await parts.tasks.engine.enqueue("examine_listing", listing_keys, priority=1)

    async def search(search_ids: Sequence[int]) -> None:
        if parts.settings.fetch.contact:
            await parts.tasks.enqueue_searches(search_ids)

    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(listening(parts, examine, port, search))
            is_served = True
        except PortTaken as error:  # such as by `serve`: the searches run all the same
            is_served = False
            _logger.warning("no console", extra={"reason": str(error)})
        yield is_served
