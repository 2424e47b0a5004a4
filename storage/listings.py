"""Listings, their sellers and pictures: what the crawlers bring and the detectors look at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, cast

from sqlalchemy import Dialect, Table, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from detectors import model
from storage.bulk import Prepared, is_among, many, reserve_ids
from storage.errors import NotFound
from storage.tables import Capture, Listing, ListingPicture, Picture, Seller
from storage.upsert import dialect_of, insert_on, take_turn

_LOCK = 7_216_002  # two searches that find the same listings at once would wait for each other's rows for ever
_FIRST_DELAY = timedelta(minutes=5)  # before the second attempt at an examination; four times that before the third

# Said once: making a statement takes SQLAlchemy longer than running it, and each of these runs for every listing.
_listings, _addresses = cast("Table", Listing.__table__), cast("Table", ListingPicture.__table__)
_sellers = cast("Table", Seller.__table__)
_SAID = ("marketplace", "listing_id", "url", "title", "price", "currency", "price_raw")
_NEW = (
    *("id", *_SAID, "seller_key", "content"),
    *("capture_id", "first_capture_id", "examine_at", "attempts", "first_seen_at", "last_seen_at"),
)
_NEW_SELLER = ("id", "marketplace", "seller_id", "name", "url", "first_seen_at")
_SEEN = (
    select(Listing, Seller, Capture.url, Capture.how)
    .outerjoin(Seller, Seller.id == Listing.seller_key)
    .outerjoin(Capture, Capture.id == Listing.capture_id)
    .where(Listing.id == bindparam("key"))
)
_PICTURES = (
    select(ListingPicture)
    .where(ListingPicture.listing_key == bindparam("key"))
    .order_by(ListingPicture.position, ListingPicture.id)
)


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
    rows = await _known(session, _listings, ("id", "content"), list(once))
    known = {key: rows[key] for key in once if key in rows}
    fresh = {key: (listing, _content(listing)) for key, listing in once.items() if key not in known}
    ids = {key: row.id for key, row in known.items()} | await _insert(session, fresh, sellers, capture_id, now)
    new_content = {key: _content(once[key]) for key in known}
    changed = {key: content for key, content in new_content.items() if content != known[key].content}
    seen = {"last_seen_at": now} | ({"capture_id": capture_id} if capture_id else {})
    await _update(session, [_said(ids[key], once[key], sellers) for key in known if key not in changed], seen)
    again = [_said(ids[key], once[key], sellers) | {"content": content} for key, content in changed.items()]
    await _update(session, again, seen | _to_examine(now))
    await _add_pictures(session, [(ids[key], listing.image_urls) for key, listing in once.items()])
    return Recorded(
        tuple(ids[key] for key in fresh), tuple(ids[key] for key in changed), tuple(ids[key] for key in once)
    )


async def add_details(
    session: AsyncSession, row: Listing, listing: model.Listing, capture_id: int, now: datetime
) -> None:
    """Merge what the item's own page shows more than the search page did: seller, price, more pictures."""
    await take_turn(session, _LOCK)
    sellers = await _record_sellers(session, [listing], now)
    seen = {"last_seen_at": now, "capture_id": capture_id, "detailed_at": now}
    await _update(session, [_said(row.id, listing, sellers)], seen)
    await _add_pictures(session, [(row.id, listing.image_urls)])


async def add_picture_urls(session: AsyncSession, listing_key: int, urls: Sequence[str]) -> None:
    """Append picture addresses that the listing did not have; the order of appearance is kept."""
    await _add_pictures(session, [(listing_key, urls)])


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


async def get_seen(session: AsyncSession, listing_key: int) -> tuple[Listing, Seller | None, str | None]:
    """One listing, who offers it, and the page that it was last seen on, by which the fetcher judges where it may lead.

    The page is empty if it was saved by hand, and None if there is none: the operator gave the listing's address.

    Raises:
        NotFound: There is no such listing.
    """
    found = (await session.execute(_SEEN, {"key": listing_key})).one_or_none()
    if found is None:
        raise NotFound(f"no listing {listing_key}")
    row, seller, url, how = found
    return row, seller, url if how in (None, "fetched") else ""


async def get_seller(session: AsyncSession, row: Listing) -> Seller | None:
    """Who offers the listing, where a page said so."""
    return await session.get(Seller, row.seller_key) if row.seller_key else None


async def pictures_of(session: AsyncSession, listing_key: int) -> list[ListingPicture]:
    """The listing's picture addresses, the main one first."""
    return list(await session.scalars(_PICTURES, {"key": listing_key}))


