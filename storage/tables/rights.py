"""What makes a right usable: papers under seal, proofs of publication, accounts at platforms."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Table, one_of
from storage.tables.works import Owner, Right, Work


class PlatformAccount(Table):
    """An account at a complaint platform, and how far the identity behind it is approved. No password is kept."""

    __tablename__ = "platform_accounts"
    id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str]
    label: Mapped[str]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey(Owner.id))  # none: an agent's, for every owner
    role: Mapped[str] = mapped_column(default="holder")
    identity: Mapped[str] = mapped_column(default="none")
    identity_note: Mapped[str] = mapped_column(default="")  # such as why it was denied
    identity_at: Mapped[datetime]  # since when the identity is in this state
    suspended: Mapped[str] = mapped_column(default="")  # why nothing may leave by this account; empty: it may
    created_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("platform", "label"),
        one_of("role", "holder agent"),
        one_of("identity", "none pending approved denied"),
        CheckConstraint("role = 'agent' OR owner_id IS NOT NULL", name="a_holder_is_an_owner"),
    )


class PlatformRight(Table):
    """How far a right is recorded in one account at a complaint platform."""

    __tablename__ = "platform_rights"
    right_id: Mapped[int] = mapped_column(ForeignKey(Right.id), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey(PlatformAccount.id), primary_key=True)
    platform: Mapped[str] = mapped_column(index=True)  # the account's
    state: Mapped[str]  # monitor.complaints.base.RightState
    note: Mapped[str] = mapped_column(default="")
    changed_at: Mapped[datetime]


class Vault(Table):
    """Which key opens the sealed papers, and where it is; never the key itself. There is one vault."""

    __tablename__ = "vaults"
    id: Mapped[int] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(String(16))
    key_file: Mapped[str] = mapped_column(default="")  # empty: the key comes from a passphrase
    salt: Mapped[bytes]  # of the passphrase; empty with a key file
    sealed_secret: Mapped[bytes]  # what seals the papers, itself sealed by the key: a new key seals it anew
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)


class Document(Table):
    """A sealed paper: certificate, identity, power of attorney. Name and content are readable with the key alone."""

    __tablename__ = "documents"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey(Owner.id))
    right_id: Mapped[int | None] = mapped_column(ForeignKey(Right.id), index=True)
    kind: Mapped[str]  # detectors.documents.DocumentKind
    language: Mapped[str] = mapped_column(default="")
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]  # the last day
    facts: Mapped[dict[str, Any]]  # of a power of attorney: grantor, grantee, platforms
    sha256: Mapped[str] = mapped_column(String(64))  # of the sealed bytes, whose file it names
    size: Mapped[int]  # bytes, before sealing
    sealed_name: Mapped[bytes]
    mark: Mapped[str] = mapped_column(String(64))  # keyed hash of the content: the same file is kept once
    added_at: Mapped[datetime]
    __table_args__ = (
        Index("ix_documents_once", "owner_id", "kind", "mark"),
        CheckConstraint(
            "valid_to IS NULL OR valid_from IS NULL OR valid_to >= valid_from", name="ends_after_it_begins"
        ),
    )


class Publication(Table):
    """A dated proof that a work was public: a page of one's own shop, a post, a file."""

    __tablename__ = "publications"
    id: Mapped[int] = mapped_column(primary_key=True)
    work_id: Mapped[int] = mapped_column(ForeignKey(Work.id), index=True)
    url: Mapped[str] = mapped_column(default="")
    place: Mapped[str]
    stated_on: Mapped[date | None]  # the day that the page or a person states; none: only known to be there when seen
    stated_by: Mapped[str] = mapped_column(default="")
    sha256: Mapped[str] = mapped_column(String(64), default="")  # of the page or file as kept
    file_name: Mapped[str] = mapped_column(default="")
    seen_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("work_id", "url", "sha256"),)
