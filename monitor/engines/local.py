"""The units of work inside one process, on PgQueuer's in-memory queue.

Nothing here is durable: what is due is derived from the tables again at every tick and after every start.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pgqueuer import PgQueuer
from pgqueuer.domain.types import QueueExecutionMode
from pgqueuer.models import Job

from monitor.engines.base import Chore, Lost, Task, past_conflicts, until_done
from monitor.errors import TryLater

_logger = logging.getLogger(__name__)
_BATCH = 100  # jobs taken from the queue at once; how many run at once is our own semaphore's business


class LocalEngine:
    """Runs tasks by name and id, a bounded number at once; a task that waits already is not queued again."""

    def __init__(self, tasks: Mapping[str, Task], lost: Lost, concurrency: int) -> None:
        """Prepare the queue.

        Args:
            tasks: The units of work by name.
            lost: Told of a unit of work that raised, to record it where a person sees it.
            concurrency: How many run at once.
        """
        self._queue = PgQueuer.in_memory()
        self._lost = lost
        self._free = asyncio.Semaphore(concurrency)
        self.queued: Counter[str] = Counter()
        self.finished: Counter[str] = Counter()
        self.lost = 0  # units of work that raised
        self._units: set[asyncio.Task[None]] = set()  # under way
        self.works_on: Collection[str] | None = None  # nobody else would do the rest
        self._schedule: Any = None  # APScheduler's, which has no types
        self.put_back: TryLater | None = None  # the last reason why a unit of work could not be done now
        for name, task in tasks.items():
            self._queue.entrypoint(name, accepts_context=False)(self._unit(name, task))

    async def enqueue(self, name: str, ids: Iterable[int], priority: int = 0, site: str = "") -> None:  # noqa: ARG002
        """Queue one task for each id, higher priority first; the pace alone limits how a site is asked."""
        listed = [str(number) for number in ids]
        if not listed:
            return
        accepted = await self._queue.qm.queries.enqueue(
            [name] * len(listed),
            [number.encode() for number in listed],
            [priority] * len(listed),
            dedupe_key=[f"{name}:{number}" for number in listed],
            on_conflict="skip",
        )
        self.queued[name] += sum(job is not None for job in accepted)

    async def drain(self) -> None:
        """Work until the queue is empty."""
        self._queue.shutdown.clear()
        self.put_back = None
        await self._run(QueueExecutionMode.drain)

    async def run(self, chores: Sequence[Chore] = ()) -> None:
        """Work, and see to the chores, until `stop`; the units under way are finished."""
        if chores:
            self._begin(chores)
        try:
            await self._run(QueueExecutionMode.continuous)
        finally:
            self.stop()

    def stop(self) -> None:
        """Take no further unit of work, and begin no chore."""
        self._queue.shutdown.set()
        if self._schedule is not None:
            self._schedule.shutdown(wait=False)
            self._schedule = None

    def _begin(self, chores: Sequence[Chore]) -> None:
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        self._schedule = AsyncIOScheduler(timezone=UTC)
        every = {"trigger": "interval", "coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        for chore in chores:
            first = {"next_run_time": datetime.now(UTC)} if chore.at_once else {}
            self._schedule.add_job(chore.do, seconds=chore.every_s, **every, **first)
        self._schedule.start()

    async def _run(self, mode: QueueExecutionMode) -> None:
        working = self._queue.qm.run(batch_size=_BATCH, mode=mode, log_aggregation_interval=timedelta(0))
        await until_done(working, self._units, self.stop)

    def _unit(self, name: str, task: Task) -> Callable[[Job], Awaitable[None]]:
        async def work(job: Job) -> None:
            number = int(job.payload or b"0")
            async with self._free:
                if self._queue.shutdown.is_set():
                    return  # the tables still say that it is due
                unit = asyncio.ensure_future(past_conflicts(task, number))
                self._units.add(unit)
                try:
                    await unit
                except TryLater as later:
                    self.put_back = later
                    _logger.info("task put back", extra={"task": name, "id": number, "reason": str(later)})
                except Exception as error:
                    self.lost += 1
                    _logger.exception("task lost", extra={"task": name, "id": number})
                    await self._lost(name, number, error)
                finally:
                    self._units.discard(unit)
                    self.finished[name] += not unit.cancelled()

        return work
