"""Listings, their sellers and pictures: what the crawlers bring and the detectors look at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from detectors import model
from storage.errors import NotFound
from storage.tables import Listing, ListingPicture, Picture, Seller
from storage.upsert import take_turn, upsert

_LOCK = 7_216_002  # two searches that find the same listings at once would wait for each other's rows for ever
_FIRST_DELAY = timedelta(minutes=5)  # before the second attempt at an examination; four times that before the third


@dataclass(frozen=True, slots=True)
class Recorded:
    """Row ids by what became of the listings: never seen before, changed in picture or title, all of them."""

    new: tuple[int, ...]
    changed: tuple[int, ...]
    seen: tuple[int, ...]


async def record_listings(
    session: AsyncSession, listings: Sequence[model.Listing], capture_id: int | None, now: datetime
) -> Recorded:
    """Insert what is new, update what is known; what is new or changed waits to be examined."""
    await take_turn(session, _LOCK)
    once = {(listing.marketplace, listing.listing_id): listing for listing in listings}
    sellers = await _record_sellers(session, once.values(), now)
    known = {(row.marketplace, row.listing_id): row for row in await _known(session, list(once))}
    new, changed, seen = [], [], []
    for key, listing in once.items():
        row = known.get(key)
        content = _content(listing)
        if row is None:
            row = Listing(marketplace=key[0], listing_id=key[1], first_seen_at=now, examine_at=now, content=content)
            session.add(row)
            new.append(row)
        elif row.content != content:
            row.content, row.examine_at = content, now
            row.attempts, row.failure, row.detailed_at = 0, None, None
            changed.append(row)
        _refresh(row, listing, sellers, capture_id, now)
        seen.append(row)
    await session.flush()
    for row, listing in zip(seen, once.values(), strict=True):
        await add_picture_urls(session, row.id, listing.image_urls)
    return Recorded(tuple(row.id for row in new), tuple(row.id for row in changed), tuple(row.id for row in seen))


async def add_details(
    session: AsyncSession, row: Listing, listing: model.Listing, capture_id: int, now: datetime
) -> None:
    """Merge what the item's own page shows more than the search page did: seller, price, more pictures."""
    await take_turn(session, _LOCK)
    sellers = await _record_sellers(session, [listing], now)
    row = await session.merge(row)
    _refresh(row, listing, sellers, capture_id, now)
    row.detailed_at = now
    await add_picture_urls(session, row.id, listing.image_urls)


async def add_picture_urls(session: AsyncSession, listing_key: int, urls: Sequence[str]) -> None:
    """Append picture addresses that the listing did not have; the order of appearance is kept."""
    if not urls:
        return
    rows = [{"listing_key": listing_key, "url": url, "position": at} for at, url in enumerate(dict.fromkeys(urls))]
    await session.execute(upsert(session, ListingPicture).on_conflict_do_nothing(), rows)


async def get_listing(session: AsyncSession, listing_key: int) -> Listing:
    """One listing by its row id.

    Raises:
        NotFound: There is none.
    """
    row = await session.get(Listing, listing_key)
    if not row:
        raise NotFound(f"no listing {listing_key}")
    return row


async def find_listing(session: AsyncSession, marketplace: str, listing_id: str) -> Listing | None:
    """One listing by the marketplace's own id."""
    return await session.scalar(
        select(Listing).where(Listing.marketplace == marketplace, Listing.listing_id == listing_id)
    )


async def get_seller(session: AsyncSession, row: Listing) -> Seller | None:
    """Who offers the listing, where a page said so."""
    return await session.get(Seller, row.seller_key) if row.seller_key else None


async def pictures_of(session: AsyncSession, listing_key: int) -> list[ListingPicture]:
    """The listing's picture addresses, the main one first."""
    found = select(ListingPicture).where(ListingPicture.listing_key == listing_key)
    return list(await session.scalars(found.order_by(ListingPicture.position, ListingPicture.id)))


async def link_picture(
    session: AsyncSession,
    picture_id: int,
    sha256: str,
    failure: str | None,
    how: str,
    now: datetime,
    head: Mapping[str, Any] | None = None,
) -> None:
    """Say which bytes a picture address led to, how they came, and why they could not be examined, if so.

    Args:
        head: What `monitor.heads.head_of` says of the answer, or who brought the picture in.
    """
    insert = upsert(session, Picture).values(sha256=sha256, failure=failure, first_seen_at=now)
    await session.execute(insert.on_conflict_do_update(index_elements=["sha256"], set_={"failure": failure}))
    came = {"how": how, "fetched_at": now, "head": dict(head or {})}
    await _set_picture(session, picture_id, sha256=sha256, outcome=model.Outcome.OK.value, **came)


async def note_picture_outcome(session: AsyncSession, picture_id: int, outcome: model.Outcome, now: datetime) -> None:
    """Say that an address gave no picture this time."""
    await _set_picture(session, picture_id, outcome=outcome.value, fetched_at=now)


async def _set_picture(session: AsyncSession, picture_id: int, **values: Any) -> None:
    await session.execute(update(ListingPicture).where(ListingPicture.id == picture_id).values(**values))


