"""What asks for a person, and what they answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Table, one_of
from storage.tables.crawling import Listing, Picture, Seller
from storage.tables.works import Reference, Work


class Match(Table):
    """A detector's finding, kept with every number needed to explain and replay it."""

    __tablename__ = "matches"
    id: Mapped[int] = mapped_column(primary_key=True)
    listing_key: Mapped[int] = mapped_column(ForeignKey(Listing.id))
    sha256: Mapped[str] = mapped_column(ForeignKey(Picture.sha256), index=True)
    work_id: Mapped[int] = mapped_column(ForeignKey(Work.id), index=True)
    reference_id: Mapped[int] = mapped_column(ForeignKey(Reference.id))
    detector: Mapped[str]
    version: Mapped[int]
    threshold: Mapped[float]
    distance_bits: Mapped[int | None]
    score: Mapped[float | None]
    facts: Mapped[dict[str, Any]]  # regions, orientation, inliers, placement
    found_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("listing_key", "sha256", "reference_id", "detector", "version"),
        Index("ix_matches_listing_key_work_id", "listing_key", "work_id"),  # the findings of an alert
    )


class Case(Table):
    """One seller's alerts, followed together; opened by the first infringing decision."""

    __tablename__ = "cases"
    id: Mapped[int] = mapped_column(primary_key=True)
    seller_key: Mapped[int] = mapped_column(ForeignKey(Seller.id), unique=True)
    opened_at: Mapped[datetime]


_DECIDED = text("decided_at IS NOT NULL")
_ASIDE = text("suppressed IS NOT NULL")


class Alert(Table):
    """The request to a person to look: one listing and one work."""

    __tablename__ = "alerts"
    id: Mapped[int] = mapped_column(primary_key=True)
    listing_key: Mapped[int] = mapped_column(ForeignKey(Listing.id))
    work_id: Mapped[int] = mapped_column(ForeignKey(Work.id))
    case_id: Mapped[int | None] = mapped_column(ForeignKey(Case.id), index=True)
    # What is decided together: the SHA-256 of the picture with the strongest finding, or of the first one that it
    # repeats (storage.clusters); of an alert without findings a word of its own.
    cluster: Mapped[str] = mapped_column(String(64), default=lambda: uuid4().hex)
    priority: Mapped[str]
    score: Mapped[int]
    confidence: Mapped[str]
    reasons: Mapped[list[str]]
    suppressed: Mapped[str | None]  # why it is not shown: an allowed seller, a rejected picture
    answer: Mapped[str | None]  # the decision in force
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    ask_again_at: Mapped[datetime | None]  # an unsure decision comes back then
    raised_at: Mapped[datetime]
    changed_at: Mapped[datetime] = mapped_column(index=True)
    __table_args__ = (
        UniqueConstraint("listing_key", "work_id"),
        Index("ix_alerts_cluster", "cluster", "work_id"),
        # The inbox in its order, by what filters it; counting reads these indexes alone.
        Index("ix_alerts_answer_score", "answer", "score", "id"),
        Index("ix_alerts_open_score", "answer", "suppressed", "score", "id"),
        Index("ix_alerts_open_priority", "answer", "suppressed", "priority", "score", "id"),
        Index("ix_alerts_work_id_answer", "work_id", "answer", "suppressed", "score", "id"),
        Index("ix_alerts_raised_at", "raised_at", "suppressed", "priority"),
        Index("ix_alerts_aside", "score", "id", "priority", sqlite_where=_ASIDE, postgresql_where=_ASIDE),
        Index("ix_alerts_decided_at", "decided_at", "answer", sqlite_where=_DECIDED, postgresql_where=_DECIDED),
        one_of("priority", "urgent high normal low"),
        one_of("answer", "infringing licensed not-a-match unsure"),
    )


class Digest(Table):
    """A summary made for readers, and whether it left."""

    __tablename__ = "digests"
    id: Mapped[int] = mapped_column(primary_key=True)
    until_at: Mapped[datetime] = mapped_column(unique=True)  # everything up to here is in it or an earlier one
    alerts: Mapped[int]
    folder: Mapped[str]
    mailed_at: Mapped[datetime | None]
