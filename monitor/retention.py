"""The purge: takes away what its retention class no longer keeps, in small steps that any crash may end.

Rows go first; files after them, each only when no row of any table names it and nobody has stored it within a day: what
is being examined meanwhile has its bytes stored before its row.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

from config.settings import RetentionSettings
from monitor.daemon import Parts
from storage.audit import record
from storage.retention import (
    Limits,
    due_alerts,
    forget_captures,
    forget_evidence,
    forget_listings,
    forget_pages,
    unreferenced,
)

_logger = logging.getLogger(__name__)
_STEP = 200  # rows or files of one transaction
_GRACE = timedelta(days=1)  # a file is stored before the row that names it is
_CACHE = "cache"  # re-encoded pictures that the console shows, named by what they were made from
Tell = Callable[[str, int], None]


def limits_at(settings: RetentionSettings, now: datetime) -> Limits:
    """Until when each class is due at a time."""

    def before(days: int) -> datetime | None:
        return now - timedelta(days=days) if days else None

    return Limits(
        listings=before(settings.listings_d),
        pages=before(settings.pages_d),
        captures=before(settings.captures_d),
        dismissed=before(settings.dismissed_d),
        infringing=before(settings.infringing_d),
        complaints=before(settings.complaints_d),
    )


async def purge(parts: Parts, actor: str, tell: Tell = lambda _name, _count: None) -> dict[str, int]:
    """Take away everything that is due; how many of each class, and how many files.

    Args:
        tell: Told what was done after each step: the class, and how many of it so far.
    """
    limits, now = limits_at(parts.settings.retention, parts.clock.now()), parts.clock.now()
    counts: dict[str, int] = {}

    async def repeat(name: str, step: Callable[..., object], *values: object) -> None:
        counts[name] = 0
        while True:
            async with parts.database.write(f"{name} purged") as session:
                done = await step(session, *values, _STEP)  # type: ignore[misc]
            counts[name] += done
            tell(name, counts[name])
            if not done:
                return

    for name, query in due_alerts(limits).items():
        await repeat(name, forget_evidence, query, actor, now)
    await repeat("listings", forget_listings, limits)
    await repeat("pages", forget_pages, limits, now)
    await repeat("captures", forget_captures, limits)
    counts["files"] = await _collect(parts, now, tell)
    if any(counts.values()):
        async with parts.database.write("purge recorded") as session:
            await record(session, now, actor, "purged", "retention", dict(counts))
    _logger.info("purged", extra=dict(counts))
    return counts


async def _collect(parts: Parts, now: datetime, tell: Tell) -> int:
    """Delete the stored files that no row names; how many."""
    hashes = await asyncio.to_thread(lambda: sorted(parts.blobs.hashes()))
    removed = 0
    for some in _batches(hashes):
        async with parts.database.write("files looked through") as session:
            loose = await unreferenced(session, some)
            removed += await asyncio.to_thread(_remove, parts, loose, now - _GRACE)
        tell("files", removed)
    await asyncio.to_thread(parts.blobs.sweep, now - _GRACE)
    await asyncio.to_thread(_drop_shown, parts.settings.data_dir / _CACHE, set(parts.blobs.hashes()))
    return removed


def _batches(hashes: list[str]) -> Iterable[list[str]]:
    return (hashes[start : start + _STEP] for start in range(0, len(hashes), _STEP))


def _remove(parts: Parts, hashes: Iterable[str], untouched_since: datetime) -> int:
    return sum(parts.blobs.collect(sha256, untouched_since) for sha256 in sorted(hashes))


def _drop_shown(folder: Path, stored: set[str]) -> None:
    """Delete re-encoded pictures whose original is gone; what is still needed is made again when it is looked at."""
    for file in folder.glob("*/*"):
        if file.name.partition("-")[0] not in stored:
            file.unlink(missing_ok=True)
