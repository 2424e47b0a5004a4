"""What was claimed at platforms."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.alerts import Alert
from storage.tables.base import Table, one_of
from storage.tables.works import Right, Work


class Complaint(Table):
    """Our claim at a platform: one work, one right, one site, one reason, many listings."""

    __tablename__ = "complaints"
    id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str]
    site: Mapped[str]
    work_id: Mapped[int] = mapped_column(ForeignKey(Work.id))
    right_id: Mapped[int] = mapped_column(ForeignKey(Right.id))
    reason: Mapped[str]
    explanation: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    drafted_at: Mapped[datetime]
    confirmation: Mapped[dict[str, Any] | None]  # who, when, which statements, what was considered
    confirmed_by: Mapped[str | None]
    confirmed_at: Mapped[datetime | None]
    exported_at: Mapped[datetime | None]
    pack: Mapped[str | None]  # the folder of the exported files, relative to the data folder
    pack_sha256: Mapped[str | None] = mapped_column(String(64))
    __table_args__ = (
        one_of("state", "draft approved exported cancelled"),
        CheckConstraint(
            "state IN ('draft', 'cancelled') OR (confirmed_by IS NOT NULL AND confirmation IS NOT NULL)",
            name="confirmed_by_a_person",
        ),
    )


class ComplaintTarget(Table):
    """One listing in a complaint. A listing is reported once per right while the complaint lives."""

    __tablename__ = "complaint_targets"
    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey(Complaint.id), index=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey(Alert.id), index=True)
    position: Mapped[int]
    __table_args__ = (UniqueConstraint("complaint_id", "alert_id"),)
