"""Rights: which works each protects, how far platforms have approved it, and since when its works are public."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.accounts import add_account, approve_by_inference, the_account
from storage.audit import record
from storage.errors import NotFound, Refused
from storage.tables import PlatformAccount, PlatformRight, Publication, Right, RightWork, Work
from storage.works import get_work, works_changed

_TRADEMARK = "trademark"  # detectors.rights.RightKind
_APPROVED = "verified"  # monitor.complaints.base.RightState


async def add_right(session: AsyncSession, now: datetime, actor: str, right: Right, work_ids: Sequence[int]) -> Right:
    """Register a right and the works it protects.

    Raises:
        Refused: The owner already has a right of that number, or a work is another owner's.
        NotFound: A work does not exist.
    """
    await _require_own_number(session, right.owner_id, right.number, None)
    await _require_own_works(session, right.owner_id, work_ids)
    right.created_at = now
    session.add(right)
    await session.flush()
    session.add_all(RightWork(right_id=right.id, work_id=work_id) for work_id in work_ids)
    await record(session, now, actor, "right added", f"right {right.id}", {"kind": right.kind, "works": list(work_ids)})
    await _mark_changed(session, right)
    return right


async def edit_right(
    session: AsyncSession,
    right_id: int,
    now: datetime,
    actor: str,
    facts: Mapping[str, Any],
    number: str,
    work_ids: Sequence[int] | None = None,
    why: str = "",
) -> Right:
    """Put other facts in place of a right's; the log keeps what stood there before.

    Args:
        facts: All of them, `detectors.rights.Right.to_wire`.
        number: As the facts state it, in forms.
        work_ids: The works it protects from now on; None leaves them.

    Raises:
        Refused: The owner already has a right of that number, or a work is another owner's.
        NotFound: The right or a work does not exist.
    """
    right = await get_right(session, right_id)
    await _require_own_number(session, right.owner_id, number, right_id)
    changed = {name for name in {*facts, *right.facts} if facts.get(name) != right.facts.get(name)}
    told: dict[str, Any] = {
        "why": why,
        "before": {name: right.facts.get(name) for name in sorted(changed)},
        "after": {name: facts.get(name) for name in sorted(changed)},
    }
    right.title, right.number, right.facts = str(facts["title"]), number, dict(facts)
    if work_ids is not None:
        await _require_own_works(session, right.owner_id, work_ids)
        had = list(await session.scalars(select(RightWork.work_id).where(RightWork.right_id == right_id)))
        await session.execute(delete(RightWork).where(RightWork.right_id == right_id))
        session.add_all(RightWork(right_id=right_id, work_id=work_id) for work_id in dict.fromkeys(work_ids))
        told["before"]["works"], told["after"]["works"] = sorted(had), sorted(set(work_ids))
    await record(session, now, actor, "right edited", f"right {right_id}", told)
    await _mark_changed(session, right)
    return right


async def _mark_changed(session: AsyncSession, right: Right) -> None:
    if right.kind == _TRADEMARK:  # it is looked for in pictures, if they are read
        await works_changed(session)


async def word_marks(session: AsyncSession) -> list[tuple[int, str]]:
    """Works and the text of each trade mark that protects them, in order."""
    query = select(RightWork.work_id, Right.title).join(Right, Right.id == RightWork.right_id)
    of_marks = query.where(Right.kind == _TRADEMARK).order_by(RightWork.work_id, Right.id)
    return [(work_id, title) for work_id, title in await session.execute(of_marks)]


async def list_rights(
    session: AsyncSession, owner_ids: Collection[int] | None = None
) -> list[tuple[Right, list[Work]]]:
    """Every right with the works it protects, or those of some owners."""
    query = select(Right).order_by(Right.id)
    rights = list(await session.scalars(query if owner_ids is None else query.where(Right.owner_id.in_(owner_ids))))
    rows = await session.execute(select(RightWork.right_id, Work).join(Work, Work.id == RightWork.work_id))
    works: dict[int, list[Work]] = {}
    for right_id, work in rows:
        works.setdefault(right_id, []).append(work)
    return [(right, works.get(right.id, [])) for right in rights]


async def shown_rights(
    session: AsyncSession, owner_ids: Collection[int] | None, limit: int, works: int
) -> list[tuple[Right, list[Work]]]:
    """The first rights with the first works that each protects; of some owners, where they are named."""
    query = select(Right).order_by(Right.id).limit(limit)
    rights = list(await session.scalars(query if owner_ids is None else query.where(Right.owner_id.in_(owner_ids))))
    place = func.row_number().over(partition_by=RightWork.right_id, order_by=RightWork.work_id).label("place")
    of_these = RightWork.right_id.in_([right.id for right in rights])
    numbered = select(RightWork.right_id, RightWork.work_id, place).where(of_these).subquery()
    first = select(numbered.c.right_id, Work).join(Work, Work.id == numbered.c.work_id)
    protected: dict[int, list[Work]] = {}
    for right_id, work in await session.execute(first.where(numbered.c.place <= works).order_by(numbered.c.place)):
        protected.setdefault(right_id, []).append(work)
    return [(right, protected.get(right.id, [])) for right in rights]


async def get_right(session: AsyncSession, right_id: int) -> Right:
    """One right.

    Raises:
        NotFound: There is none.
    """
    right = await session.get(Right, right_id)
    if not right:
        raise NotFound(f"no right {right_id}; `bazaarwatch rights list` shows them")
    return right


async def right_of_number(session: AsyncSession, owner_id: int, number: str) -> Right | None:
    """An owner's right of exactly that number."""
    return await session.scalar(select(Right).filter_by(owner_id=owner_id, number=number))


