"""Addresses that are told of complaints' steps, and the messages that are on their way to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import record
from storage.errors import NotFound, Refused
from storage.inbox import Owners
from storage.tables import (
    Alert,
    Complaint,
    ComplaintEvent,
    ComplaintTarget,
    Listing,
    Webhook,
    WebhookEvent,
    WebhookMessage,
    Work,
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a complaint, and the listing it is about where it is about one."""

    event: ComplaintEvent
    complaint: Complaint
    alert_id: int | None
    listing: Listing | None


@dataclass(frozen=True, slots=True)
class Load:
    """How an address fares: messages that wait, and the last that arrived."""

    webhook: Webhook
    waiting: int
    delivered_at: datetime | None
    answer: str  # of the newest try


def _steps() -> Select[ComplaintEvent, Complaint, int, Listing]:
    return (
        select(ComplaintEvent, Complaint, ComplaintTarget.alert_id, Listing)
        .join(Complaint, Complaint.id == ComplaintEvent.complaint_id)
        .outerjoin(ComplaintTarget, ComplaintTarget.id == ComplaintEvent.target_id)
        .outerjoin(Alert, Alert.id == ComplaintTarget.alert_id)
        .outerjoin(Listing, Listing.id == Alert.listing_key)
        .order_by(ComplaintEvent.id)
    )


async def steps_after(session: AsyncSession, after: int, limit: int, owners: Owners = None) -> list[Step]:
    """Steps of all complaints behind one, oldest first.

    Args:
        owners: Only of these owners' works; None: of everybody's.
    """
    query = _steps().where(ComplaintEvent.id > after).limit(limit)
    if owners is not None:
        query = query.join(Work, Work.id == Complaint.work_id).where(Work.owner_id.in_(owners))
    return [Step(*row) for row in await session.execute(query)]


async def untold_steps(session: AsyncSession, webhook: Webhook, limit: int) -> list[Step]:
    """Steps that stand in no message to an address yet, oldest first, however late they were committed."""
    told = exists().where(WebhookEvent.webhook_id == webhook.id, WebhookEvent.event_id == ComplaintEvent.id)
    query = _steps().where(ComplaintEvent.id > webhook.since_id, ~told).limit(limit)
    return [Step(*row) for row in await session.execute(query)]


async def add_webhook(session: AsyncSession, actor: str, webhook: Webhook) -> None:
    """Record an address; it hears of what happens from now on.

    Raises:
        Refused: The name is taken.
    """
    if await session.scalar(select(Webhook.id).where(Webhook.name == webhook.name)):
        raise Refused(f"a webhook named {webhook.name!r} exists; choose another name or remove it first")
    webhook.since_id = await session.scalar(select(func.coalesce(func.max(ComplaintEvent.id), 0))) or 0
    session.add(webhook)
    await session.flush()
    facts = {"url": webhook.url, "kinds": webhook.kinds}
    await record(session, webhook.created_at, actor, "webhook added", f"webhook {webhook.name}", facts)


async def get_webhook(session: AsyncSession, name: str) -> Webhook:
    """The address of that name.

    Raises:
        NotFound: There is none.
    """
    found = await session.scalar(select(Webhook).where(Webhook.name == name))
    if found is None:
        raise NotFound(f"no webhook {name!r}; `bazaarwatch webhooks list` shows them")
    return found


async def remove_webhook(session: AsyncSession, now: datetime, actor: str, name: str) -> None:
    """Forget an address and whatever was on its way to it.

    Raises:
        NotFound: There is none.
    """
    webhook = await get_webhook(session, name)
    for table in (WebhookEvent, WebhookMessage):
        await session.execute(delete(table).where(table.webhook_id == webhook.id))
    await session.delete(webhook)
    await record(session, now, actor, "webhook removed", f"webhook {name}", {"url": webhook.url})


async def list_webhooks(session: AsyncSession) -> list[Load]:
    """Every address and how it fares, by name."""
    loads = []
    for webhook in list(await session.scalars(select(Webhook).order_by(Webhook.name))):
        mine = select(WebhookMessage).where(WebhookMessage.webhook_id == webhook.id)
        waiting = select(func.count()).where(
            WebhookMessage.webhook_id == webhook.id, WebhookMessage.delivered_at.is_(None)
        )
        arrived = select(func.max(WebhookMessage.delivered_at)).where(WebhookMessage.webhook_id == webhook.id)
        tried = mine.where(WebhookMessage.attempts > 0).order_by(WebhookMessage.id.desc()).limit(1)
        last = await session.scalar(tried)
        load = Load(
            webhook, await session.scalar(waiting) or 0, await session.scalar(arrived), last.answer if last else ""
        )
        loads.append(load)
    return loads


async def open_webhooks(session: AsyncSession) -> list[Webhook]:
    """The addresses that are told of what happens."""
    return list(await session.scalars(select(Webhook).where(Webhook.stopped == "").order_by(Webhook.id)))


async def put_message(
    session: AsyncSession, message: WebhookMessage | None, webhook: Webhook, steps: Collection[Step]
) -> None:
    """Put steps on their way to an address, or, without a message, past it."""
    if message is not None:
        session.add(message)
    session.add_all(WebhookEvent(webhook_id=webhook.id, event_id=step.event.id) for step in steps)
    await session.flush()


async def next_message(session: AsyncSession, webhook_id: int) -> WebhookMessage | None:
    """The oldest message that has not arrived: the next is only sent when it has."""
    query = select(WebhookMessage).where(WebhookMessage.webhook_id == webhook_id, WebhookMessage.delivered_at.is_(None))
    return await session.scalar(query.order_by(WebhookMessage.id).limit(1))


async def forget_told(session: AsyncSession, webhooks: Sequence[Webhook], before: datetime) -> None:
    """Forget which of the events and messages of long ago were told: all of them were."""
    newest = await session.scalar(select(func.max(ComplaintEvent.id)).where(ComplaintEvent.at < before)) or 0
    for webhook in webhooks:
        if newest <= webhook.since_id:
            continue
        webhook.since_id = newest
        told = (WebhookEvent.webhook_id == webhook.id, WebhookEvent.event_id <= newest)
        await session.execute(delete(WebhookEvent).where(*told))
        arrived = (WebhookMessage.webhook_id == webhook.id, WebhookMessage.delivered_at < before)
        await session.execute(delete(WebhookMessage).where(*arrived))
