"""The tables. Every time is UTC; every unique key makes a task safe to repeat."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Utc(TypeDecorator[datetime]):
    """An aware UTC time; SQLite keeps it without the zone, PostgreSQL with it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a naive time: it would silently be local."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"naive time {value!r}: pass an aware one")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the zone back that SQLite dropped."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Money(TypeDecorator[Decimal]):
    """A decimal amount, exact: SQLite has no decimal type, so it is kept as text there."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Text on SQLite, NUMERIC elsewhere."""
        return dialect.type_descriptor(String(32) if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Hand over text or a decimal."""
        return str(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """The decimal as it was handed over, trailing zeros included."""
        return None if value is None else Decimal(value)


class Table(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Utc,
        Decimal: Money,
        bytes: LargeBinary,
        int: BigInteger().with_variant(Integer, "sqlite"),  # SQLite numbers only INTEGER PRIMARY KEY by itself
        list[str]: JSON,
        dict[str, Any]: JSON,
    }


def _one_of(column: str, values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values.split())
    return CheckConstraint(f"{column} IN ({listed})", name=column)


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
    work_id: Mapped[int] = mapped_column(ForeignKey(Work.id), primary_key=True)


class PlatformRight(Table):
    """How far a right is recorded in the account at a complaint platform."""

    __tablename__ = "platform_rights"
    right_id: Mapped[int] = mapped_column(ForeignKey(Right.id), primary_key=True)
    platform: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]  # monitor.complaints.base.RightState
    note: Mapped[str] = mapped_column(default="")
    changed_at: Mapped[datetime]


class AllowedSeller(Table):
    """A seller who may offer the works: own shop, licensee. Exact id at one marketplace."""

    __tablename__ = "allowed_sellers"
    id: Mapped[int] = mapped_column(primary_key=True)
    marketplace: Mapped[str]
    seller_id: Mapped[str]
    reason: Mapped[str]
    added_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("marketplace", "seller_id"),)


class Search(Table):
    """What to look for at one marketplace, with its rhythm. ``next_run_at`` is the durable truth of the schedule.

    A search by picture looks for what resembles one reference; its ``keyword`` is the work's title, for people.
    """

    __tablename__ = "searches"
    id: Mapped[int] = mapped_column(primary_key=True)
    marketplace: Mapped[str]
    keyword: Mapped[str]
    seller: Mapped[str] = mapped_column(default="")  # the account whose offers are looked through
    picture: Mapped[str] = mapped_column(String(64), default="")  # SHA-256 of the reference that is looked for
    shop: Mapped[str] = mapped_column(default="")  # the shop's address, where the marketplace lives on any host
    rhythm_h: Mapped[float]
    page_limit: Mapped[int]
    next_run_at: Mapped[datetime] = mapped_column(index=True)
    paused_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("marketplace", "shop", "keyword", "seller", "picture"),)

    @property
    def subject(self) -> str:
        """What it looks for, in words."""
        if self.picture:
            return f"pictures like {self.keyword} ({self.picture[:8]})"
        by_seller = f"seller {self.seller}" if self.seller else ""
        what = ", ".join(filter(None, (self.keyword, by_seller))) or "everything"
        return f"{what} at {self.shop}" if self.shop else what


class Crawl(Table):
    """One run of one search: what was asked and what came of it."""

    __tablename__ = "crawls"
    id: Mapped[int] = mapped_column(primary_key=True)
    search_id: Mapped[int | None] = mapped_column(ForeignKey(Search.id))  # none: an import
    marketplace: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(index=True)
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]  # of the last page read
    reason: Mapped[str] = mapped_column(default="")
    next_url: Mapped[str | None]  # where to go on after a crash
    pages: Mapped[int] = mapped_column(default=0)
    listings_seen: Mapped[int] = mapped_column(default=0)
    listings_new: Mapped[int] = mapped_column(default=0)
    __table_args__ = (Index("ix_crawls_search_id_finished_at", "search_id", "finished_at"),)


class Capture(Table):
    """One page as fetched or imported; the bytes are in the blob store."""

    __tablename__ = "captures"
    id: Mapped[int] = mapped_column(primary_key=True)
    crawl_id: Mapped[int | None] = mapped_column(ForeignKey(Crawl.id), index=True)
    marketplace: Mapped[str]
    url: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    outcome: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    address: Mapped[str | None]
    how: Mapped[str]  # "fetched", "imported" or "rendered": fetched, then filled by its own scripts
    captured_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("url", "captured_at"), _one_of("how", "fetched imported rendered"))


class Seller(Table):
    """The account that offers, under the marketplace's own id."""

    __tablename__ = "sellers"
    id: Mapped[int] = mapped_column(primary_key=True)
    marketplace: Mapped[str]
    seller_id: Mapped[str]
    name: Mapped[str]
    url: Mapped[str | None]
    first_seen_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("marketplace", "seller_id"),)


_WAITING = text("examine_at IS NOT NULL")