@dataclass(frozen=True, slots=True)
class Link:
    """Which bytes a picture address led to, how they came, and why they could not be examined, if so.

    ``head`` is what `monitor.heads.head_of` says of the answer, or who brought the picture in.
    """

    picture_id: int
    sha256: str
    how: str
    at: datetime
    failure: str | None = None
    head: Mapping[str, Any] = field(default_factory=dict)


async def link_pictures(session: AsyncSession, links: Sequence[Link], now: datetime) -> None:
    """Say which bytes pictures' addresses led to."""
    if not links:
        return
    kept = {link.sha256: {"sha256": link.sha256, "failure": link.failure, "first_seen_at": now} for link in links}
    await session.execute(_kept_picture(dialect_of(session)), [kept[sha256] for sha256 in sorted(kept)])
    ok = model.Outcome.OK.value
    rows = [
        {
            "key": link.picture_id,
            "sha256": link.sha256,
            "outcome": ok,
            "how": link.how,
            "fetched_at": link.at,
            "head": dict(link.head),
        }
        for link in links
    ]
    connection = await session.connection()
    await connection.execute(_picture_update(frozenset(rows[0]) - {"key"}), rows)


async def note_picture_outcome(session: AsyncSession, picture_id: int, outcome: model.Outcome, now: datetime) -> None:
    """Say that an address gave no picture this time."""
    said = {"outcome": outcome.value, "fetched_at": now}
    await session.execute(_picture_update(frozenset(said)), {"key": picture_id, **said})


@cache
def _picture_update(fields: frozenset[str]) -> Any:
    return (
        update(_addresses).where(_addresses.c.id == bindparam("key")).values({name: bindparam(name) for name in fields})
    )


async def waiting_ids(session: AsyncSession, now: datetime, limit: int) -> list[int]:
    """Listings whose examination is due, longest waiting first; parked ones are not among them."""
    due = select(Listing.id).where(Listing.examine_at <= now, Listing.failure.is_(None))
    return list(await session.scalars(due.order_by(Listing.examine_at, Listing.id).limit(limit)))


async def finish_examination(session: AsyncSession, listing_key: int, now: datetime) -> None:
    """The listing needs no further look until it changes."""
    done = {"examine_at": None, "attempts": 0, "failure": None, "examined_at": now}
    await _update(session, [{"key": listing_key}], done)


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


async def parked_listings(session: AsyncSession, limit: int) -> list[Listing]:
    """The listings that were set aside after failures, the newest first."""
    parked = select(Listing).where(Listing.failure.is_not(None)).order_by(Listing.last_seen_at.desc(), Listing.id)
    return list(await session.scalars(parked.limit(limit)))


async def count_parked(session: AsyncSession) -> int:
    """How many listings were set aside after failures."""
    return await session.scalar(select(func.count(Listing.id)).where(Listing.failure.is_not(None))) or 0


async def retry_parked(session: AsyncSession, now: datetime, keys: Sequence[int] | None = None) -> int:
    """Give parked listings, all or those named, their attempts back, at once; how many there were."""
    chosen = select(Listing.id).where(Listing.failure.is_not(None))
    parked = list(await session.scalars(chosen if keys is None else chosen.where(Listing.id.in_(keys))))
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


async def _known(
    session: AsyncSession, table: Table, fields: tuple[str, ...], keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Any]:
    """The rows of listings or sellers that are known, by their marketplace and its own id of them."""
    dialect, connection = dialect_of(session), await session.connection()
    found: dict[tuple[str, str], Any] = {}
    for site in dict.fromkeys(marketplace for marketplace, _ in keys):
        wanted = many(dialect, [number for marketplace, number in keys if marketplace == site])
        for row in await connection.execute(_by_own_id(dialect, table, fields), {"site": site, "wanted": wanted}):
            found[site, row[0]] = row
    return found


@cache
def _by_own_id(dialect: str, table: Table, fields: tuple[str, ...]) -> Any:
    own_id = table.c.listing_id if table is _listings else table.c.seller_id
    return select(own_id, *(table.c[name] for name in fields)).where(
        table.c.marketplace == bindparam("site"), is_among(dialect, own_id, "wanted")
    )


async def _insert(
    session: AsyncSession,
    fresh: Mapping[tuple[str, str], tuple[model.Listing, str]],
    sellers: Mapping[tuple[str, str], int],
    capture_id: int | None,
    now: datetime,
) -> dict[tuple[str, str], int]:
    """Row ids of new listings; ``fresh`` holds each with the hash of its content."""
    if not fresh:
        return {}
    listings = [listing for listing, _ in fresh.values()]
    ids = await reserve_ids(session, _listings, len(listings))
    columns = {
        "id": ids,
        "content": [content for _, content in fresh.values()],
        "seller_key": [one.seller and sellers[one.marketplace, one.seller.seller_id] for one in listings],
    }
    columns |= dict(zip(_SAID, zip(*map(attrgetter(*_SAID), listings), strict=True), strict=True))
    times = {"examine_at": now, "first_seen_at": now, "last_seen_at": now}
    same = {"capture_id": capture_id, "first_capture_id": capture_id, "attempts": 0, **times}
    await _prepared(session, _listings, _NEW).run(session, columns, same)
    return dict(zip(fresh, ids, strict=True))


