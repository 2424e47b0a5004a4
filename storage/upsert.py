"""What SQLite and PostgreSQL do alike but not in the same words: INSERT ... ON CONFLICT, and waiting for one's turn."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession


def upsert(session: AsyncSession, table: Any) -> Any:
    """An INSERT that offers ``on_conflict_do_update`` and ``on_conflict_do_nothing`` on this session's database."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


async def take_turn(session: AsyncSession, key: int) -> None:
    """Let one transaction at a time pass here until it ends; on SQLite there is only one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