class Listing(Table):
    """One item's page at a marketplace, under the marketplace's own id, as last seen."""

    __tablename__ = "listings"
    id: Mapped[int] = mapped_column(primary_key=True)
    marketplace: Mapped[str]
    listing_id: Mapped[str]
    url: Mapped[str]
    title: Mapped[str]
    price: Mapped[Decimal | None]
    currency: Mapped[str | None]
    price_raw: Mapped[str | None]
    seller_key: Mapped[int | None] = mapped_column(ForeignKey(Seller.id), index=True)
    capture_id: Mapped[int | None] = mapped_column(ForeignKey(Capture.id))  # the page it was last seen on
    content: Mapped[str] = mapped_column(String(64))  # hash of what a change of which asks for a new examination
    examine_at: Mapped[datetime | None]  # waits to be examined from then on; the durable truth of that queue
    attempts: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str | None]  # why it was parked after the last attempt
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime] = mapped_column(index=True)
    detailed_at: Mapped[datetime | None]  # when its own page was last read; none since a change of content
    examined_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("marketplace", "listing_id"),
        Index("ix_listings_waiting", "examine_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    )


class Picture(Table):
    """A picture ever seen, by the hash of its bytes, with what the detectors made of it."""

    __tablename__ = "pictures"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    failure: Mapped[str | None]  # why it could not be examined
    first_seen_at: Mapped[datetime]


class ListingPicture(Table):
    """One picture address of a listing, and the bytes it led to."""

    __tablename__ = "listing_pictures"
    id: Mapped[int] = mapped_column(primary_key=True)
    listing_key: Mapped[int] = mapped_column(ForeignKey(Listing.id), index=True)
    url: Mapped[str]
    position: Mapped[int]
    sha256: Mapped[str | None] = mapped_column(ForeignKey(Picture.sha256), index=True)
    outcome: Mapped[str | None]  # of the last attempt to get it
    how: Mapped[str | None]  # "fetched" or "imported"
    fetched_at: Mapped[datetime | None]
    __table_args__ = (UniqueConstraint("listing_key", "url"),)


class Match(Table):
    """A detector's finding, kept with every number needed to explain and replay it."""

    __tablename__ = "matches"
    id: Mapped[int] = mapped_column(primary_key=True)
    listing_key: Mapped[int] = mapped_column(ForeignKey(Listing.id), index=True)
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
    __table_args__ = (UniqueConstraint("listing_key", "sha256", "reference_id", "detector", "version"),)


class Case(Table):
    """One seller's alerts, followed together; opened by the first infringing decision."""

    __tablename__ = "cases"
    id: Mapped[int] = mapped_column(primary_key=True)
    seller_key: Mapped[int] = mapped_column(ForeignKey(Seller.id), unique=True)
    opened_at: Mapped[datetime]


class Alert(Table):
    """The request to a person to look: one listing and one work."""

    __tablename__ = "alerts"
    id: Mapped[int] = mapped_column(primary_key=True)
    listing_key: Mapped[int] = mapped_column(ForeignKey(Listing.id))
    work_id: Mapped[int] = mapped_column(ForeignKey(Work.id), index=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey(Case.id), index=True)
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
        Index("ix_alerts_answer_score", "answer", "score"),
        _one_of("priority", "urgent high normal low"),
        _one_of("answer", "infringing licensed not-a-match unsure"),
    )


class Evidence(Table):
    """What was seen, when, under which SHA-256."""

    __tablename__ = "evidence"
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey(Alert.id), index=True)
    kind: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    url: Mapped[str]
    how: Mapped[str]
    seen_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("alert_id", "kind", "sha256", "url"),
        _one_of("kind", "page picture facts"),
    )


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
        _one_of("state", "draft approved exported cancelled"),
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


class Digest(Table):
    """A summary made for readers, and whether it left."""

    __tablename__ = "digests"
    id: Mapped[int] = mapped_column(primary_key=True)
    until_at: Mapped[datetime] = mapped_column(unique=True)  # everything up to here is in it or an earlier one
    alerts: Mapped[int]
    folder: Mapped[str]
    mailed_at: Mapped[datetime | None]


class Host(Table):
    """What is known of one host: its pace, its robots.txt, its health. Shared by all processes."""

    __tablename__ = "hosts"
    host: Mapped[str] = mapped_column(primary_key=True)  # "host:port", lower case
    next_allowed_at: Mapped[datetime | None]
    blocked_until: Mapped[datetime | None]
    block_count: Mapped[int] = mapped_column(default=0)
    slow_s: Mapped[float] = mapped_column(default=0.0)  # seconds between requests that its answers taught us; 0: none
    robots: Mapped[bytes | None]
    robots_status: Mapped[int | None]
    robots_fetched_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    outcome_at: Mapped[datetime | None]
    healthy_at: Mapped[datetime | None]


class HostHour(Table):
    """How often a host was asked in one hour, for its daily budget."""

    __tablename__ = "host_hours"
    host: Mapped[str] = mapped_column(primary_key=True)
    hour_at: Mapped[datetime] = mapped_column(primary_key=True)
    requests: Mapped[int]


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


class ApiToken(Table):
    """A secret by which a program, such as the browser extension, may send pages; only its hash is kept."""

    __tablename__ = "api_tokens"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
