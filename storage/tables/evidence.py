"""What proves an alert and was drawn of it, who had it, what others attest of its time, and what must be kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.alerts import Alert
from storage.tables.base import Table, one_of
from storage.tables.complaints import Complaint

_IN_FORCE = text("released_at IS NULL")


class Evidence(Table):
    """What was seen, when, under which SHA-256; with all that its record needs, so that it stands on its own."""

    __tablename__ = "evidence"
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey(Alert.id), index=True)
    kind: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    url: Mapped[str]
    how: Mapped[str]  # fetched, rendered, imported or derived
    seen_at: Mapped[datetime]
    about: Mapped[dict[str, Any]] = mapped_column(default=dict)  # the answer's head, or who brought it in
    __table_args__ = (
        UniqueConstraint("alert_id", "kind", "sha256", "url", "seen_at"),
        one_of("kind", "page picture screenshot facts comparison"),
        one_of("how", "fetched rendered imported derived"),
    )


class Custody(Table):
    """What was done with an alert's evidence: append-only, each row bound to the alert's one before by its hash.

    It names no seller and no address, only hashes: it stays when the evidence is purged.
    """

    __tablename__ = "custody"
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int]  # of an alert that may be gone
    position: Mapped[int]  # from 1 on, for each alert
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    facts: Mapped[dict[str, Any]]
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    __table_args__ = (UniqueConstraint("alert_id", "position"),)


class Drawing(Table):
    """Files of an evidence ZIP, packed before a confirmed complaint leaves: they go with its evidence, or sooner."""

    __tablename__ = "drawings"
    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey(Complaint.id), index=True)
    key: Mapped[str] = mapped_column(String(64))  # the hash of all that they were drawn from
    position: Mapped[int]  # of this stored file among those of the same key
    sha256: Mapped[str] = mapped_column(String(64))  # of the stored file
    files: Mapped[list[Any]]  # what is in it, in order: each one's name, CRC, size and SHA-256
    __table_args__ = (UniqueConstraint("complaint_id", "key", "position"),)


class TimeStamp(Table):
    """A time-stamp authority's word (RFC 3161) that bytes of ours existed at a time; both are stored files."""

    __tablename__ = "time_stamps"
    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)  # of the roll of custody heads that it covers
    up_to: Mapped[int]  # the last custody row in it
    authority: Mapped[str]
    token: Mapped[str | None] = mapped_column(String(64))  # the raw answer; none while it is pending
    asked_at: Mapped[datetime]
    stamped_at: Mapped[datetime | None]
    failure: Mapped[str] = mapped_column(default="")  # why it is still pending


class Hold(Table):
    """Evidence that a dispute needs: kept whatever its retention class says, until a person releases it."""

    __tablename__ = "holds"
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey(Alert.id))
    reason: Mapped[str]
    placed_by: Mapped[str]
    placed_at: Mapped[datetime]
    released_by: Mapped[str | None]
    released_at: Mapped[datetime | None]
    __table_args__ = (
        Index("uq_holds_in_force", "alert_id", unique=True, sqlite_where=_IN_FORCE, postgresql_where=_IN_FORCE),
    )
