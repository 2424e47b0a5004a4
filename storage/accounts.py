"""Accounts at complaint platforms: whose they are, and how far the identity behind each is approved."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import record
from storage.errors import NotFound, Refused
from storage.tables import PlatformAccount


async def add_account(
    session: AsyncSession,
    now: datetime,
    actor: str,
    platform: str,
    label: str,
    owner_id: int | None,
    role: str = "holder",
) -> PlatformAccount:
    """Record an account; one that is there already stays as it is.

    Args:
        owner_id: None for an agent's account that serves every owner.
        role: ``holder``, or ``agent`` for one who acts by power of attorney.

    Raises:
        Refused: The account is there with another owner or role.
    """
    present = await session.scalar(select(PlatformAccount).filter_by(platform=platform, label=label))
    if present:
        if (present.owner_id, present.role) != (owner_id, role):
            raise Refused(f"account {label!r} at {platform} is there already, with another owner or role")
        return present
    account = PlatformAccount(
        platform=platform,
        label=label,
        owner_id=owner_id,
        role=role,
        identity="none",
        identity_note="",
        identity_at=now,
        suspended="",
        created_at=now,
    )
    session.add(account)
    await session.flush()
    facts = {"platform": platform, "label": label, "owner": owner_id, "role": role}
    await record(session, now, actor, "account added", f"account {account.id}", facts)
    return account


async def list_accounts(
    session: AsyncSession, owner_ids: Collection[int] | None = None, platform: str | None = None
) -> list[PlatformAccount]:
    """Every account by platform, or those that serve some owners."""
    query = select(PlatformAccount).order_by(PlatformAccount.platform, PlatformAccount.id)
    if owner_ids is not None:
        query = query.where(PlatformAccount.owner_id.in_(owner_ids) | PlatformAccount.owner_id.is_(None))
    return list(await session.scalars(query.where(PlatformAccount.platform == platform) if platform else query))


async def the_account(
    session: AsyncSession, platform: str, owner_id: int | None = None, label: str | None = None
) -> PlatformAccount | None:
    """The account of that label, or the only one that serves the owner; None where there is none and none is named.

    Raises:
        NotFound: None is labelled so.
        Refused: Several could be meant, or the labelled one does not serve the owner.
    """
    every = await list_accounts(session, platform=platform)
    mine = [one for one in every if owner_id is None or one.owner_id in (None, owner_id)]
    if label is not None:
        named = next((one for one in every if one.label == label), None)
        if named is None:
            raise NotFound(f"no account {label!r} at {platform}; `bazaarwatch accounts list` shows them")
        if named not in mine:
            raise Refused(f"account {label!r} at {platform} does not serve this owner")
        return named
    if len(mine) > 1:
        labels = ", ".join(one.label for one in mine)
        raise Refused(f"several accounts at {platform}: say which with --account; known: {labels}")
    return mine[0] if mine else None


async def set_identity(
    session: AsyncSession, account: PlatformAccount, now: datetime, actor: str, state: str, why: str
) -> None:
    """Record how far the platform has approved the identity: none, pending, approved, denied."""
    facts = {"before": account.identity, "after": state, "why": why}
    account.identity, account.identity_note, account.identity_at = state, why, now
    await record(session, now, actor, "identity state set", f"account {account.id}", facts)


async def suspend(session: AsyncSession, account: PlatformAccount, now: datetime, actor: str, why: str) -> None:
    """Let nothing leave by an account (the platform has closed it), or, with an empty reason, let it again."""
    facts = {"before": account.suspended, "after": why}
    account.suspended = why
    await record(session, now, actor, "account suspended" if why else "account opened", f"account {account.id}", facts)


async def approve_by_inference(
    session: AsyncSession, account: PlatformAccount, now: datetime, actor: str, why: str
) -> None:
    """Take the identity for approved where nobody recorded it: a platform approves rights of approved holders alone.

    Raises:
        Refused: It was recorded as waiting or denied.
    """
    if account.identity in ("pending", "denied"):
        raise Refused(
            f"the identity in account {account.label!r} at {account.platform} is {account.identity}: it comes first; "
            f"`bazaarwatch accounts identity {account.platform} approved --account {account.label}` records it"
        )
    if account.identity == "none":
        await set_identity(session, account, now, actor, "approved", why)
