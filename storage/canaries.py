"""What canary searches found, run by run. Kept in the audit log: they are rare, and evidence of what could be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import record
from storage.tables import Audit
from storage.tables.access import CANARY_RUN, CANARY_RUNS


@dataclass(frozen=True, slots=True)
class CanaryRun:
    """One run at one marketplace: how it ended, how many listings it showed, and in how many each field was there.

    ``lost`` says which fields were missing that runs before had; empty when all is well.
    """

    marketplace: str
    keyword: str
    at: datetime
    outcome: str
    listings: int
    fields: Mapping[str, int]
    lost: str = ""


async def add_canary_run(session: AsyncSession, actor: str, run: CanaryRun, sha256: str) -> None:
    """Remember a run and the page it read."""
    facts: dict[str, Any] = {
        "keyword": run.keyword,
        "outcome": run.outcome,
        "listings": run.listings,
        "fields": dict(run.fields),
        "lost": run.lost,
        "sha256": sha256,
    }
    await record(session, run.at, actor, CANARY_RUN, run.marketplace, facts)


async def canary_runs(session: AsyncSession, marketplace: str, limit: int) -> list[CanaryRun]:
    """The newest runs at a marketplace, newest first."""
    chosen = select(Audit).where(Audit.action == CANARY_RUN, Audit.subject == marketplace)
    return [_run(row) for row in await session.scalars(chosen.order_by(Audit.id.desc()).limit(limit))]


async def newest_canary_runs(session: AsyncSession) -> list[CanaryRun]:
    """The newest run of each marketplace."""
    newest = select(func.max(Audit.id)).where(CANARY_RUNS).group_by(Audit.subject)
    return [
        _run(row) for row in await session.scalars(select(Audit).where(Audit.id.in_(newest)).order_by(Audit.subject))
    ]


def _run(row: Audit) -> CanaryRun:
    facts = row.facts
    return CanaryRun(
        row.subject, facts["keyword"], row.at, facts["outcome"], facts["listings"], facts["fields"], facts["lost"]
    )
