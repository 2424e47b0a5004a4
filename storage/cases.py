"""A person's decisions, and the cases that they open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Answer, SellerHistory
from storage.alerts import AlertView, get_alert
from storage.audit import record, record_all
from storage.complaints import FREED, RELEASED
from storage.errors import NotFound, StaleState
from storage.tables import Alert, AllowedSeller, Case, Complaint, ComplaintTarget, Listing, Seller, Work
from storage.upsert import upsert

_ALLOWED = "allowed seller: "  # so begins what sets their alerts aside


async def decide(
    session: AsyncSession,
    alert_id: int,
    answer: Answer,
    reviewer: str,
    now: datetime,
    ask_again_at: datetime | None = None,
) -> Alert:
    """Record a reviewer's answer; an infringing one opens the seller's case.

    Raises:
        StaleState: The alert stands in a complaint: that must be cancelled first.
    """
    alert = await get_alert(session, alert_id)
    await decide_all(session, [alert], answer, reviewer, now, ask_again_at)
    return alert


async def decide_all(
    session: AsyncSession,
    alerts: Sequence[Alert],
    answer: Answer,
    reviewer: str,
    now: datetime,
    ask_again_at: datetime | None = None,
) -> None:
    """Record one answer to many alerts, as `decide` does to one; all of them or none.

    Raises:
        StaleState: One stands in a complaint.
    """
    await require_free(session, [alert.id for alert in alerts])
    facts = {f"alert {alert.id}": {"before": alert.answer, "after": answer.value} for alert in alerts}
    for alert in alerts:
        alert.answer, alert.decided_by, alert.decided_at, alert.ask_again_at = answer, reviewer, now, ask_again_at
        alert.case_id = None
    if answer is Answer.INFRINGING:
        await _open_cases(session, alerts, now)
    await record_all(session, now, reviewer, "alert decided", facts)


async def require_free(session: AsyncSession, alert_ids: Sequence[int]) -> None:
    """Make sure that none of the alerts stands in a complaint.

    Raises:
        StaleState: One does: its decision stands until that is cancelled.
    """
    in_complaint = select(ComplaintTarget.alert_id).join(Complaint).where(ComplaintTarget.alert_id.in_(alert_ids))
    standing = (Complaint.state.not_in((*RELEASED, "retracted")), ComplaintTarget.state.not_in(FREED))
    taken = await session.scalar(in_complaint.where(*standing).limit(1))
    if taken:
        raise StaleState(f"alert {taken} is part of a complaint; its decision stands")


async def _open_cases(session: AsyncSession, alerts: Sequence[Alert], now: datetime) -> None:
    """Put alerts into their sellers' cases, opened where there is none; into none where no page named the seller."""
    keys = [alert.listing_key for alert in alerts]
    found = await session.execute(select(Listing.id, Listing.seller_key).where(Listing.id.in_(keys)))
    sellers = {listing_key: seller_key for listing_key, seller_key in found if seller_key is not None}
    if not sellers:
        return
    rows = [{"seller_key": seller_key, "opened_at": now} for seller_key in sorted(set(sellers.values()))]
    await session.execute(upsert(session, Case).on_conflict_do_nothing(), rows)
    opened = await session.execute(select(Case.seller_key, Case.id).where(Case.seller_key.in_(sellers.values())))
    cases = dict(opened.all())
    for alert in alerts:
        seller_key = sellers.get(alert.listing_key)
        alert.case_id = cases.get(seller_key) if seller_key is not None else None


async def seller_history(session: AsyncSession, listing: Listing) -> SellerHistory:
    """What alerts on the seller's other listings say of a listing's seller."""
    if listing.seller_key is None:
        return SellerHistory()
    of_seller = (
        select(Alert.answer, func.count())
        .join(Listing)
        .where(Listing.seller_key == listing.seller_key, Listing.id != listing.id)
    )
    counts = dict((await session.execute(of_seller.group_by(Alert.answer))).all())
    return SellerHistory(
        alerts=sum(counts.values()),
        infringing=counts.get(Answer.INFRINGING, 0),
        licensed=counts.get(Answer.LICENSED, 0),
    )


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """A case with its seller, its alerts by answer, and what became of the seller's listings in complaints."""

    case: Case
    seller: Seller
    alerts: dict[str, int]
    listings: dict[str, int]  # by their state in complaints
    last_at: datetime | None  # of the newest decision

    @property
    def taken_down(self) -> int:
        """How many of its listings were removed or edited."""
        return sum(self.listings.get(state, 0) for state in ("removed", "edited", "reappeared"))

    @property
    def repeats(self) -> int:
        """How often the seller offered a work again after a listing was taken down: listings that came back."""
        return self.listings.get("reappeared", 0)


