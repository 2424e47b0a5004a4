"""Browsers that are signed in. The cookie's secret is random and only its hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import BrowserSession, User

_SECRET_BYTES = 32


async def open_session(session: AsyncSession, user_id: int | None, now: datetime) -> tuple[str, BrowserSession]:
    """The secret for a browser's cookie, and the session that it opens."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    row = BrowserSession(
        sha256=_hash(secret), user_id=user_id, csrf=secrets.token_urlsafe(_SECRET_BYTES), created_at=now, seen_at=now
    )
    session.add(row)
    await session.flush()
    return secret, row


async def find_session(
    session: AsyncSession, secret: str, now: datetime, idle: timedelta, longest: timedelta
) -> tuple[BrowserSession, User | None] | None:
    """The session that a secret opens, and whose it is; None if there is none, or it was idle or open for too long."""
    sought = {"secret": _hash(secret), "seen": now - idle, "created": now - longest}
    found = (await session.execute(_LIVING, sought)).one_or_none()
    return (found[0], found[1]) if found else None


_LIVING = (
    select(BrowserSession, User)
    .outerjoin(User, User.id == BrowserSession.user_id)
    .where(
        BrowserSession.sha256 == bindparam("secret"),
        BrowserSession.seen_at > bindparam("seen"),
        BrowserSession.created_at > bindparam("created"),
    )
)


async def note_seen(session: AsyncSession, session_id: int, now: datetime) -> None:
    """Say that a browser was here, so that it does not count as idle."""
    row = await session.get(BrowserSession, session_id)
    if row is not None:
        row.seen_at = now


async def close_session(session: AsyncSession, secret: str) -> None:
    """Let a secret open nothing any more."""
    await session.execute(delete(BrowserSession).where(BrowserSession.sha256 == _hash(secret)))


async def drop_expired(session: AsyncSession, now: datetime, idle: timedelta, longest: timedelta) -> None:
    """Forget the sessions that open nothing any more."""
    over = or_(BrowserSession.seen_at <= now - idle, BrowserSession.created_at <= now - longest)
    await session.execute(delete(BrowserSession).where(over))


def _hash(secret: str) -> str:
    # A plain hash will do: 256 random bits cannot be guessed from it, unlike a password.
    return hashlib.sha256(secret.encode()).hexdigest()
