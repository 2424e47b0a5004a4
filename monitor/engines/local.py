"""The units of work inside one process, on PgQueuer's in-memory queue.

Nothing here is durable: what is due is derived from the tables again at every tick and after every start.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta

from pgqueuer import PgQueuer
from pgqueuer.domain.types import QueueExecutionMode
from pgqueuer.models import Job

from monitor.errors import TryLater
from storage.database import is_conflict

Task = Callable[[int], Awaitable[None]]
Lost = Callable[[str, int, Exception], Awaitable[None]]

_logger = logging.getLogger(__name__)
_CONFLICTS = 3  # with other transactions, survived before the task counts as lost
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
        self.put_back: TryLater | None = None  # the last reason why a unit of work could not be done now
        for name, task in tasks.items():
            self._queue.entrypoint(name, accepts_context=False)(self._unit(name, task))

    async def enqueue(self, name: str, ids: Iterable[int], priority: int = 0) -> None:
        """Queue one task for each id; higher priority first."""
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

    async def run(self) -> None:
        """Work until `stop`; the units under way are finished."""
        await self._run(QueueExecutionMode.continuous)

    def stop(self) -> None:
        """Take no further unit of work."""
        self._queue.shutdown.set()

    async def _run(self, mode: QueueExecutionMode) -> None:
        running = asyncio.create_task(
            self._queue.qm.run(batch_size=_BATCH, mode=mode, log_aggregation_interval=timedelta(0))
        )
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:  # what is under way is given up, not lost: the tables still say that it is due
            self.stop()
            for unit in self._units:
                unit.cancel()
            await asyncio.gather(running, return_exceptions=True)
            raise

    def _unit(self, name: str, task: Task) -> Callable[[Job], Awaitable[None]]:
        async def work(job: Job) -> None:
            number = int(job.payload or b"0")
            async with self._free:
                if self._queue.shutdown.is_set():
                    return  # the tables still say that it is due
                unit = asyncio.ensure_future(_past_conflicts(task, number))
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


async def _past_conflicts(task: Task, number: int) -> None:
    """Do a unit of work, again where the database undid it for another's sake: every one is safe to do twice."""
    for _ in range(_CONFLICTS):
        try:
            return await task(number)
        except Exception as error:
            if not is_conflict(error):
                raise
            _logger.info("task done again after a conflict", extra={"id": number})
    return await task(number)
