"""What is searched, and what was seen: pages, sellers, listings, pictures, hosts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Table, one_of


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
    canary: Mapped[bool] = mapped_column(default=False)  # its keyword is asked to see whether the site still shows all
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
    """One page as fetched or imported; the bytes are in the blob store.

    PostgreSQL parts them by months (`storage.months`). A key that others point to would have to hold the time, so the
    database does not bind those who do: `storage.invariants` asks.
    """

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
    head: Mapped[dict[str, Any]] = mapped_column(default=dict)  # of the answer, secrets left out; or who brought it
    screenshot: Mapped[str | None] = mapped_column(String(64))  # SHA-256 of a picture of the page as it was shown
    captured_at: Mapped[datetime]
    purged_at: Mapped[datetime | None]  # its bytes are no longer kept since then; their hash is
    __table_args__ = (
        UniqueConstraint("url", "captured_at"),
        Index("ix_captures_captured_at", "captured_at", "outcome"),  # how many of which outcome in a period
        one_of("how", "fetched imported rendered"),
    )


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
_PARKED = text("failure IS NOT NULL")
_FETCHED = text("sha256 IS NOT NULL")


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
    capture_id: Mapped[int | None]  # the page it was last seen on
    first_capture_id: Mapped[int | None]  # the page that showed it first
    content: Mapped[str] = mapped_column(String(64))  # hash of what a change of which asks for a new examination
    examine_at: Mapped[datetime | None]  # waits to be examined from then on; the durable truth of that queue
    attempts: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str | None]  # why it was parked after the last attempt
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    detailed_at: Mapped[datetime | None]  # when its own page was last read; none since a change of content
    examined_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("marketplace", "listing_id"),
        Index("ix_listings_waiting", "examine_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_listings_parked", "last_seen_at", "id", sqlite_where=_PARKED, postgresql_where=_PARKED),
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
    listing_key: Mapped[int] = mapped_column(ForeignKey(Listing.id))  # found by the unique key below
    url: Mapped[str]
    position: Mapped[int]
    sha256: Mapped[str | None] = mapped_column(ForeignKey(Picture.sha256))
    outcome: Mapped[str | None]  # of the last attempt to get it
    how: Mapped[str | None]  # "fetched" or "imported"
    head: Mapped[dict[str, Any]] = mapped_column(default=dict)  # as of a capture
    fetched_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("listing_key", "url"),
        # Of those that led to bytes: most pages bring addresses that are yet to be fetched.
        Index("ix_listing_pictures_sha256", "sha256", sqlite_where=_FETCHED, postgresql_where=_FETCHED),
    )


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
