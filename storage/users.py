"""People who sign in: their roles, the rights holders whose data they see, their passwords' hashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import record
from storage.errors import NotFound, Refused
from storage.tables import BrowserSession, Owner, User, UserOwner


@dataclass(frozen=True, slots=True)
class Account:
    """A person with the ids of the rights holders whose data is theirs to see; None: of every one."""

    user: User
    owners: frozenset[int] | None


async def add_user(
    session: AsyncSession,
    now: datetime,
    actor: str,
    name: str,
    role: str,
    password: str | None,
    owner_ids: Sequence[int] | None,
) -> User:
    """Let a person in.

    Args:
        password: Its argon2id hash; None for whoever signs in elsewhere.
        owner_ids: Whose data they see; None: everybody's.

    Raises:
        Refused: The name is taken, also by somebody removed: what the audit log says of a name stays unambiguous.
    """
    if await session.scalar(select(User.id).where(User.name == name)):
        raise Refused(f"a user named {name!r} exists or existed; choose another name")
    user = User(name=name, role=role, every_owner=owner_ids is None, password=password, created_at=now)
    session.add(user)
    await session.flush()
    session.add_all(UserOwner(user_id=user.id, owner_id=owner_id) for owner_id in owner_ids or ())
    facts = {"role": role, "owners": "every" if owner_ids is None else list(owner_ids)}
    await record(session, now, actor, "user added", f"user {name}", facts)
    return user


async def find_user(session: AsyncSession, name: str) -> User | None:
    """Who signs in under a name; None if nobody does."""
    return await session.scalar(select(User).where(User.name == name, User.removed_at.is_(None)))


async def get_account(session: AsyncSession, user_id: int) -> Account | None:
    """A person and whose data they see; None where they were removed."""
    user = await session.get(User, user_id)
    return await account_of(session, user) if user else None


async def account_of(session: AsyncSession, user: User) -> Account | None:
    """A person with whose data they see; None where they were removed."""
    if user.removed_at:
        return None
    if user.every_owner:
        return Account(user, None)
    owners = await session.scalars(select(UserOwner.owner_id).where(UserOwner.user_id == user.id))
    return Account(user, frozenset(owners))


async def list_users(session: AsyncSession) -> list[tuple[User, list[str]]]:
    """Everybody who may sign in, with the names of the rights holders; none named: every one."""
    named: dict[int, list[str]] = {}
    rows = await session.execute(select(UserOwner.user_id, Owner.name).join(Owner, Owner.id == UserOwner.owner_id))
    for user_id, name in rows:
        named.setdefault(user_id, []).append(name)
    users = await session.scalars(select(User).where(User.removed_at.is_(None)).order_by(User.id))
    return [(user, named.get(user.id, [])) for user in users]


async def count_users(session: AsyncSession) -> int:
    """How many may sign in."""
    return await session.scalar(select(func.count(User.id)).where(User.removed_at.is_(None))) or 0


async def set_password(session: AsyncSession, now: datetime, actor: str, name: str, password: str) -> None:
    """Give a person another password (its hash); every browser of theirs has to sign in anew.

    Raises:
        NotFound: There is none of that name.
    """
    user = await _get(session, name)
    user.password = password
    await _sign_out_everywhere(session, user)
    await record(session, now, actor, "password changed", f"user {name}")


async def set_totp(
    session: AsyncSession, now: datetime, actor: str, name: str, secret: str | None, step: int | None = None
) -> None:
    """Ask a person for a second factor from now on, or no more (None).

    Args:
        step: The half minute of the code by which they showed that they have the secret.
    """
    user = await _get(session, name)
    user.totp, user.totp_step = secret, step
    await record(session, now, actor, "second factor set" if secret else "second factor removed", f"user {name}")


async def take_code(session: AsyncSession, user_id: int, step: int) -> bool:
    """Mark the second factor's code of a half minute as used; False where it, or a later one, was used before."""
    unused = or_(User.totp_step.is_(None), User.totp_step < step)
    taken = update(User).where(User.id == user_id, unused).values(totp_step=step).returning(User.id)
    return await session.scalar(taken) is not None


async def set_role(session: AsyncSession, now: datetime, actor: str, name: str, role: str) -> None:
    """Let a person do more, or less.

    Raises:
        NotFound: There is none of that name.
    """
    user = await _get(session, name)
    facts = {"before": user.role, "after": role}
    user.role = role
    await record(session, now, actor, "role changed", f"user {name}", facts)


async def remove_user(session: AsyncSession, now: datetime, actor: str, name: str) -> None:
    """Let a person in no more; what they did stays under their name.

    Raises:
        NotFound: There is none of that name.
    """
    user = await _get(session, name)
    user.removed_at = now
    await _sign_out_everywhere(session, user)
    await record(session, now, actor, "user removed", f"user {name}")


async def _get(session: AsyncSession, name: str) -> User:
    user = await find_user(session, name)
    if user is None:
        raise NotFound(f"no user {name!r}; `bazaarwatch users list` shows them")
    return user


async def _sign_out_everywhere(session: AsyncSession, user: User) -> None:
    await session.execute(delete(BrowserSession).where(BrowserSession.user_id == user.id))
