"""Who else is told of complaints: the addresses, what each was told, and what still has to arrive."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Table
from storage.tables.complaints import ComplaintEvent


class Webhook(Table):
    """An address that is told of complaints' steps."""

    __tablename__ = "webhooks"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    url: Mapped[str]
    secret: Mapped[str]  # signs what is sent; both sides hold it, so that a hash would not do
    kinds: Mapped[list[str]]  # of events, such as "complaint" or "listing.remove"; empty: all
    since_id: Mapped[int]  # every event up to this one was told, or came before the address was added
    created_at: Mapped[datetime]
    stopped: Mapped[str] = mapped_column(default="")  # why nothing is sent any more; empty: it is


class WebhookMessage(Table):
    """What is sent at once to an address: the same bytes under the same id however often it is tried."""

    __tablename__ = "webhook_messages"
    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey(Webhook.id, ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(unique=True)
    body: Mapped[str]
    created_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(default="")  # what came of the last try
    __table_args__ = (Index("ix_webhook_messages_waiting", "webhook_id", "delivered_at", "id"),)


class WebhookEvent(Table):
    """An event that stands in a message to an address, or that the address does not want to hear of."""

    __tablename__ = "webhook_events"
    webhook_id: Mapped[int] = mapped_column(ForeignKey(Webhook.id, ondelete="CASCADE"), primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey(ComplaintEvent.id), primary_key=True)
