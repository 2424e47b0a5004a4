"""From which score on each work's findings ask a person to look, as it was measured, and which references are weak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import record
from storage.tables import Listing, ListingPicture, Match, Reference, Threshold
from storage.works import works_changed


async def thresholds(session: AsyncSession) -> dict[int, float]:
    """The measured scores by work; works that were not measured are missing."""
    return {row.work_id: row.score for row in await session.scalars(select(Threshold))}


async def set_thresholds(
    session: AsyncSession, rows: Sequence[Threshold], weak: Mapping[int, str | None], now: datetime, actor: str
) -> None:
    """Replace all measured scores, and say of each reference (by id) why it is weak, or that it is not."""
    await session.execute(delete(Threshold))
    session.add_all(rows)
    for reference in await session.scalars(select(Reference).where(Reference.id.in_(weak))):
        reference.weak = weak[reference.id]
    facts = {"scores": {str(row.work_id): row.score for row in rows}, "weak": [key for key in weak if weak[key]]}
    await record(session, now, actor, "thresholds measured", "works", facts)
    await works_changed(session)


async def unmatched_pictures(session: AsyncSession, limit: int) -> list[str]:
    """SHA-256 of crawled pictures of examined listings that nothing was found on, in an order of no meaning."""
    shown = (
        select(ListingPicture.sha256)
        .join(Listing, Listing.id == ListingPicture.listing_key)
        .where(
            ListingPicture.sha256.is_not(None),
            Listing.examined_at.is_not(None),
            ~select(Match.id).where(Match.sha256 == ListingPicture.sha256).exists(),
        )
        .group_by(ListingPicture.sha256)
        .order_by(ListingPicture.sha256)
    )
    return [sha256 for sha256 in await session.scalars(shown.limit(limit)) if sha256]
