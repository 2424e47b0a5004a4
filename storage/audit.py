"""The append-only log of who did what; every row carries the hash of the one before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import Audit
from storage.upsert import take_turn

_START = "0" * 64
_LOCK = 7_216_001  # one writer at a time extends the chain; an arbitrary number for PostgreSQL's advisory lock


async def record(
    session: AsyncSession, at: datetime, actor: str, action: str, subject: str, facts: dict[str, Any] | None = None
) -> None:
    """Append one entry, in the transaction of the change it speaks of."""
    await record_all(session, at, actor, action, {subject: facts or {}})


async def record_all(
    session: AsyncSession, at: datetime, actor: str, action: str, facts: Mapping[str, dict[str, Any]]
) -> None:
    """Append an entry of the same action for each subject, with its facts."""
    await take_turn(session, _LOCK)
    previous = await session.scalar(select(Audit.hash).order_by(Audit.id.desc()).limit(1)) or _START
    for subject, known in facts.items():
        entry = Audit(at=at, actor=actor, action=action, subject=subject, facts=known, previous=previous)
        previous = entry.hash = _hash(entry)
        session.add(entry)
    await session.flush()


async def entries(session: AsyncSession, limit: int) -> list[Audit]:
    """The newest entries, newest first."""
    return list(await session.scalars(select(Audit).order_by(Audit.id.desc()).limit(limit)))


async def first_broken(session: AsyncSession) -> int | None:
    """The id of the first entry that was changed, or whose predecessor is missing; None if the chain holds."""
    expected = _START
    async for entry in await session.stream_scalars(select(Audit).order_by(Audit.id).execution_options(yield_per=1000)):
        if entry.previous != expected or entry.hash != _hash(entry):
            return entry.id
        expected = entry.hash
    return None


def _hash(entry: Audit) -> str:
    content = [entry.previous, entry.at.isoformat(), entry.actor, entry.action, entry.subject, entry.facts]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