async def rights_of(session: AsyncSession, work_id: int) -> list[Right]:
    """The rights that protect a work, oldest first."""
    found = select(Right).join(RightWork, RightWork.right_id == Right.id).where(RightWork.work_id == work_id)
    return list(await session.scalars(found.order_by(Right.id)))


async def works_of(session: AsyncSession, right_id: int) -> list[Work]:
    """The works that a right protects."""
    found = select(Work).join(RightWork, RightWork.work_id == Work.id).where(RightWork.right_id == right_id)
    return list(await session.scalars(found.order_by(Work.id)))


# At platforms


async def set_right_state(
    session: AsyncSession,
    right_id: int,
    platform: str,
    state: str | None,
    note: str,
    now: datetime,
    actor: str,
    account: str | None = None,
) -> None:
    """Record how far a right is approved in an account at a platform; None: it is not recorded there.

    Where the owner has no account there yet, one labelled ``main`` is made. A right approved in an account whose
    identity nobody recorded says that the identity is approved too.

    Raises:
        NotFound: The right or the account does not exist.
        Refused: Several accounts could be meant, or the account's identity waits or was denied.
    """
    right = await get_right(session, right_id)
    used = await the_account(session, platform, right.owner_id, account)
    if used is None:
        used = await add_account(session, now, actor, platform, "main", right.owner_id)
    if state == _APPROVED:
        await approve_by_inference(session, used, now, actor, f"right {right_id} is approved there")
    present = await session.get(PlatformRight, (right_id, used.id))
    facts = {
        "platform": platform,
        "account": used.label,
        "why": note,
        "before": present.state if present else None,
        "after": state,
    }
    if present and state is None:
        await session.delete(present)
    elif present and state is not None:
        present.state, present.note, present.changed_at = state, note, now
    elif state is not None:
        values = {"platform": platform, "state": state, "note": note, "changed_at": now}
        session.add(PlatformRight(right_id=right_id, account_id=used.id, **values))
    await record(session, now, actor, "right state set", f"right {right_id}", facts)


async def right_states(session: AsyncSession, right_id: int) -> dict[str, PlatformRight]:
    """How far a right is approved, by platform; of several accounts the one where it is approved, else the oldest."""
    found = await session.scalars(
        select(PlatformRight).where(PlatformRight.right_id == right_id).order_by(PlatformRight.account_id.desc())
    )
    states: dict[str, PlatformRight] = {}
    for row in found:
        if row.state == _APPROVED or (present := states.get(row.platform)) is None or present.state != _APPROVED:
            states[row.platform] = row
    return states


