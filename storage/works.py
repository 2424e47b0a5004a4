"""Owners, their works and the references of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from storage.audit import record
from storage.errors import NotFound, Refused
from storage.search import note_title
from storage.tables import Alert, Owner, Reference, RightWork, Work
from storage.upsert import dialect_of

WORKS_CHANGED: Final = "bazaarwatch_works"  # the channel on which every process hears of a new version


async def the_owner(session: AsyncSession, name: str | None) -> Owner:
    """The owner of that name, or the only one there is.

    Raises:
        NotFound: There is none of that name, none at all, or several to choose from.
    """
    owners = {owner.name: owner for owner in await session.scalars(select(Owner))}
    if name is None and len(owners) == 1:
        return next(iter(owners.values()))
    if name in owners:
        return owners[name]
    if not owners:
        raise NotFound('no rights holder yet; run `bazaarwatch init --owner "Your legal name"` first')
    raise NotFound(f"say which rights holder with --owner; known: {', '.join(sorted(owners))}")


async def set_owner(session: AsyncSession, now: datetime, actor: str, name: str, facts: dict[str, Any]) -> Owner:
    """Register a rights holder, or bring its contact facts up to date."""
    owner = await session.scalar(select(Owner).where(Owner.name == name))
    if not owner:
        owner = Owner(name=name, created_at=now)
        session.add(owner)
    for field, value in facts.items():
        setattr(owner, field, value)
    await session.flush()
    await record(session, now, actor, "owner set", f"owner {owner.id}", {"fields": sorted(facts)})
    return owner


async def add_work(session: AsyncSession, now: datetime, actor: str, owner_id: int, title: str) -> Work:
    """The work of that title, made if it does not exist; a removed one comes back."""
    work = await session.scalar(select(Work).where(Work.owner_id == owner_id, Work.title == title))
    if work and not work.removed_at:
        return work
    if not work:
        work = Work(owner_id=owner_id, title=title, created_at=now)
        session.add(work)
    work.removed_at = None
    await session.flush()
    await note_title(session, work)
    await record(session, now, actor, "work added", f"work {work.id}", {"title": title})
    await _count_change(session, work)
    return work


async def edit_work(
    session: AsyncSession,
    work_id: int,
    now: datetime,
    actor: str,
    *,
    title: str | None = None,
    reference_price: Decimal | None = None,
    currency: str | None = None,
) -> Work:
    """Change what is given.

    Raises:
        Refused: Another work of the owner has that title.
    """
    work = await get_work(session, work_id)
    if title and title != work.title:
        twin = select(Work.id).where(Work.owner_id == work.owner_id, Work.title == title)
        if await session.scalar(twin):
            raise Refused(f"another work is already called {title!r}")
    changes = {"title": title, "reference_price": reference_price, "currency": currency}
    given = {name: value for name, value in changes.items() if value is not None}
    before = {name: str(getattr(work, name)) for name in given}
    for name, value in given.items():
        setattr(work, name, value)
    await note_title(session, work)
    after = {name: str(value) for name, value in given.items()}
    await record(session, now, actor, "work edited", f"work {work_id}", {"before": before, "after": after})
    return work


async def get_work(session: AsyncSession, work_id: int) -> Work:
    """One work.

    Raises:
        NotFound: There is none, or it was removed.
    """
    work = await session.get(Work, work_id)
    if not work or work.removed_at:
        raise NotFound(f"no work {work_id}; `bazaarwatch works list` shows them")
    return work


async def find_work(session: AsyncSession, title: str) -> Work:
    """One work by its title or id, as a person types it.

    Raises:
        NotFound: None or several are called so.
    """
    if title.isdecimal():
        return await get_work(session, int(title))
    found = (await session.scalars(select(Work).where(Work.title == title, Work.removed_at.is_(None)))).all()
    if len(found) != 1:
        raise NotFound(f"{len(found)} works are called {title!r}; `bazaarwatch works list` shows their ids")
    return found[0]


async def find_title(session: AsyncSession, owner_id: int, title: str) -> Work | None:
    """A rights holder's watched work of exactly that title."""
    return await session.scalar(select(Work).filter_by(owner_id=owner_id, title=title, removed_at=None))


async def remove_work(session: AsyncSession, work_id: int, now: datetime, actor: str) -> None:
    """Stop looking for a work; its alerts, evidence and complaints stay."""
    work = await get_work(session, work_id)
    work.removed_at = now
    await record(session, now, actor, "work removed", f"work {work_id}", {"title": work.title})
    await _count_change(session, work)


