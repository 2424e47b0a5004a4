"""A person's decisions, and the cases that they open."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Answer, SellerHistory
from storage.alerts import get_alert
from storage.audit import record
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
    alert = await get_alert(session, alert_id)
    in_complaint = select(Complaint.id).join(ComplaintTarget).where(ComplaintTarget.alert_id == alert_id)
    if await session.scalar(in_complaint.where(Complaint.state != "cancelled")):
        raise StaleState(f"alert {alert_id} is part of a complaint; its decision stands")
    before = alert.answer
    alert.answer, alert.decided_by, alert.decided_at, alert.ask_again_at = answer, reviewer, now, ask_again_at
    alert.case_id = await open_case(session, alert, now) if answer is Answer.INFRINGING else None
    facts = {"before": before, "after": answer.value}
    await record(session, now, reviewer, "alert decided", f"alert {alert_id}", facts)
    return alert


async def open_case(session: AsyncSession, alert: Alert, now: datetime) -> int | None:
    """The id of the case of the alert's seller, opened if there is none; None where no page named the seller."""
    seller_key = await session.scalar(select(Listing.seller_key).where(Listing.id == alert.listing_key))
    if seller_key is None:
        return None
    insert = upsert(session, Case).values(seller_key=seller_key, opened_at=now)
    await session.execute(insert.on_conflict_do_nothing())
    return await session.scalar(select(Case.id).where(Case.seller_key == seller_key))


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