async def _update(session: AsyncSession, rows: Sequence[Mapping[str, Any]], same: Mapping[str, Any]) -> None:
    """Set in listings what each row gives, under the id that is its ``key``, and what is the same for all of them."""
    alike: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        alike.setdefault(tuple(row), []).append(row)
    for fields, several in alike.items():
        columns = {name: [row[name] for row in several] for name in fields}
        await _prepared(session, _listings, (*fields, *same)).run(session, columns, same)


def _prepared(session: AsyncSession, table: Table, fields: tuple[str, ...]) -> Prepared:
    """An INSERT of these columns, which leaves known picture addresses alone; with ``key``, an UPDATE under that id."""
    return _prepare(session.get_bind().dialect, table, fields)


@lru_cache(maxsize=64)  # a dialect is its engine's own; there are one or two, and in tests hundreds
def _prepare(dialect: Dialect, table: Table, fields: tuple[str, ...]) -> Prepared:
    given: dict[str, Any] = {name: bindparam(name) for name in fields if name != "key"}
    if len(given) < len(fields):
        return Prepared(update(table).where(table.c.id == bindparam("key")).values(given), dialect)
    adding = insert_on(dialect.name, table).values(given)
    return Prepared(adding.on_conflict_do_nothing() if table is _addresses else adding, dialect)


async def _add_pictures(session: AsyncSession, several: Iterable[tuple[int, Sequence[str]]]) -> None:
    shown = [(key, url, at) for key, urls in several for at, url in enumerate(urls)]  # a repeated one changes nothing
    if shown:
        columns = dict(zip(("listing_key", "url", "position"), zip(*shown, strict=True), strict=True))
        # No bytes have come yet: the head is empty.
        await _prepared(session, _addresses, (*columns, "head")).run(session, columns, {"head": {}})


@cache
def _kept_picture(dialect: str) -> Any:
    insert = insert_on(dialect, Picture.__table__)
    return insert.on_conflict_do_update(index_elements=["sha256"], set_={"failure": insert.excluded.failure})


async def _record_sellers(
    session: AsyncSession, listings: Iterable[model.Listing], now: datetime
) -> dict[tuple[str, str], int]:
    """Row ids by (marketplace, seller id); a changed display name is taken over, the id stays."""
    offering = {(item.marketplace, item.seller.seller_id): item.seller for item in listings if item.seller}
    known = await _known(session, _sellers, ("id", "name", "url"), list(offering))
    for key, row in known.items():
        said = {"name": offering[key].name, "url": offering[key].url or row.url}
        if said != {"name": row.name, "url": row.url}:
            await session.execute(update(Seller).where(Seller.id == row.id).values(said))
    fresh = {key: account for key, account in offering.items() if key not in known}
    ids = await reserve_ids(session, _sellers, len(fresh)) if fresh else ()
    if fresh:
        columns = {"id": ids, "marketplace": [site for site, _ in fresh], "seller_id": [number for _, number in fresh]}
        columns |= {name: [getattr(account, name) for account in fresh.values()] for name in ("name", "url")}
        await _prepared(session, _sellers, _NEW_SELLER).run(session, columns, {"first_seen_at": now})
    return {key: row.id for key, row in known.items()} | dict(zip(fresh, ids, strict=True))


def _said(key: int, listing: model.Listing, sellers: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """What a page says of a listing, for its row; what it does not say stays as it is."""
    said: dict[str, Any] = {"key": key, "url": listing.url, "title": listing.title}
    if listing.price is not None:
        said |= {"price": listing.price, "currency": listing.currency, "price_raw": listing.price_raw}
    if listing.seller:
        said["seller_key"] = sellers[listing.marketplace, listing.seller.seller_id]
    return said


def _to_examine(now: datetime) -> dict[str, Any]:
    return {"examine_at": now, "attempts": 0, "failure": None, "detailed_at": None}


def _content(listing: model.Listing) -> str:
    """A hash of what the detectors and the reviewer judge by; a price alone asks for no new look."""
    return hashlib.sha256("\0".join([listing.title, *listing.image_urls]).encode()).hexdigest()
