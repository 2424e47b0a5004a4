"""What a console does where no daemon works beside it: what its people ask for, when they ask for it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from monitor.daemon import RUNNING, Parts
from monitor.engines.base import Chore, Engine, Lost, Task
from monitor.tasks import EXAMINE, SENT, Tasks
from storage.turns import hold

_DRAW_EVERY_S = 5.0


class OnDemand:
    """An engine for the searches that people start, the pages that their browsers send, what they confirm to send.

    Where the queue is shared, workers do all of it.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        attempts = parts.settings.schedule.attempts
        self._tasks = Tasks(
            parts.database, self._crawl, self._examine, parts.draw_evidence, parts.clock, self._engine, attempts
        )
        self.engine = self._tasks.engine

    async def examine(self, listing_keys: Sequence[int]) -> None:
        """Examine what a browser sent, without asking any marketplace."""
        await self.engine.enqueue(SENT if self._parts.database.embedded else EXAMINE, listing_keys, priority=1)

    async def search(self, search_ids: Sequence[int]) -> None:
        """Run searches now; where `bazaarwatch run` works on the same data folder, it does that."""
        if self._parts.settings.fetch.contact and self._is_alone():
            await self._tasks.enqueue_searches(search_ids)

    def chores(self) -> list[Chore]:
        """What is seen to at a rhythm: a complaint may be confirmed here or by a command."""
        return [Chore("queue_drawings", _DRAW_EVERY_S, self._draw)] if self._parts.settings.embedded else []

    async def _draw(self) -> None:
        """Draw the evidence of complaints that were confirmed."""
        if self._is_alone():
            await self._tasks.enqueue_drawings()

    def _is_alone(self) -> bool:
        """Whether no daemon works on the same tables."""
        if not self._parts.settings.embedded:
            return False
        nobody_else = hold(self._parts.settings.data_dir / RUNNING)
        if nobody_else is not None:
            os.close(nobody_else)
        return nobody_else is not None

    def _engine(self, tasks: Mapping[str, Task], lost: Lost) -> Engine:
        embedded = self._parts.database.embedded
        return self._parts.make_engine({**tasks, SENT: self._parts.examiner(None).examine} if embedded else {}, lost)

    async def _crawl(self, search_id: int) -> Sequence[int]:
        from monitor.crawl import Crawler

        parts = self._parts
        return await Crawler(parts.database, parts.reader, parts.marketplaces, parts.clock).crawl(search_id)

    async def _examine(self, listing_key: int) -> None:
        await self._parts.examiner(self._parts.reader).examine(listing_key)
