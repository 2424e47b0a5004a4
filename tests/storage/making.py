"""Rows for storage tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Confidence, Listing, Match, Priority, PriorityLevel, Seller, Verdict
from storage import tables
from storage.alerts import raise_alert, record_matches
from storage.listings import Link, link_pictures, pictures_of, record_listings
from storage.works import add_reference, add_work, set_owner

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SHA = "ab" * 32


def listing(number: int = 1, **changes: object) -> Listing:
    base = Listing(
        marketplace="bazaar",
        listing_id=str(number),
        url=f"https://bazaar.example/item/{number}",
        title=f"Pin {number}",
        price=Decimal("4.90"),
        currency="EUR",
        price_raw="€4.90",
        image_urls=(f"https://bazaar.example/{number}.jpg",),
        seller=Seller("s1", "Shop One", "https://bazaar.example/s1"),
    )
    return base._replace(**changes)  # type: ignore[arg-type]


async def add_a_work(session: AsyncSession, title: str = "Moth") -> tuple[tables.Work, tables.Reference]:
    owner = await set_owner(session, NOW, "mira", "Mira Moss", {"email": "mira@example.org", "country": "DE"})
    work = await add_work(session, NOW, "mira", owner.id, title)
    reference = await add_reference(session, work.id, SHA, "moth.png", b"description", NOW, "mira")
    assert reference is not None
    return work, reference


def match(work_id: int, reference_id: int, **changes: object) -> Match:
    base = Match(work_id, reference_id, "phash", 1, threshold=62.0, distance_bits=4)
    return replace(base, **changes)  # type: ignore[arg-type]


def verdict(*matches: Match) -> Verdict:
    return Verdict(matches[0].work_id, Confidence.HIGH, 0.98, matches, ("phash finds it",))


PRIORITY = Priority(PriorityLevel.HIGH, 70, ("+70 for a reason",))


async def add_an_alert(session: AsyncSession, number: int = 1, title: str = "Moth", sha256: str = SHA) -> tables.Alert:
    """A work, a listing with one examined picture, a match and its alert."""
    work, reference = await add_a_work(session, title) if title else (None, None)
    assert work is not None
    assert reference is not None
    return await add_alert_of(session, work.id, reference.id, number, sha256)


async def add_alert_of(
    session: AsyncSession,
    work_id: int,
    reference_id: int,
    number: int,
    sha256: str = SHA,
    suppressed: str | None = None,
) -> tables.Alert:
    (key,) = (await record_listings(session, [listing(number)], None, NOW)).seen
    (picture,) = await pictures_of(session, key)
    await link_pictures(session, [Link(picture.id, sha256, "fetched", NOW)], NOW)
    found = match(work_id, reference_id)
    await record_matches(session, key, sha256, [found], NOW)
    alert, _ = await raise_alert(session, key, verdict(found), PRIORITY, suppressed, NOW)
    return alert
