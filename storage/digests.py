"""Which summaries were made, and up to what time."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import Digest

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # before anything was ever seen


async def last_digest(session: AsyncSession) -> Digest | None:
    """The newest digest."""
    return await session.scalar(select(Digest).order_by(Digest.until_at.desc()).limit(1))


async def unmailed_digests(session: AsyncSession) -> list[Digest]:
    """Digests that were made but have not left by mail, oldest first."""
    return list(await session.scalars(select(Digest).where(Digest.mailed_at.is_(None)).order_by(Digest.until_at)))


async def add_digest(session: AsyncSession, digest: Digest) -> Digest:
    """Remember a digest; everything up to its time counts as told."""
    session.add(digest)
    await session.flush()
    return digest