async def add_reference(
    session: AsyncSession,
    work_id: int,
    sha256: str,
    file_name: str,
    description: bytes,
    now: datetime,
    actor: str,
    weak: str | None = None,
) -> Reference | None:
    """Add a picture to a work; None if the work has these very bytes already.

    Args:
        weak: Why little can be told by it, if so.
    """
    if await session.scalar(select(Reference.id).where(Reference.work_id == work_id, Reference.sha256 == sha256)):
        return None
    reference = Reference(
        work_id=work_id, sha256=sha256, file_name=file_name, description=description, weak=weak, added_at=now
    )
    session.add(reference)
    await session.flush()
    facts = {"reference": reference.id, "sha256": sha256, "file": file_name}
    await record(session, now, actor, "reference added", f"work {work_id}", facts)
    await _count_change(session, await get_work(session, work_id))
    return reference


async def get_reference(session: AsyncSession, reference_id: int) -> Reference:
    """One reference.

    Raises:
        NotFound: There is none.
    """
    reference = await session.get(Reference, reference_id)
    if not reference:
        raise NotFound(f"no reference {reference_id}; `bazaarwatch works list` shows them")
    return reference


async def find_reference(session: AsyncSession, owner_id: int, sha256: str) -> Reference | None:
    """The rights holder's first reference of these very bytes, of whatever watched work."""
    found = select(Reference).join(Work).where(Work.owner_id == owner_id, Work.removed_at.is_(None))
    return await session.scalar(found.where(Reference.sha256 == sha256).order_by(Reference.id).limit(1))


async def references(session: AsyncSession, work_id: int | None = None) -> list[Reference]:
    """The references of one work, or of every work that is watched."""
    query = select(Reference).join(Work).where(Work.removed_at.is_(None)).order_by(Reference.id)
    return list(await session.scalars(query.where(Work.id == work_id) if work_id else query))


async def shown_references(session: AsyncSession, work_id: int) -> list[Reference]:
    """The references of one work as people see them: without what the detectors made of each, which is large."""
    query = select(Reference).where(Reference.work_id == work_id).options(defer(Reference.description, raiseload=True))
    return list(await session.scalars(query.order_by(Reference.id)))


async def reference_ids(session: AsyncSession) -> dict[int, tuple[int, str]]:
    """The references of every watched work by id, each with its work's and with the picture's SHA-256."""
    columns = select(Reference.id, Reference.work_id, Reference.sha256).join(Work).where(Work.removed_at.is_(None))
    return {row[0]: (row[1], row[2]) for row in await session.execute(columns.order_by(Reference.id))}


async def get_references(session: AsyncSession, ids: Sequence[int]) -> list[Reference]:
    """The references of these ids; those that are gone are left out."""
    return list(await session.scalars(select(Reference).where(Reference.id.in_(ids)).order_by(Reference.id)))


async def works_version(session: AsyncSession) -> int:
    """A number that grows with every change of the set of watched references."""
    return await session.scalar(select(func.max(Work.revision))) or 0


async def works_changed(session: AsyncSession) -> None:
    """Raise the version after a change of what works are compared with; call it after its audit entry."""
    newest = await session.scalar(select(Work).order_by(Work.revision.desc()).limit(1))
    if newest:
        await _count_change(session, newest)


async def _count_change(session: AsyncSession, work: Work) -> None:
    """Raise the version; the audit entry just written has put concurrent changes in line."""
    work.revision = await works_version(session) + 1
    await session.flush()
    if dialect_of(session) == "postgresql":  # others hear of it when this becomes durable
        await session.execute(select(func.pg_notify(WORKS_CHANGED, str(work.revision))))


@dataclass(frozen=True, slots=True)
class WorkSummary:
    """A work with what hangs on it."""

    work: Work
    references: int
    rights: int
    open_alerts: int


async def list_works(session: AsyncSession) -> list[WorkSummary]:
    """Every watched work."""
    of_work = Work.id
    rows = await session.execute(
        select(
            Work,
            select(func.count()).where(Reference.work_id == of_work).scalar_subquery(),
            select(func.count()).where(RightWork.work_id == of_work).scalar_subquery(),
            select(func.count())
            .where(Alert.work_id == of_work, Alert.answer.is_(None), Alert.suppressed.is_(None))
            .scalar_subquery(),
        )
        .where(Work.removed_at.is_(None))
        .order_by(Work.id)
    )
    return [WorkSummary(*row) for row in rows]
