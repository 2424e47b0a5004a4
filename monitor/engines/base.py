"""What every engine offers: units of work by name and id, and chores at a rhythm."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from monitor.errors import TryLater
from storage.database import is_conflict

Task = Callable[[int], Awaitable[None]]
Lost = Callable[[str, int, Exception], Awaitable[None]]

_CONFLICTS: Final = 3  # with other transactions, survived before the task counts as lost
_AGAIN_S: Final = 5.0  # between two words to a unit to end: what it undoes takes less
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do again and again, by one process at a time however many there are.

    Attributes:
        every_s: The rhythm; an engine may round it to what it can express.
        at_once: Whether the first time is now, not only when the rhythm has passed once.
        role: Which workers do it; none: any.
    """

    name: str
    every_s: float
    do: Callable[[], Awaitable[object]]
    at_once: bool = True
    role: str | None = None


class Engine(Protocol):
    """Where units of work run.

    Attributes:
        queued: Units that this process queued, by name.
        finished: Units that this process worked on to their end, by name.
        lost: Units that raised in this process.
        put_back: The last reason why a unit could not be done now.
        works_on: The tasks and chores that this process does, where others do the rest; none: all.
    """

    queued: Counter[str]
    finished: Counter[str]
    lost: int
    put_back: TryLater | None
    works_on: Collection[str] | None

    async def enqueue(self, name: str, ids: Iterable[int], priority: int = 0, site: str = "") -> None:
        """Queue one task for each id, higher priority first; one that waits already is not queued again.

        Args:
            site: The marketplace that the units ask, where the engine limits how many ask it at once.
        """

    async def drain(self) -> None:
        """Work until nothing is left to do."""

    async def run(self, chores: Sequence[Chore] = ()) -> None:
        """Work, and see to the chores, until `stop`; the units under way are finished."""

    def stop(self) -> None:
        """Take no further unit of work."""


async def past_conflicts(task: Task, number: int) -> None:
    """Do a unit of work, again where the database undid it for another's sake: every one is safe to do twice."""
    for _ in range(_CONFLICTS):
        try:
            return await task(number)
        except Exception as error:
            if not is_conflict(error):
                raise
            _logger.info("task done again after a conflict", extra={"id": number})
    return await task(number)


async def until_done(
    running: Coroutine[Any, Any, None], units: Collection[asyncio.Task[None]], stop: Callable[[], None]
) -> None:
    """Wait for a queue's end; if interrupted, stop it, and give up the units under way: the tables say they are due.

    They are told until they end: `asyncio.wait_for` of Python 3.11 forgets a cancellation in the moment in which what
    it waits for is done, and the unit would go on as if nobody had said anything.
    """
    task = asyncio.create_task(running)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        stop()
        while not task.done():
            for unit in tuple(units):
                unit.cancel()
            await asyncio.wait({task}, timeout=_AGAIN_S)
        await asyncio.gather(task, return_exceptions=True)
        raise
