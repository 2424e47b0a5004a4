"""The units of work on PgQueuer in the operator's PostgreSQL, shared by any number of processes.

The tables remain the truth (docs/decisions/0002-tables-are-the-queue.md): a job says who does now what is due. Every
write of a unit of work first makes sure that its job is still this process's, so that one which was taken for dead and
comes back writes nothing (docs/decisions/0012-the-shared-queue.md).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial
from typing import Any, Final, Self
from uuid import UUID

from pgqueuer import PgQueuer
from pgqueuer.core.tm import TaskManager
from pgqueuer.domain.types import JOB_STATUS, JobId, QueueExecutionMode
from pgqueuer.errors import FailingListenerError, RetryRequested
from pgqueuer.models import Job, Schedule, TracebackRecord
from pgqueuer.queries import Queries
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from monitor.engines.base import Chore, Lost, Task, past_conflicts, until_done
from monitor.errors import TryLater
from storage.database import Database, guarded
from storage.errors import LeaseLost, SchemaOutdated
from storage.postgres import alone, is_away, listening

_DEAD_AFTER = timedelta(seconds=10)  # without a heartbeat a worker's jobs go to another
_TRIES: Final = 3  # of a chore before its failure is held for a person to see
_FIRST_DELAY_S: Final = 10.0  # before the second try; four times that before the third
_RECONNECT_S: Final = (1.0, 3.0)
_OTHERS_S: Final = 0.5  # between two looks whether other processes have finished
_URGENT: Final = 10  # a chore such as a look before a deadline goes before every routine search
_TRIM: Final = "trim_queue_log"
_NO_TABLE: Final = "42P01"  # SQLSTATE
_KEEP_LOG: Final = "7 days"
_HELD = text(
    "SELECT 1 FROM pgqueuer WHERE id = :job AND status = 'picked' AND queue_manager_id = :manager FOR KEY SHARE"
)
_logger = logging.getLogger(__name__)


class PostgresEngine:
    """Runs tasks by name and id, and chores, together with every other process on the same database.

    Attributes:
        works_on: The tasks and chores that this process does; none: all. It queues any.
    """

    def __init__(
        self,
        database: Database,
        tasks: Mapping[str, Task],
        lost: Lost,
        concurrency: int,
        sites: Collection[str] = (),
        site_concurrency: int = 0,
        dead_after: timedelta = _DEAD_AFTER,
    ) -> None:
        """Prepare the queue; nothing is connected yet.

        Args:
            database: PostgreSQL, with the queue's tables (`install`).
            tasks: The units of work by name.
            lost: Told of a unit of work that raised, to record it where a person sees it.
            concurrency: How many run at once in this process.
            sites: The marketplaces whose units are counted apart.
            site_concurrency: How many units of one task run at once for one of them, in all processes; 0: any number.
            dead_after: How long a worker may be silent before its jobs go to another; the same for all.
        """
        self._database = database
        self._tasks = dict(tasks)
        self._lost = lost
        self._concurrency = concurrency
        self._free = asyncio.Semaphore(concurrency)
        self._sites = frozenset(sites)
        self._site_concurrency = site_concurrency
        self._dead_after = dead_after
        self._stopping = asyncio.Event()
        self._queue: PgQueuer | None = None
        self._units: set[asyncio.Task[None]] = set()  # under way
        self.works_on: Collection[str] | None = None
        self.queued: Counter[str] = Counter()
        self.finished: Counter[str] = Counter()
        self.lost = 0
        self.put_back: TryLater | None = None

    async def enqueue(self, name: str, ids: Iterable[int], priority: int = 0, site: str = "") -> None:
        """Queue one task for each id, higher priority first; one that waits or runs already is not queued again.

        Raises:
            SchemaOutdated: The queue's tables are missing.
        """
        listed = sorted(set(ids))  # in one order, so that two processes do not wait for each other's rows
        if not listed:
            return
        entrypoint = f"{name}@{site}" if site in self._sites else name
        try:
            accepted = await Queries(_Driver(self._database)).enqueue(
                [entrypoint] * len(listed),
                [str(number).encode() for number in listed],
                [priority] * len(listed),
                dedupe_key=[f"{name}:{number}" for number in listed],
                on_conflict="skip",
            )
        except Exception as error:
            if getattr(error, "sqlstate", None) == _NO_TABLE:
                raise SchemaOutdated("the queue has no tables yet: run `bazaarwatch db upgrade`") from None
            raise
        self.queued[name] += sum(job is not None for job in accepted)

    async def drain(self) -> None:
        """Work until no unit is left, in this process or another."""
        self._stopping.clear()
        self.put_back = None
        while not self._stopping.is_set():
            await self._work((), QueueExecutionMode.drain)
            if not await self._left():
                return
            await self._pause(_OTHERS_S)

    async def run(self, chores: Sequence[Chore] = ()) -> None:
        """Work, and see to the chores, until `stop`; while the database is away, wait for it.

        Raises:
            SchemaOutdated: The queue's tables are missing or of another version.
        """
        self._stopping.clear()
        if not self._tasks and not chores:  # as in a process that only queues
            await self._stopping.wait()
        every = [*chores, Chore(_TRIM, 3600, self._trim)] if chores else []
        while not self._stopping.is_set():
            try:
                await self._work(every, QueueExecutionMode.continuous)
            except Exception as error:
                if not is_away(error) and not isinstance(error, OSError | FailingListenerError):
                    raise
                _logger.warning("database away", extra={"reason": f"{type(error).__name__}: {error}"})
                await self._pause(random.uniform(*_RECONNECT_S))

    def stop(self) -> None:
        """Take no further unit of work, and begin no chore."""
        self._stopping.set()
        if self._queue is not None:
            self._queue.shutdown.set()

    async def _work(self, chores: Sequence[Chore], mode: QueueExecutionMode) -> None:
        """Work as long as the database holds, or until the queue is empty."""
        driver = _Driver(self._database)
        queries = _Queries(driver)
        self._queue = queue = PgQueuer(connection=driver, queries=queries)
        queries.manager, queries.give_up = queue.qm.queue_manager_id, partial(self._give_up, queue)
        for name, task in self._tasks.items():
            if self._does(name):
                self._register(queue, name, task)
        for chore in chores:
            if self._does(chore.name):
                queue.entrypoint(chore.name, accepts_context=False, concurrency_limit=1, on_failure="hold")(
                    self._chore(queue, chore)
                )
            queue.schedule(chore.name, cron(chore.every_s), clean_old=True, accepts_context=False)(self._queuing(chore))
        await _check_structure(queue)
        for chore in chores:
            if chore.at_once:
                await self._queuing(chore)(None)
        options: dict[str, Any] = {
            "batch_size": self._concurrency,
            "max_concurrent_tasks": 2 * self._concurrency,  # what waits here while the queue is asked again
            "dequeue_timeout": self._dead_after / 3,  # between two looks for such jobs: the dead send no word
            "heartbeat_timeout": self._dead_after,
            "shutdown_on_listener_failure": True,
        }
        working = queue.run(**options, mode=mode) if chores else queue.qm.run(**options, mode=mode)
        await until_done(working, self._units, self.stop)

    def _does(self, name: str) -> bool:
        return self.works_on is None or name in self.works_on or name == _TRIM

    def _register(self, queue: PgQueuer, name: str, task: Task) -> None:
        """Offer to do a task's units: those of any site, and those of each known one, a bounded number at once."""
        work = self._unit(queue, name, task)
        queue.entrypoint(name, accepts_context=False)(work)
        for site in sorted(self._sites):
            limit = self._site_concurrency
            queue.entrypoint(f"{name}@{site}", accepts_context=False, concurrency_limit=limit)(work)

    def _unit(self, queue: PgQueuer, name: str, task: Task) -> Callable[[Job], Awaitable[None]]:
        async def work(job: Job) -> None:
            number = int(job.payload or b"0")
            async with self._free:
                if queue.shutdown.is_set():
                    raise RetryRequested(reason="the worker stops")
                with guarded(_holder(queue, job)):
                    await self._tracked(name, self._do(name, task, number))

        return work

    async def _tracked(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Do something that is given up when this process stops at once or loses the database."""
        unit = asyncio.create_task(work)
        self._units.add(unit)
        try:
            await unit
        finally:
            self._units.discard(unit)
            self.finished[name] += not unit.cancelled()

    def _give_up(self, queue: PgQueuer) -> None:
        """Begin nothing that still waits for its turn, and end what is under way."""
        queue.shutdown.set()
        for unit in self._units:
            unit.cancel()

    async def _do(self, name: str, task: Task, number: int) -> None:
        """Do one unit to whatever end it comes to."""
        try:
            await past_conflicts(task, number)
        except LeaseLost:
            _logger.warning("task given up: another worker does it", extra={"task": name, "id": number})
        except TryLater as later:
            self.put_back = later
            _logger.info("task put back", extra={"task": name, "id": number, "reason": str(later)})
        except Exception as error:
            if is_away(error):
                raise RetryRequested(_delay(0), "the database was away") from error
            self.lost += 1
            await self._lost(name, number, error)
            raise

    def _chore(self, queue: PgQueuer, chore: Chore) -> Callable[[Job], Awaitable[None]]:
        async def work(job: Job) -> None:
            if queue.shutdown.is_set():
                raise RetryRequested(reason="the worker stops")
            with guarded(_holder(queue, job)):
                await self._tracked(chore.name, self._do_chore(chore, job.attempts))

        return work

    async def _do_chore(self, chore: Chore, attempts: int) -> None:
        try:
            await chore.do()
        except (LeaseLost, TryLater) as reason:
            _logger.info("chore put back", extra={"chore": chore.name, "reason": str(reason)})
        except Exception as error:
            if is_away(error) or attempts + 1 < _TRIES:
                raise RetryRequested(_delay(attempts), f"{type(error).__name__}: {error}") from error
            await self._forget_held(chore)  # the newest failure is enough
            raise
        else:
            await self._forget_held(chore)

    async def _forget_held(self, chore: Chore) -> None:
        await _Driver(self._database).execute(
            "DELETE FROM pgqueuer WHERE status = 'failed' AND entrypoint = $1", chore.name
        )

    def _queuing(self, chore: Chore) -> Callable[[Schedule | None], Awaitable[None]]:
        async def queue_chore(_: Schedule | None) -> None:
            """Queue the chore unless it waits or runs already."""
            await Queries(_Driver(self._database)).enqueue(
                [chore.name], [None], [_URGENT], dedupe_key=[chore.name], on_conflict="skip"
            )

        return queue_chore

    async def _trim(self) -> None:
        """Forget how jobs went that are long done; their numbers stay in the statistics."""
        await _Driver(self._database).execute(
            f"DELETE FROM pgqueuer_log WHERE aggregated AND created < now() - interval '{_KEEP_LOG}'"  # noqa: S608
        )

    async def _left(self) -> bool:
        names = [*self._tasks, *(f"{name}@{site}" for name in self._tasks for site in self._sites)]
        rows = await _Driver(self._database).fetch(
            "SELECT 1 FROM pgqueuer WHERE status IN ('queued', 'picked') AND entrypoint = ANY($1) LIMIT 1", names
        )
        return bool(rows)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


def cron(every_s: float) -> str:
    """The cron line that comes nearest to a rhythm; the sixth field, where there is one, is seconds."""
    if every_s < 60:
        return f"* * * * * */{max(1, round(every_s))}"
    minutes = round(every_s / 60)
    if minutes < 60:
        return f"*/{minutes} * * * *"
    hours = round(minutes / 60)
    return f"0 */{hours} * * *" if hours < 24 else f"0 0 */{min(28, round(hours / 24))} * *"


def _delay(attempts: int) -> timedelta:
    """How long to wait before the next try: longer each time, and never the same for two."""
    return timedelta(seconds=_FIRST_DELAY_S * 4**attempts * random.uniform(0.5, 1.5))


def _holder(queue: PgQueuer, job: Job) -> Callable[[AsyncSession], Awaitable[None]]:
    """Refuses a write transaction as soon as the job is another's; until it ends nobody can take the job over."""
    lease = {"job": job.id, "manager": queue.qm.queue_manager_id}

    async def holds(session: AsyncSession) -> None:
        if await session.scalar(_HELD, lease) is None:
            raise LeaseLost(f"job {job.id} was taken over by another worker")

    return holds


async def _check_structure(queue: PgQueuer) -> None:
    try:
        await queue.qm.verify_structure()
    except RuntimeError as error:
        raise SchemaOutdated(f"the queue's tables are not ready ({error}): run `bazaarwatch db upgrade`") from None


class _Driver:
    """PgQueuer's statements through our own pool; what it listens to on a connection of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listens = AsyncExitStack()
        self._listening = asyncio.Event()
        self._entered = 0
        self.shutdown = asyncio.Event()
        self.tm = TaskManager()

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        async with alone(self._database) as connection:
            return [dict(row) for row in await connection.fetch(query, *args)]

    async def execute(self, query: str, *args: object) -> str:
        async with alone(self._database) as connection:
            return str(await connection.execute(query, *args))

    async def notify(self, channel: str, payload: str) -> None:
        await self._listening.wait()  # the queue tests whether it hears itself, and may ask before it listens
        await self.execute("SELECT pg_notify($1, $2)", channel, payload)

    async def add_listener(self, channel: str, callback: Callable[[str | bytes | bytearray], None]) -> None:
        await self._listens.enter_async_context(listening(self._database, channel, callback))
        self._listening.set()

    async def __aenter__(self) -> Self:
        self._entered += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._entered -= 1
        if not self._entered:
            await self._listens.aclose()


class _Queries(Queries):
    """PgQueuer's questions, where a job that was taken over is no longer this process's to end or to keep alive.

    Attributes:
        manager: PgQueuer's number for this worker.
        give_up: Called when no job can be had: what is under way could not be written down either, and PgQueuer would
            wait for it before the worker may try again.
    """

    manager: UUID
    give_up: Callable[[], None]

    async def dequeue(self, *args: Any, **options: Any) -> list[Job]:
        try:
            return await super().dequeue(*args, **options)
        except Exception:
            self.give_up()
            raise

    async def log_jobs(self, job_status: list[tuple[Job, JOB_STATUS, TracebackRecord | None]]) -> None:
        mine = await self._mine([job.id for job, _, _ in job_status])
        # One that was given up is neither done nor failed: without a heartbeat it goes to another.
        ended = [one for one in job_status if one[0].id in mine and one[1] != "canceled"]
        await super().log_jobs(ended)

    async def update_heartbeat(self, job_ids: list[JobId]) -> None:
        await super().update_heartbeat(list(await self._mine(job_ids)))

    async def retry_job(self, job: Job, delay: timedelta, traceback_record: TracebackRecord | None) -> None:
        try:
            if await self._mine([job.id]):
                await super().retry_job(job, delay, traceback_record)
        except Exception as error:
            if not is_away(error):
                raise  # else it is taken up again like that of a dead worker

    async def _mine(self, ids: list[JobId]) -> set[JobId]:
        held = "SELECT id FROM pgqueuer WHERE id = ANY($1) AND queue_manager_id = $2"
        return {JobId(int(str(row["id"]))) for row in await self.driver.fetch(held, ids, self.manager)}
