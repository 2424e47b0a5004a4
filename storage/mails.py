"""Mails about complaints: kept once, acted upon or waiting for a person; and how far each mailbox was read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import record
from storage.errors import NotFound, StaleState
from storage.tables import Complaint, Mail, MailFolder, PlatformRight, Right


async def known_mail(session: AsyncSession, sha256: str, message_id: str) -> Mail | None:
    """The mail of these bytes, or of this Message-ID, if it came before."""
    found = await session.scalar(select(Mail).where(Mail.sha256 == sha256))
    if found or not message_id:
        return found
    return await session.scalar(select(Mail).where(Mail.message_id == message_id).limit(1))


async def get_mail(session: AsyncSession, mail_id: int) -> Mail:
    """One mail.

    Raises:
        NotFound: There is none.
    """
    found = await session.get(Mail, mail_id)
    if not found:
        raise NotFound(f"no mail {mail_id}; `bazaarwatch mailbox list --all` shows them")
    return found


async def list_mails(
    session: AsyncSession, states: Collection[str] | None = None, limit: int | None = None
) -> list[Mail]:
    """Mails, the newest first, or those in some states."""
    query = select(Mail).order_by(Mail.id.desc()).limit(limit)
    return list(await session.scalars(query if states is None else query.where(Mail.state.in_(states))))


def require_waiting(mail: Mail) -> None:
    """Make sure that a mail waits for a person.

    Raises:
        StaleState: It does not wait any more.
    """
    if mail.state != "waiting":
        raise StaleState(f"mail {mail.id} is {mail.state} already, by {mail.handled_by}")


async def close_mail(session: AsyncSession, mail: Mail, state: str, now: datetime, actor: str, note: str) -> None:
    """Say what became of a mail that waited.

    Raises:
        StaleState: It does not wait any more.
    """
    require_waiting(mail)
    mail.state, mail.note, mail.handled_by, mail.handled_at = state, note, actor, now
    await record(session, now, actor, f"mail {state}", f"mail {mail.id}", {"kind": mail.kind, "note": note})


async def folder_state(session: AsyncSession, name: str) -> MailFolder | None:
    """How far a folder of a mailbox was read; None: never."""
    return await session.get(MailFolder, name)


async def note_folder(session: AsyncSession, name: str, uid_validity: int, last_uid: int, now: datetime) -> None:
    """Record how far a folder was read."""
    row = MailFolder(name=name, uid_validity=uid_validity, last_uid=last_uid, read_at=now)
    await session.merge(row)


async def complaints_at(session: AsyncSession, platforms: Collection[str], states: Collection[str]) -> list[Complaint]:
    """Complaints at some platforms, in some states."""
    query = select(Complaint).where(Complaint.platform.in_(platforms), Complaint.state.in_(states))
    return list(await session.scalars(query.order_by(Complaint.id)))


async def waiting_rights(
    session: AsyncSession, platforms: Collection[str], states: Collection[str]
) -> list[tuple[Right, PlatformRight]]:
    """Rights whose approval at some platforms is in one of these states."""
    query = (
        select(Right, PlatformRight)
        .join(PlatformRight, PlatformRight.right_id == Right.id)
        .where(PlatformRight.platform.in_(platforms), PlatformRight.state.in_(states))
    )
    return [(right, state) for right, state in await session.execute(query.order_by(Right.id))]
