"""What SQLite and PostgreSQL do alike but not in the same words: INSERT ... ON CONFLICT, and waiting for one's turn."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncSession


def upsert(session: AsyncSession, table: Any) -> Any:
    """An INSERT that offers ``on_conflict_do_update`` and ``on_conflict_do_nothing`` on this session's database."""
    return insert_on(dialect_of(session), table)


def dialect_of(session: AsyncSession) -> str:
    """The name of this session's kind of database: what statements that are made once are kept by."""
    return session.get_bind().dialect.name


def insert_on(dialect: str, table: Any) -> Any:
    """`upsert` for a kind of database by its name."""
    if dialect != "postgresql":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # brings asyncpg, 9 MB

    return postgresql.insert(table)


async def take_turn(session: AsyncSession, key: int) -> None:
    """Let one transaction at a time pass here until it ends; on SQLite there is only one writer anyway."""
    if dialect_of(session) == "postgresql":
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