async def waiting_ids(session: AsyncSession, now: datetime, limit: int) -> list[int]:
    """Listings whose examination is due, longest waiting first; parked ones are not among them."""
    due = select(Listing.id).where(Listing.examine_at <= now, Listing.failure.is_(None))
    return list(await session.scalars(due.order_by(Listing.examine_at, Listing.id).limit(limit)))


async def finish_examination(session: AsyncSession, listing_key: int, now: datetime) -> None:
    """The listing needs no further look until it changes."""
    done = {"examine_at": None, "attempts": 0, "failure": None, "examined_at": now}
    await session.execute(update(Listing).where(Listing.id == listing_key).values(**done))


async def note_attempt(
    session: AsyncSession,
    listing_key: int,
    reason: str,
    attempts: int,
    now: datetime,
    not_before: datetime | None = None,
) -> None:
    """Count a failed examination and put it off, longer each time; park the listing after ``attempts`` of them.

    Args:
        not_before: When the host that refused us may be asked again, where one did.
    """
    row = await get_listing(session, listing_key)
    row.examine_at = max(now + _FIRST_DELAY * 4**row.attempts, not_before or now)
    row.attempts += 1
    row.failure = reason if row.attempts >= attempts else None


async def retry_parked(session: AsyncSession, now: datetime) -> int:
    """Give every parked listing its attempts back, at once; how many there were."""
    parked = list(await session.scalars(select(Listing.id).where(Listing.failure.is_not(None))))
    again = {"attempts": 0, "failure": None, "examine_at": now}
    await session.execute(update(Listing).where(Listing.id.in_(parked)).values(**again))
    return len(parked)


async def examine_again(session: AsyncSession, now: datetime) -> None:
    """Let every listing with stored pictures be compared anew, as after a change of the works."""
    with_pictures = select(ListingPicture.listing_key).where(ListingPicture.sha256.is_not(None))
    again = {"attempts": 0, "failure": None, "examine_at": now}
    await session.execute(update(Listing).where(Listing.id.in_(with_pictures)).values(**again))


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many listings are known, wait to be examined, and are parked after failures."""

    listings: int
    waiting: int
    parked: int


async def count_backlog(session: AsyncSession) -> Backlog:
    """The state of the queue of listings."""
    counts = select(func.count(Listing.id), func.count(Listing.examine_at), func.count(Listing.failure))
    known, waiting, parked = (await session.execute(counts)).one()
    return Backlog(known, waiting - parked, parked)


async def parked_reasons(session: AsyncSession) -> dict[str, int]:
    """Why listings are parked, and how many for each reason."""
    rows = await session.execute(
        select(Listing.failure, func.count()).where(Listing.failure.is_not(None)).group_by(Listing.failure)
    )
    return {reason: count for reason, count in rows if reason}


async def _known(session: AsyncSession, keys: Sequence[tuple[str, str]]) -> Sequence[Listing]:
    identity = tuple_(Listing.marketplace, Listing.listing_id)
    return (await session.scalars(select(Listing).where(identity.in_(keys)))).all()


async def _record_sellers(
    session: AsyncSession, listings: Iterable[model.Listing], now: datetime
) -> dict[tuple[str, str], int]:
    """Row ids by (marketplace, seller id); a changed display name is taken over, the id stays."""
    sellers = {(item.marketplace, item.seller.seller_id): item.seller for item in listings if item.seller}
    if not sellers:
        return {}
    insert = upsert(session, Seller)
    newest = {"name": insert.excluded.name, "url": func.coalesce(insert.excluded.url, Seller.url)}
    rows = [
        {"marketplace": marketplace, "seller_id": seller_id, "name": s.name, "url": s.url, "first_seen_at": now}
        for (marketplace, seller_id), s in sorted(sellers.items(), key=lambda item: item[0])
    ]
    await session.execute(insert.on_conflict_do_update(index_elements=["marketplace", "seller_id"], set_=newest), rows)
    identity = tuple_(Seller.marketplace, Seller.seller_id)
    found = await session.execute(
        select(Seller.marketplace, Seller.seller_id, Seller.id).where(identity.in_(list(sellers)))
    )
    return {(marketplace, seller_id): key for marketplace, seller_id, key in found}


def _refresh(
    row: Listing,
    listing: model.Listing,
    sellers: dict[tuple[str, str], int],
    capture_id: int | None,
    now: datetime,
) -> None:
    row.url, row.title, row.last_seen_at = listing.url, listing.title, now
    row.capture_id = capture_id or row.capture_id
    if listing.price is not None:
        row.price, row.currency, row.price_raw = listing.price, listing.currency, listing.price_raw
    if listing.seller:
        row.seller_key = sellers[(listing.marketplace, listing.seller.seller_id)]


def _content(listing: model.Listing) -> str:
    """A hash of what the detectors and the reviewer judge by; a price alone asks for no new look."""
    return hashlib.sha256(json.dumps([listing.title, listing.image_urls]).encode()).hexdigest()
