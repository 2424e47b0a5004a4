"""The processes that share the work on PostgreSQL."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Table


class Worker(Table):
    """A process that works, as it was last heard of. It goes when the process ends in order."""

    __tablename__ = "workers"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)  # of this start of the process
    host: Mapped[str]
    pid: Mapped[int]
    roles: Mapped[list[str]]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(index=True)
    works_version: Mapped[int | None]  # of the works that it compares with; none: it compared nothing yet
    behind_since: Mapped[datetime | None]  # since when the registry has a newer one
