"""A person's decisions, and the cases that they open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Answer, SellerHistory
from storage.alerts import get_alert
from storage.audit import record, record_all
from storage.complaints import FREED, RELEASED
from storage.errors import StaleState
from storage.tables import Alert, AllowedSeller, Case, Complaint, ComplaintTarget, Listing, Seller
from storage.upsert import upsert


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
    return (await decide_all(session, [alert_id], answer, reviewer, now, ask_again_at))[0]


async def decide_all(
    session: AsyncSession,
    alert_ids: Sequence[int],
    answer: Answer,
    reviewer: str,
    now: datetime,
    ask_again_at: datetime | None = None,
) -> list[Alert]:
    """Record one answer to many alerts, as `decide` does to one; all of them or none.

    Raises:
        NotFound: One of them does not exist.
        StaleState: One stands in a complaint.
    """
    alerts = {alert.id: alert for alert in await session.scalars(select(Alert).where(Alert.id.in_(alert_ids)))}
    chosen = [alerts.get(alert_id) or await get_alert(session, alert_id) for alert_id in alert_ids]
    await require_free(session, alert_ids)
    before = {alert.id: alert.answer for alert in chosen}
    for alert in chosen:
        alert.answer, alert.decided_by, alert.decided_at, alert.ask_again_at = answer, reviewer, now, ask_again_at
        alert.case_id = None
    if answer is Answer.INFRINGING:
        await _open_cases(session, chosen, now)
    facts = {f"alert {alert_id}": {"before": old, "after": answer.value} for alert_id, old in before.items()}
    await record_all(session, now, reviewer, "alert decided", facts)
    return chosen


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
        alert.suppressed = f"allowed seller: {reason}"
    facts = {"reason": reason, "alerts": [alert.id for alert in concerned]}
    await record(session, now, actor, "seller allowed", f"seller {marketplace}:{seller_id}", facts)
    return sum(alert.answer is None for alert in concerned)


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
