"""Works and the rights that protect them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Table


class Owner(Table):
    """A rights holder, in whose name complaints are made."""

    __tablename__ = "owners"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(default="person")
    country: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]


class Work(Table):
    """A creation registered for protection."""

    __tablename__ = "works"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey(Owner.id))
    title: Mapped[str]
    reference_price: Mapped[Decimal | None]
    currency: Mapped[str | None]
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=0, index=True)  # the newest of all works' counts every change
    __table_args__ = (UniqueConstraint("owner_id", "title"),)


class Reference(Table):
    """One picture of a work, with what the detectors made of it."""

    __tablename__ = "work_references"
    id: Mapped[int] = mapped_column(primary_key=True)
    work_id: Mapped[int] = mapped_column(ForeignKey(Work.id))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    file_name: Mapped[str]
    description: Mapped[bytes]  # detectors.describe.Description.to_bytes
    weak: Mapped[str | None]  # why little can be told by it: few points, or innocent pictures resemble it
    added_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("work_id", "sha256"),)


class Right(Table):
    """A title that protects works: copyright, trade mark, design, patent."""

    __tablename__ = "rights"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey(Owner.id))
    kind: Mapped[str]
    title: Mapped[str]
    number: Mapped[str]  # the register's number, or the claim number generated for an unregistered work
    facts: Mapped[dict[str, Any]]  # detectors.rights.Right.to_wire
    created_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("owner_id", "number"),)


class RightWork(Table):
    """Which works a right protects."""

    __tablename__ = "right_works"
    right_id: Mapped[int] = mapped_column(ForeignKey(Right.id, ondelete="CASCADE"), primary_key=True)
    work_id: Mapped[int] = mapped_column(ForeignKey(Work.id), primary_key=True, index=True)


class AllowedSeller(Table):
    """A seller who may offer the works: own shop, licensee. Exact id at one marketplace."""

    __tablename__ = "allowed_sellers"
    id: Mapped[int] = mapped_column(primary_key=True)
    marketplace: Mapped[str]
    seller_id: Mapped[str]
    reason: Mapped[str]
    added_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("marketplace", "seller_id"),)
