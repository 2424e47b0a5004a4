"""Rights holders: all of them, one, and changes to one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import record
from storage.errors import Refused
from storage.tables import Owner

_PRIVATE = frozenset({"address", "phone", "email"})  # the log says that they changed, never to what


async def list_owners(session: AsyncSession) -> list[Owner]:
    """Every rights holder."""
    return list(await session.scalars(select(Owner).order_by(Owner.id)))


async def edit_owner(
    session: AsyncSession, owner: Owner, now: datetime, actor: str, facts: Mapping[str, Any], why: str
) -> None:
    """Change what is given; the log keeps what was there before, but no address, telephone number or e-mail.

    Raises:
        Refused: Another rights holder has that name.
    """
    changed = {name: value for name, value in facts.items() if getattr(owner, name) != value}
    if "name" in changed and await session.scalar(select(Owner.id).where(Owner.name == changed["name"])):
        raise Refused(f"another rights holder is called {changed['name']!r}")
    before = {name: getattr(owner, name) for name in sorted(set(changed) - _PRIVATE)}
    after = {name: changed[name] for name in before}
    for name, value in changed.items():
        setattr(owner, name, value)
    told = {"why": why, "before": before, "after": after, "private": sorted(set(changed) & _PRIVATE)}
    await record(session, now, actor, "owner edited", f"owner {owner.id}", told)
