"""What failed too often and waits for a person, on either engine: listings, and on PostgreSQL chores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from monitor.tasks import EXAMINE
from storage.audit import record
from storage.database import Database
from storage.errors import NotFound
from storage.listings import parked_listings, retry_parked

_KINDS: Final = ("listing", "job")


@dataclass(frozen=True, slots=True)
class Parked:
    """One unit of work that is not tried again by itself.

    Attributes:
        id: As `try_again` takes it: ``listing:12``, ``job:3``.
        what: The task or the chore.
        where: The marketplace; empty for a chore.
        subject, url: The listing's title and address, as the marketplace says them; empty for a chore.
        at: When the listing was last seen; when the chore failed last.
    """

    id: str
    what: str
    where: str
    at: datetime
    reason: str
    subject: str = ""
    url: str = ""


async def parked(database: Database, limit: int) -> list[Parked]:
    """What is parked: at most so many listings, those seen last first, then every chore."""
    async with database.read() as session:
        listings = await parked_listings(session, limit)
    found = [
        Parked(f"listing:{one.id}", EXAMINE, one.marketplace, one.last_seen_at, one.failure or "", one.title, one.url)
        for one in listings
    ]
    if not database.embedded:
        from monitor.engines.shared import held

        found += [Parked(f"job:{one.job}", one.chore, "", one.at, one.reason) for one in await held(database)]
    return found


async def try_again(database: Database, now: datetime, actor: str, ids: Sequence[str] | None = None) -> int:
    """Let what is parked, all of it or what is named, be tried again with all its attempts; how much that was.

    Raises:
        ValueError: An id is none.
        NotFound: One of them is not parked.
    """
    listings, jobs = (None, None) if ids is None else (_numbers(ids, "listing"), _numbers(ids, "job"))
    again = 0
    if not database.embedded:
        from monitor.engines import shared

        jobs = [one.job for one in await shared.held(database)] if jobs is None else jobs
        await shared.try_again(database, jobs)
        again = len(jobs)
    elif jobs:
        raise NotFound("no held jobs: those are only on PostgreSQL")
    async with database.write("parked work tried again") as session:
        count = await retry_parked(session, now, listings)
        if listings and count < len(listings):
            raise NotFound("one of these listings is not parked; `bazaarwatch jobs list` shows them")
        facts = {"tried again": again + count, "named": list(ids) if ids is not None else "all"}
        await record(session, now, actor, "parked work tried again", "jobs", facts)
    return again + count


def _numbers(ids: Sequence[str], kind: str) -> list[int]:
    """The numbers of one kind among ids."""
    numbers = []
    for one in dict.fromkeys(ids):
        name, _, number = one.partition(":")
        if name not in _KINDS or not (number.isascii() and number.isdecimal()):
            raise ValueError(f"{one!r} is no id; they look like listing:12 or job:3")
        if name == kind:
            numbers.append(int(number))
    return numbers
