"""What a console does where no daemon works beside it: what its people ask for, when they ask for it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from monitor.daemon import RUNNING, Parts
from monitor.engines.base import Engine, Lost, Task
from monitor.tasks import EXAMINE, SENT, Tasks
from storage.turns import hold


class OnDemand:
    """An engine for the searches that people start, and for the pages that their browsers send.

    Where the queue is shared, workers do all of it.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        attempts = parts.settings.schedule.attempts
        self._tasks = Tasks(parts.database, self._crawl, self._examine, parts.clock, self._engine, attempts)
        self.engine = self._tasks.engine

    async def examine(self, listing_keys: Sequence[int]) -> None:
        """Examine what a browser sent, without asking any marketplace."""
        await self.engine.enqueue(SENT if self._parts.database.embedded else EXAMINE, listing_keys, priority=1)

    async def search(self, search_ids: Sequence[int]) -> None:
        """Run searches now; where `bazaarwatch run` works on the same data folder, it does that."""
        if not self._parts.settings.embedded or not self._parts.settings.fetch.contact:
            return
        nobody_else = hold(self._parts.settings.data_dir / RUNNING)
        if nobody_else is not None:
            os.close(nobody_else)
            await self._tasks.enqueue_searches(search_ids)

    def _engine(self, tasks: Mapping[str, Task], lost: Lost) -> Engine:
        embedded = self._parts.database.embedded
        return self._parts.make_engine({**tasks, SENT: self._parts.examiner(None).examine} if embedded else {}, lost)

    async def _crawl(self, search_id: int) -> Sequence[int]:
        from monitor.crawl import Crawler

        parts = self._parts
        return await Crawler(parts.database, parts.reader, parts.marketplaces, parts.clock).crawl(search_id)

    async def _examine(self, listing_key: int) -> None:
        await self._parts.examiner(self._parts.reader).examine(listing_key)