async def list_cases(session: AsyncSession) -> list[CaseSummary]:
    """Every case, the one with the newest decision first."""
    rows = await session.execute(
        select(Case, Seller, func.max(Alert.decided_at))
        .join(Seller, Seller.id == Case.seller_key)
        .join(Alert, Alert.case_id == Case.id)
        .group_by(Case.id, Seller.id)
        .order_by(func.max(Alert.decided_at).desc(), Case.id)
    )
    alerts = await _counts(session, select(Listing.seller_key, Alert.answer, func.count()).join(Listing))
    listings = await _counts(
        session,
        select(Listing.seller_key, ComplaintTarget.state, func.count())
        .join(Complaint, Complaint.id == ComplaintTarget.complaint_id)
        .join(Alert, Alert.id == ComplaintTarget.alert_id)
        .join(Listing, Listing.id == Alert.listing_key)
        .where(Complaint.state != "cancelled"),
    )
    return [
        CaseSummary(case, seller, alerts.get(seller.id, {}), listings.get(seller.id, {}), last_at)
        for case, seller, last_at in rows
    ]


async def get_case(session: AsyncSession, case_id: int) -> CaseSummary:
    """One case.

    Raises:
        NotFound: There is none.
    """
    found = next((one for one in await list_cases(session) if one.case.id == case_id), None)
    if found is None:
        raise NotFound(f"no case {case_id}; `bazaarwatch cases list` shows them")
    return found


async def case_alerts(session: AsyncSession, seller_key: int) -> list[AlertView]:
    """Every alert on a seller's listings, the newest decision first, undecided ones before."""
    query = (
        select(Alert, Work, Listing, Seller)
        .join(Work, Work.id == Alert.work_id)
        .join(Listing, Listing.id == Alert.listing_key)
        .join(Seller, Seller.id == Listing.seller_key)
        .where(Listing.seller_key == seller_key)
        .order_by(Alert.decided_at.is_not(None), Alert.decided_at.desc(), Alert.id.desc())
    )
    return [AlertView(*row) for row in await session.execute(query)]


async def _counts(session: AsyncSession, query: Any) -> dict[int, dict[str, int]]:
    """Counts by the first two columns of a question that has a third, the count."""
    seller, word, _ = query.selected_columns
    found: dict[int, dict[str, int]] = {}
    for seller_key, name, count in await session.execute(query.group_by(seller, word)):
        if seller_key is not None:
            found.setdefault(seller_key, {})[name or "open"] = count
    return found


async def allow_seller(
    session: AsyncSession, now: datetime, actor: str, marketplace: str, seller_id: str, reason: str
) -> int:
    """Let one seller offer the works: all their alerts are set aside, decided ones too. How many were open."""
    insert = upsert(session, AllowedSeller).values(
        marketplace=marketplace, seller_id=seller_id, reason=reason, added_at=now
    )
    await session.execute(
        insert.on_conflict_do_update(index_elements=["marketplace", "seller_id"], set_={"reason": reason})
    )
    concerned = await _alerts_of(session, marketplace, seller_id)
    for alert in concerned:
        alert.suppressed = f"{_ALLOWED}{reason}"
    facts = {"reason": reason, "alerts": [alert.id for alert in concerned]}
    await record(session, now, actor, "seller allowed", f"seller {marketplace}:{seller_id}", facts)
    return sum(alert.answer is None for alert in concerned)


async def disallow_seller(session: AsyncSession, now: datetime, actor: str, marketplace: str, seller_id: str) -> int:
    """Allow a seller no longer: what was set aside for that alone asks for a person again. How many alerts.

    Raises:
        NotFound: They were not allowed.
    """
    dropped = delete(AllowedSeller).where(
        AllowedSeller.marketplace == marketplace, AllowedSeller.seller_id == seller_id
    )
    reason = await session.scalar(dropped.returning(AllowedSeller.reason))
    if reason is None:
        raise NotFound(f"{marketplace}:{seller_id} is not allowed; `bazaarwatch sellers list` shows who is")
    concerned = [
        alert
        for alert in await _alerts_of(session, marketplace, seller_id)
        if alert.suppressed and alert.suppressed.startswith(_ALLOWED)
    ]
    for alert in concerned:
        alert.suppressed, alert.changed_at = None, now
    facts = {"reason": reason, "alerts": [alert.id for alert in concerned]}
    await record(session, now, actor, "seller no longer allowed", f"seller {marketplace}:{seller_id}", facts)
    return len(concerned)


async def allowed_reason(session: AsyncSession, marketplace: str, seller_id: str | None) -> str | None:
    """Why this seller may offer the works; None if it may not. Exactly this id at exactly this marketplace."""
    return await session.scalar(
        select(AllowedSeller.reason).where(
            AllowedSeller.marketplace == marketplace, AllowedSeller.seller_id == seller_id
        )
    )


async def list_allowed(session: AsyncSession) -> list[AllowedSeller]:
    """Every allowed seller."""
    return list(await session.scalars(select(AllowedSeller).order_by(AllowedSeller.id)))


async def _alerts_of(session: AsyncSession, marketplace: str, seller_id: str) -> list[Alert]:
    return list(
        await session.scalars(
            select(Alert)
            .join(Listing, Listing.id == Alert.listing_key)
            .join(Seller, Seller.id == Listing.seller_key)
            .where(Seller.marketplace == marketplace, Seller.seller_id == seller_id)
        )
    )