async def states_by_account(session: AsyncSession, right_id: int) -> list[tuple[PlatformAccount, PlatformRight]]:
    """How far a right is approved in each account that it is recorded in."""
    rows = await session.execute(
        select(PlatformAccount, PlatformRight)
        .join(PlatformRight, PlatformRight.account_id == PlatformAccount.id)
        .where(PlatformRight.right_id == right_id)
        .order_by(PlatformAccount.platform, PlatformAccount.id)
    )
    return [(account, state) for account, state in rows]


async def account_for(session: AsyncSession, right_id: int, platform: str) -> PlatformAccount | None:
    """The account by which a complaint over a right leaves: where it is approved, else the owner's oldest there."""
    state = (await right_states(session, right_id)).get(platform)
    if state:
        return await session.get_one(PlatformAccount, state.account_id)
    right = await get_right(session, right_id)
    mine = (PlatformAccount.owner_id == right.owner_id) | PlatformAccount.owner_id.is_(None)
    found = select(PlatformAccount).where(PlatformAccount.platform == platform, mine).order_by(PlatformAccount.id)
    return await session.scalar(found.limit(1))


# Proofs of publication


async def add_publication(session: AsyncSession, now: datetime, actor: str, proof: Publication) -> Publication | None:
    """Keep a proof that a work was public; None where this page, or this file, is its proof already.

    Raises:
        NotFound: The work does not exist.
    """
    await get_work(session, proof.work_id)
    same = select(Publication.id).where(Publication.work_id == proof.work_id, Publication.url == proof.url)
    if not proof.url:
        same = same.where(Publication.sha256 == proof.sha256)
    if await session.scalar(same):
        return None
    session.add(proof)
    await session.flush()
    facts = {"proof": proof.id, "url": proof.url, "sha256": proof.sha256, "on": _iso(proof.stated_on)}
    await record(session, now, actor, "publication proved", f"work {proof.work_id}", facts)
    return proof


async def publications_of(session: AsyncSession, work_id: int) -> list[Publication]:
    """The proofs that a work was public, the earliest first: by the day stated, else the day seen."""
    found = await session.scalars(select(Publication).where(Publication.work_id == work_id).order_by(Publication.id))
    return sorted(found, key=lambda proof: proof.stated_on or proof.seen_at.date())


async def first_days(session: AsyncSession) -> dict[int, date]:
    """By work, the earliest day that a proof of its publication states."""
    stated = select(Publication.work_id, func.min(Publication.stated_on)).where(Publication.stated_on.is_not(None))
    found = await session.execute(stated.group_by(Publication.work_id))
    return {work_id: day for work_id, day in found if day}


async def published_rights(session: AsyncSession) -> set[int]:
    """The rights that protect a work with a proof that it was public."""
    proved = select(RightWork.right_id).join(Publication, Publication.work_id == RightWork.work_id)
    return set(await session.scalars(proved.distinct()))


async def work_published_at(session: AsyncSession, owner_id: int, url: str) -> Work | None:
    """The rights holder's watched work whose publication a page proves."""
    found = select(Work).join(Publication, Publication.work_id == Work.id)
    mine = found.where(Work.owner_id == owner_id, Work.removed_at.is_(None), Publication.url == url)
    return await session.scalar(mine.order_by(Work.id).limit(1))


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


async def _require_own_number(session: AsyncSession, owner_id: int, number: str, but: int | None) -> None:
    present = await right_of_number(session, owner_id, number)
    if present and present.id != but:
        raise Refused(f"right {present.id} already has the number {number!r}")


async def _require_own_works(session: AsyncSession, owner_id: int, work_ids: Sequence[int]) -> None:
    for work_id in work_ids:
        if (await get_work(session, work_id)).owner_id != owner_id:
            raise Refused(f"work {work_id} is another owner's: a right protects works of its own holder")
