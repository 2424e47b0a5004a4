"""What is remembered of pictures: those ever seen, for works registered later, and those that must not match."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Table
from storage.tables.works import Work


class SeenPicture(Table):
    """A crawled picture as it is known again when a work is registered later. Outlives the listing and the bytes.

    Rows are numbered without gaps being filled again: the files that a look back searches have a place for each.
    """

    __tablename__ = "seen_pictures"
    id: Mapped[int] = mapped_column(primary_key=True)
    bytes_hash: Mapped[bytes] = mapped_column(unique=True)  # 32 bytes, SHA-256; the file itself may be gone
    whole: Mapped[bytes]  # 32 bytes, detectors.pdq
    trimmed: Mapped[bytes]  # 32 bytes, without plain margins
    thumbnail: Mapped[bytes]  # a JPEG of at most 256 px a side
    marketplace: Mapped[str]  # the listing that showed it first, so that it can be asked for again
    listing_id: Mapped[str]
    listing_url: Mapped[str]
    picture_url: Mapped[str]
    first_seen_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(index=True)
    __table_args__ = ({"sqlite_autoincrement": True},)


class LookBack(Table):
    """What one of several machines is asked to do of a look back for one work, and what it found."""

    __tablename__ = "look_backs"
    id: Mapped[int] = mapped_column(primary_key=True)
    work_id: Mapped[int] = mapped_column(ForeignKey(Work.id))
    share: Mapped[int]  # which part of the months, from 1 on
    shares: Mapped[int]  # of how many
    asked_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    found: Mapped[dict[str, Any]] = mapped_column(default=dict)  # monitor.lookback.LookedBack


class ClusterBand(Table):
    """A part of the hash of a picture that gave a cluster its name, by which pictures like it are found (twins).

    Thirteen rows a cluster, in the order in which clusters began; they go when the picture is forgotten.
    """

    __tablename__ = "cluster_bands"
    id: Mapped[int] = mapped_column(primary_key=True)
    work_id: Mapped[int] = mapped_column(ForeignKey(Work.id))
    band: Mapped[int]  # detectors.twins.bands
    picture_id: Mapped[int] = mapped_column(ForeignKey(SeenPicture.id, ondelete="CASCADE"), index=True)
    __table_args__ = (UniqueConstraint("work_id", "band", "picture_id"),)


class Negative(Table):
    """A picture that must not match: a stock background, a licensed lookalike, a common motif."""

    __tablename__ = "negatives"
    id: Mapped[int] = mapped_column(primary_key=True)
    work_id: Mapped[int | None] = mapped_column(ForeignKey(Work.id), index=True)  # none: of every work
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    file_name: Mapped[str]
    reason: Mapped[str]
    description: Mapped[bytes]  # detectors.describe.Description.to_bytes
    added_at: Mapped[datetime]
    added_by: Mapped[str]


class Threshold(Table):
    """From which score on a work's findings ask a person to look, as `bazaarwatch calibrate` measured it."""

    __tablename__ = "thresholds"
    work_id: Mapped[int] = mapped_column(ForeignKey(Work.id), primary_key=True)
    score: Mapped[float]
    unmatched: Mapped[int]  # pictures it was measured on
    provisional: Mapped[bool]  # some of them generated, for too few had been crawled
    measured_at: Mapped[datetime]
