"""Known cases: how well reviewers judge, told by alerts whose answer is known and that they are given unawares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Answer
from storage.alerts import get_alert
from storage.audit import record
from storage.errors import NotFound, Refused
from storage.inbox import Owners, owned
from storage.tables import Alert, KnownAnswer, KnownCase, User


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How one person answered known cases. ``unsure`` ones count neither for nor against."""

    name: str
    answered: int
    right: int
    unsure: int

    @property
    def share(self) -> float | None:
        """Right ones among those that were answered for sure, 0 to 1; None without any."""
        sure = self.answered - self.unsure
        return self.right / sure if sure else None


async def add_known(session: AsyncSession, alert_id: int, now: datetime, actor: str) -> KnownCase:
    """Hold an alert's decision to be beyond doubt, so that others can be measured by it.

    Raises:
        Refused: It was not decided, or with doubt.
    """
    alert = await get_alert(session, alert_id)
    if alert.answer is None or alert.answer == Answer.UNSURE:
        raise Refused(
            f"alert {alert_id} is {alert.answer or 'open'}: only what was decided for sure can be a known case"
        )
    known = await session.scalar(select(KnownCase).where(KnownCase.alert_id == alert_id))
    if known is None:
        known = KnownCase(alert_id=alert_id)
        session.add(known)
    known.answer, known.added_at, known.added_by, known.removed_at = alert.answer, now, actor, None
    await session.flush()
    await record(session, now, actor, "known case added", f"alert {alert_id}", {"answer": known.answer})
    return known


async def remove_known(session: AsyncSession, alert_id: int, now: datetime, actor: str) -> None:
    """Give a known case to nobody any more.

    Raises:
        NotFound: The alert is none.
    """
    known = await session.scalar(
        select(KnownCase).where(KnownCase.alert_id == alert_id, KnownCase.removed_at.is_(None))
    )
    if known is None:
        raise NotFound(f"alert {alert_id} is no known case")
    known.removed_at = now
    await record(session, now, actor, "known case removed", f"alert {alert_id}", {"answer": known.answer})


async def is_known(session: AsyncSession, alert_id: int) -> bool:
    """Whether an alert is a known case now."""
    living = select(KnownCase.id).where(KnownCase.alert_id == alert_id, KnownCase.removed_at.is_(None))
    return await session.scalar(living) is not None


async def next_known(
    session: AsyncSession, user_id: int, owners: Owners, alert_id: int | None = None
) -> KnownCase | None:
    """A known case that a person has not answered and did not decide; of one alert, where that is named."""
    name = select(User.name).where(User.id == user_id).scalar_subquery()
    said = select(KnownAnswer.case_id).where(KnownAnswer.user_id == user_id)
    stands = (  # EXISTS and no join: SQLite would go through all alerts while no case is known
        select(Alert.id)
        .where(Alert.id == KnownCase.alert_id, Alert.answer == KnownCase.answer)
        .where(Alert.decided_by != name, Alert.suppressed.is_(None), *owned(owners))
        .exists()
    )
    query = (
        select(KnownCase)
        .where(KnownCase.removed_at.is_(None), KnownCase.id.not_in(said), KnownCase.added_by != name, stands)
        .order_by(KnownCase.id)
        .limit(1)
    )
    if alert_id is not None:
        query = query.where(KnownCase.alert_id == alert_id)
    return await session.scalar(query)


async def answer_known(session: AsyncSession, known: KnownCase, user_id: int, answer: Answer, now: datetime) -> None:
    """Keep what a person said of a known case; the alert's decision stands."""
    session.add(KnownAnswer(case_id=known.id, user_id=user_id, answer=answer.value, at=now))
    await session.flush()


async def list_known(session: AsyncSession, limit: int) -> list[tuple[KnownCase, int, int]]:
    """Known cases with how many answered each, and how many of them right; the newest first."""
    right = func.sum(case((KnownAnswer.answer == KnownCase.answer, 1), else_=0))
    query = (
        select(KnownCase, func.count(KnownAnswer.user_id), func.coalesce(right, 0))
        .outerjoin(KnownAnswer, KnownAnswer.case_id == KnownCase.id)
        .where(KnownCase.removed_at.is_(None))
        .group_by(KnownCase.id)
        .order_by(KnownCase.id.desc())
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in await session.execute(query)]


async def accuracies(session: AsyncSession) -> Sequence[Accuracy]:
    """How everybody answered known cases, by name."""
    right = func.sum(case((KnownAnswer.answer == KnownCase.answer, 1), else_=0))
    unsure = func.sum(case((KnownAnswer.answer == Answer.UNSURE.value, 1), else_=0))
    query = (
        select(User.name, func.count(), right, unsure)
        .join(KnownAnswer, KnownAnswer.user_id == User.id)
        .join(KnownCase, KnownCase.id == KnownAnswer.case_id)
        .group_by(User.name)
        .order_by(User.name)
    )
    return [Accuracy(*row) for row in await session.execute(query)]
