"""Alerts whose right answer is known, given to reviewers unawares, and what each said."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.access import User
from storage.tables.alerts import Alert
from storage.tables.base import Table, one_of


class KnownCase(Table):
    """A decided alert whose answer is held to be beyond doubt."""

    __tablename__ = "known_cases"
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey(Alert.id), unique=True)
    answer: Mapped[str]
    added_at: Mapped[datetime]
    added_by: Mapped[str]
    removed_at: Mapped[datetime | None]  # given to nobody any more since then; what was said of it stays
    __table_args__ = (one_of("answer", "infringing licensed not-a-match"),)


class KnownAnswer(Table):
    """What a reviewer said of a known case, not knowing that it was one."""

    __tablename__ = "known_answers"
    case_id: Mapped[int] = mapped_column(ForeignKey(KnownCase.id), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id), primary_key=True)
    answer: Mapped[str]
    at: Mapped[datetime]
    __table_args__ = (one_of("answer", "infringing licensed not-a-match unsure"),)
