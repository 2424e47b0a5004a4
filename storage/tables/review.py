"""How people work through the alerts: who looks at what, what was decided together, views they keep."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.alerts import Alert
from storage.tables.base import Table
from storage.tables.works import Right, Work


class Lease(Table):
    """A cluster that one person looks at: until then nobody else is given it."""

    __tablename__ = "leases"
    work_id: Mapped[int] = mapped_column(ForeignKey(Work.id), primary_key=True)
    picture: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 of the picture its listings share
    holder: Mapped[str]
    until_at: Mapped[datetime] = mapped_column(index=True)


class Decision(Table):
    """One answer given to one or many alerts at once, which can be taken back as a whole."""

    __tablename__ = "decisions"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str]
    answer: Mapped[str]
    label: Mapped[str] = mapped_column(default="")  # what kind of infringement, or why it is none
    right_id: Mapped[int | None] = mapped_column(ForeignKey(Right.id))  # the right that the label chose
    note: Mapped[str] = mapped_column(default="")
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]


class DecisionItem(Table):
    """One alert of a decision, and what was said of it before."""

    __tablename__ = "decision_items"
    decision_id: Mapped[int] = mapped_column(ForeignKey(Decision.id), primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey(Alert.id), primary_key=True, index=True)
    before: Mapped[dict[str, Any]]
    undone_at: Mapped[datetime | None]


class SavedView(Table):
    """Filters of the inbox that a person kept under a name."""

    __tablename__ = "saved_views"
    id: Mapped[int] = mapped_column(primary_key=True)
    person: Mapped[str]
    name: Mapped[str]
    query: Mapped[str]  # of the inbox's address
    __table_args__ = (UniqueConstraint("person", "name"),)
