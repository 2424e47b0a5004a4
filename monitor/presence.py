"""How a worker lets the others know that it is there, and hears at once that the works changed (PostgreSQL)."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from storage.postgres import is_away, listening
from storage.tables import Worker
from storage.workers import forget_worker, note_worker
from storage.works import WORKS_CHANGED

if TYPE_CHECKING:
    from monitor.daemon import Parts

_EVERY_S: Final = 15.0
_logger = logging.getLogger(__name__)


@asynccontextmanager
async def present(parts: Parts, roles: Collection[str]) -> AsyncIterator[None]:
    """Be seen, and follow the works, as long as the block runs."""
    now = parts.clock.now()
    worker = Worker(id=uuid4().hex, host=platform.node(), pid=os.getpid(), roles=sorted(roles), started_at=now)
    following = asyncio.create_task(_follow(parts, worker))
    try:
        yield
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        async with parts.database.write("worker ended") as session:
            await forget_worker(session, worker.id)


async def _follow(parts: Parts, worker: Worker) -> None:
    """Say every now and then that this worker is there; while the database is away, try again."""
    changed = asyncio.Event()
    while True:
        try:
            async with listening(parts.database, WORKS_CHANGED, lambda _: changed.set()) as connection:
                connection.add_termination_listener(lambda _: changed.set())
                while not connection.is_closed():
                    await _note(parts, worker)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_EVERY_S):  # which never loses the word to end, as wait_for may
                            await changed.wait()
                        changed.clear()
        except Exception as error:
            if not is_away(error) and not isinstance(error, OSError):
                raise
            _logger.info("not seen: the database is away", extra={"reason": str(error)})
            await asyncio.sleep(_EVERY_S / 10)


async def _note(parts: Parts, worker: Worker) -> None:
    """Follow the works, and say how far that came: an index that takes long to change is seen to be behind."""
    refreshing = asyncio.create_task(parts.works.refresh())
    try:
        while True:
            async with parts.database.write("worker seen") as session:
                await note_worker(session, worker, parts.clock.now(), parts.works.version)
            done, _ = await asyncio.wait({refreshing}, timeout=_EVERY_S)
            if done:
                break
    finally:
        refreshing.cancel()
    if not refreshing.cancelled() and (error := refreshing.exception()):
        _logger.error("works not followed", exc_info=error)
    async with parts.database.write("worker seen") as session:
        await note_worker(session, worker, parts.clock.now(), parts.works.version)
