"""The shared queue as a person sees it: its tables, what waits and runs, what failed and is held for another try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries
from pgqueuer.types import JobId

from storage.database import Database
from storage.errors import NotFound
from storage.postgres import alone, direct

_INSTALLING = 7_216_010  # an advisory lock: one process at a time
_HELD = """
SELECT job.id AS job, job.entrypoint AS chore, job.updated AS at,
    coalesce(log.traceback->>'exception_type' || ': ' || (log.traceback->>'exception_message'), '') AS reason
FROM pgqueuer job LEFT JOIN LATERAL (
    SELECT traceback FROM pgqueuer_log WHERE job_id = job.id AND status = 'failed' ORDER BY id DESC LIMIT 1
) log ON true
WHERE job.status = 'failed' ORDER BY job.id
"""
_QUEUED_ANYWAY = """
DELETE FROM pgqueuer job WHERE job.id = ANY($1) AND job.status = 'failed' AND EXISTS (
    SELECT FROM pgqueuer other WHERE other.dedupe_key = job.dedupe_key AND other.status IN ('queued', 'picked')
)
"""
_LOAD = """
SELECT split_part(entrypoint, '@', 1) AS task, split_part(entrypoint, '@', 2) AS site,
    count(*) FILTER (WHERE status = 'queued') AS waiting, count(*) FILTER (WHERE status = 'picked') AS running,
    count(DISTINCT queue_manager_id) FILTER (WHERE status = 'picked') AS workers,
    min(created) FILTER (WHERE status = 'queued') AS oldest, min(heartbeat) FILTER (WHERE status = 'picked') AS heard
FROM pgqueuer WHERE status IN ('queued', 'picked') GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A chore that failed again and again."""

    job: int
    chore: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Load:
    """What waits and runs of one task at one marketplace.

    Attributes:
        site: The marketplace; empty where the task is counted for none.
        workers: Processes that hold what runs.
        oldest: Since when the longest waiting one is queued.
        heard: When the worker that was silent longest was last heard of.
    """

    task: str
    site: str
    waiting: int
    running: int
    workers: int
    oldest: datetime | None
    heard: datetime | None


async def install(database: Database) -> None:
    """Make the queue's tables, or bring them to the version of this program's PgQueuer; safe to run at any time."""
    async with direct(database) as connection:
        await connection.execute("SELECT pg_advisory_lock($1)", _INSTALLING)  # the connection's end gives it back
        queries = Queries(AsyncpgDriver(connection))
        if await queries.schema_is_installed():
            await queries.apply_upgrade()
        else:
            await queries.install()


async def held(database: Database) -> list[Held]:
    """The chores whose last run failed for good, oldest first; none where no queue was made yet."""
    async with alone(database) as connection:
        if await connection.fetchval("SELECT to_regclass('pgqueuer')") is None:
            return []
        return [Held(**row) for row in await connection.fetch(_HELD)]


async def load(database: Database) -> list[Load]:
    """What waits and runs now, by task and marketplace."""
    async with alone(database) as connection:
        return [Load(**row) for row in await connection.fetch(_LOAD)]


async def try_again(database: Database, jobs: Sequence[int]) -> None:
    """Queue held chores anew, with all their tries.

    Raises:
        NotFound: One of them is not held.
    """
    missing = set(jobs) - {one.job for one in await held(database)}
    if missing:
        raise NotFound(f"no held job {min(missing)}; `bazaarwatch jobs list` shows them")
    async with alone(database) as connection:
        await connection.execute(_QUEUED_ANYWAY, jobs)
        await Queries(AsyncpgDriver(connection)).requeue_jobs([JobId(job) for job in jobs])
