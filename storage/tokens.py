"""Tokens: by which programs prove who sent them. The secret is shown once; only its hash is stored."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import record
from storage.errors import NotFound, Refused
from storage.tables import ApiToken

_PREFIX = "bw_"  # so that a leaked one can be searched for
_SECRET_BYTES = 32


async def add_token(
    session: AsyncSession,
    now: datetime,
    actor: str,
    name: str,
    scopes: Sequence[str] = ("pages",),
    user_id: int | None = None,
) -> str:
    """Make a token under a name and give its secret, which nothing can show again.

    Args:
        scopes: What it opens, as `monitor.console.access.Scope` names it.
        user_id: For whom it acts, within that person's rights; None: for the whole installation.

    Raises:
        Refused: The name is taken, also by a revoked token: what the audit log says of a name stays unambiguous.
    """
    if await session.scalar(select(ApiToken.id).where(ApiToken.name == name)):
        raise Refused(f"a token named {name!r} exists or existed; choose another name")
    secret = _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
    session.add(ApiToken(name=name, sha256=_hash(secret), scopes=list(scopes), user_id=user_id, created_at=now))
    await record(session, now, actor, "token added", f"token {name}", {"scopes": list(scopes), "user": user_id})
    return secret


async def list_tokens(session: AsyncSession) -> Sequence[ApiToken]:
    """Every token, revoked ones included, oldest first."""
    return (await session.scalars(select(ApiToken).order_by(ApiToken.id))).all()


async def revoke_token(session: AsyncSession, now: datetime, actor: str, name: str) -> None:
    """Let a token open nothing any more; revoking it again changes nothing.

    Raises:
        NotFound: There is none of that name.
    """
    token = await session.scalar(select(ApiToken).where(ApiToken.name == name))
    if token is None:
        raise NotFound(f"no token {name!r}; `bazaarwatch token list` shows them")
    if token.revoked_at is None:
        token.revoked_at = now
        await record(session, now, actor, "token revoked", f"token {name}")


async def find_token(session: AsyncSession, secret: str) -> ApiToken | None:
    """The token that a secret belongs to; None if it is unknown or revoked."""
    found = select(ApiToken).where(ApiToken.sha256 == _hash(secret), ApiToken.revoked_at.is_(None))
    return await session.scalar(found)


def _hash(secret: str) -> str:
    # A plain hash will do: 256 random bits cannot be guessed from it, unlike a password.
    return hashlib.sha256(secret.encode()).hexdigest()
