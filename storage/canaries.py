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
    """One run at one site: how it ended, how many listings it showed, and in how many each field was there.

    ``lost`` says which fields were missing that runs before had; empty when all is well. ``shop`` is the address of a
    shop, where the marketplace lives on any host.
    """

    marketplace: str
    keyword: str
    at: datetime
    outcome: str
    listings: int
    fields: Mapping[str, int]
    lost: str = ""
    shop: str = ""

    @property
    def site(self) -> str:
        """Where it asked: the marketplace, and which of its shops."""
        return site_name(self.marketplace, self.shop)


def site_name(marketplace: str, shop: str) -> str:
    """What runs at one site are kept under."""
    return f"{marketplace} at {shop}" if shop else marketplace


async def add_canary_run(session: AsyncSession, actor: str, run: CanaryRun, sha256: str) -> None:
    """Remember a run and the page it read."""
    facts: dict[str, Any] = {
        "keyword": run.keyword,
        "shop": run.shop,
        "outcome": run.outcome,
        "listings": run.listings,
        "fields": dict(run.fields),
        "lost": run.lost,
        "sha256": sha256,
    }
    await record(session, run.at, actor, CANARY_RUN, run.site, facts)


async def canary_runs(session: AsyncSession, site: str, limit: int) -> list[CanaryRun]:
    """The newest runs at a site (`site_name`), newest first."""
    chosen = select(Audit).where(Audit.action == CANARY_RUN, Audit.subject == site)
    return [_run(row) for row in await session.scalars(chosen.order_by(Audit.id.desc()).limit(limit))]


async def newest_canary_runs(session: AsyncSession) -> list[CanaryRun]:
    """The newest run of each site."""
    newest = select(func.max(Audit.id)).where(CANARY_RUNS).group_by(Audit.subject)
    return [
        _run(row) for row in await session.scalars(select(Audit).where(Audit.id.in_(newest)).order_by(Audit.subject))
    ]


def _run(row: Audit) -> CanaryRun:
    facts = {name: value for name, value in row.facts.items() if name != "sha256"}
    shop = facts.get("shop", "")
    return CanaryRun(marketplace=row.subject.removesuffix(f" at {shop}"), at=row.at, **facts)
