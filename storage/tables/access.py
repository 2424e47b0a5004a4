"""Who may do what, and who did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Table, one_of
from storage.tables.works import Owner

CANARY_RUN = "canary run"
CANARY_RUNS = text(f"action = '{CANARY_RUN}'")  # among a log of everything else; in these words both databases use it


class Audit(Table):
    """Who did what, when: append-only, each row bound to the one before it by its hash."""

    __tablename__ = "audit_log"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]  # "alert 17"
    facts: Mapped[dict[str, Any]]  # before and after
    previous: Mapped[str] = mapped_column(String(64), unique=True)
    hash: Mapped[str] = mapped_column(String(64))
    __table_args__ = (
        Index("ix_audit_log_subject", "subject", "id"),
        Index("ix_audit_log_actor", "actor", "id"),
        Index("ix_audit_log_canary_runs", "subject", "id", sqlite_where=CANARY_RUNS, postgresql_where=CANARY_RUNS),
    )


class User(Table):
    """A person who may sign in to the console."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    every_owner: Mapped[bool]  # sees the data of every rights holder; else of those in user_owners
    password: Mapped[str | None]  # argon2id; none: signs in elsewhere
    totp: Mapped[str | None]  # secret of the second factor, base32
    totp_step: Mapped[int | None]  # half minute, since 1970, of the last code that was taken: none signs in twice
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    __table_args__ = (one_of("role", "viewer analyst approver admin"),)


class UserOwner(Table):
    """A rights holder whose data a person sees."""

    __tablename__ = "user_owners"
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id), primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey(Owner.id), primary_key=True)


class BrowserSession(Table):
    """A browser that is signed in; the cookie holds a secret of which only the hash is kept."""

    __tablename__ = "browser_sessions"
    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey(User.id), index=True)  # none: at this machine's keyboard
    csrf: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)
    seen_at: Mapped[datetime]


class ApiToken(Table):
    """A secret by which a program, such as the browser extension, may ask; only its hash is kept."""

    __tablename__ = "api_tokens"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(default=lambda: ["pages"])
    user_id: Mapped[int | None] = mapped_column(ForeignKey(User.id))  # acts for this person, within its rights
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class KeptAnswer(Table):
    """The answer to a request that came with an idempotency key: the same request again gets it again."""

    __tablename__ = "kept_answers"
    token_id: Mapped[int] = mapped_column(ForeignKey(ApiToken.id), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request: Mapped[str] = mapped_column(String(64))  # hash of method, path and body
    status: Mapped[int]
    body: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
