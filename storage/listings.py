"""Listings, their sellers and pictures: what the crawlers bring and the detectors look at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, cast

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Dialect,
    Select,
    Table,
    bindparam,
    func,
    literal_column,
    null,
    select,
    union_all,
    update,
)
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
    return await (await session.connection()).run_sync(_record_listings, listings, capture_id, now)


def _record_listings(
    connection: Connection, listings: Sequence[model.Listing], capture_id: int | None, now: datetime
) -> Recorded:
    once = {(listing.marketplace, listing.listing_id): listing for listing in listings}
    offering = _offering(once.values())
    rows, accounts = _known(connection, once, offering)
    known = {key: rows[key] for key in once if key in rows}
    fresh = {key: listing for key, listing in once.items() if key not in known}
    content = {key: _content(listing) for key, listing in once.items()}
    new = {_sellers: len(offering) - len(accounts), _listings: len(fresh)}
    new_seller_ids, new_ids = reserve_ids(connection, new) if any(new.values()) else ((), ())
    sellers = _record_sellers(connection, offering, accounts, new_seller_ids, now)
    _insert(connection, new_ids, fresh, content, sellers, capture_id, now)
    ids = {key: row.id for key, row in known.items()} | dict(zip(fresh, new_ids, strict=True))
    changed = {key: content[key] for key, row in known.items() if content[key] != row.said}
    seen = {"last_seen_at": now} | ({"capture_id": capture_id} if capture_id else {})
    _update(connection, [_said(ids[key], once[key], sellers) for key in known if key not in changed], seen)
    again = [_said(ids[key], once[key], sellers) | {"content": said} for key, said in changed.items()]
    _update(connection, again, seen | _to_examine(now))
    _add_pictures(connection, [(ids[key], listing.image_urls) for key, listing in once.items()])
    return Recorded(tuple(new_ids), tuple(ids[key] for key in changed), tuple(ids[key] for key in once))


async def add_details(
    session: AsyncSession, row: Listing, listing: model.Listing, capture_id: int, now: datetime
) -> None:
    """Merge what the item's own page shows more than the search page did: seller, price, more pictures."""
    await take_turn(session, _LOCK)
    await (await session.connection()).run_sync(_add_details, row.id, listing, capture_id, now)


def _add_details(connection: Connection, key: int, listing: model.Listing, capture_id: int, now: datetime) -> None:
    offering = _offering([listing])
    _, accounts = _known(connection, (), offering)
    new_ids = reserve_ids(connection, {_sellers: 1})[0] if len(accounts) < len(offering) else ()
    sellers = _record_sellers(connection, offering, accounts, new_ids, now)
    seen = {"last_seen_at": now, "capture_id": capture_id, "detailed_at": now}
    _update(connection, [_said(key, listing, sellers)], seen)
    _add_pictures(connection, [(key, listing.image_urls)])


async def add_picture_urls(session: AsyncSession, listing_key: int, urls: Sequence[str]) -> None:
    """Append picture addresses that the listing did not have; the order of appearance is kept."""
    await (await session.connection()).run_sync(_add_pictures, [(listing_key, urls)])


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
    await (await session.connection()).run_sync(_update, [{"key": listing_key}], done)


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


def _known(
    connection: Connection, listings: Iterable[tuple[str, str]], sellers: Iterable[tuple[str, str]]
) -> tuple[dict[tuple[str, str], Any], dict[tuple[str, str], Any]]:
    """The rows of these listings and sellers that are known, by their marketplace and its own id of them.

    What a row has ``said`` is a listing's content, a seller's name.
    """
    dialect = connection.dialect.name
    wanted: dict[str, tuple[list[str], list[str]]] = {}
    for kind, keys in enumerate((listings, sellers)):
        for site, number in keys:
            wanted.setdefault(site, ([], []))[kind].append(number)
    found: tuple[dict[tuple[str, str], Any], dict[tuple[str, str], Any]] = ({}, {})
    for site, numbers in wanted.items():
        given = {"site": site, "listings": many(dialect, numbers[0]), "sellers": many(dialect, numbers[1])}
        for row in connection.execute(_by_own_ids(dialect), given):
            found[row.kind][site, row.number] = row
    return found


@cache
def _by_own_ids(dialect: str) -> Any:
    listing, seller = _listings.c, _sellers.c
    site: BindParameter[str] = bindparam("site")
    listings = _as_known(0, listing.listing_id, listing.id, listing.content, null())
    sellers = _as_known(1, seller.seller_id, seller.id, seller.name, seller.url)
    return union_all(
        listings.where(listing.marketplace == site, is_among(dialect, listing.listing_id, "listings")),
        sellers.where(seller.marketplace == site, is_among(dialect, seller.seller_id, "sellers")),
    )


def _as_known(kind: int, *columns: ColumnElement[Any]) -> Select[Any]:
    names = ("kind", "number", "id", "said", "url")
    return select(*map(ColumnElement.label, (literal_column(f"{kind}"), *columns), names))


def _insert(
    connection: Connection,
    ids: Sequence[int],
    fresh: Mapping[tuple[str, str], model.Listing],
    content: Mapping[tuple[str, str], str],
    sellers: Mapping[tuple[str, str], int],
    capture_id: int | None,
    now: datetime,
) -> None:
    """Add new listings under reserved ids; ``content`` holds the hash of each one's content."""
    if not fresh:
        return
    columns = {
        "id": ids,
        "content": [content[key] for key in fresh],
        "seller_key": [one.seller and sellers[one.marketplace, one.seller.seller_id] for one in fresh.values()],
    }
    columns |= dict(zip(_SAID, zip(*map(attrgetter(*_SAID), fresh.values()), strict=True), strict=True))
    times = {"examine_at": now, "first_seen_at": now, "last_seen_at": now}
    same = {"capture_id": capture_id, "first_capture_id": capture_id, "attempts": 0, **times}
    _run(connection, _listings, columns, same)


def _update(connection: Connection, rows: Sequence[Mapping[str, Any]], same: Mapping[str, Any]) -> None:
    """Set in listings what each row gives, under the id that is its ``key``, and what is the same for all of them."""
    alike: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        alike.setdefault(tuple(row), []).append(row)
    for fields, several in alike.items():
        _run(connection, _listings, {name: [row[name] for row in several] for name in fields}, same)


def _run(connection: Connection, table: Table, columns: Mapping[str, Sequence[Any]], same: Mapping[str, Any]) -> None:
    """An INSERT of these columns, which leaves known picture addresses alone; with ``key``, an UPDATE under that id."""
    _prepare(connection.dialect, table, tuple(columns), tuple(same)).run(connection, columns, same)


@lru_cache(maxsize=64)  # a dialect is its engine's own; there are one or two, and in tests hundreds
def _prepare(dialect: Dialect, table: Table, own: tuple[str, ...], same: tuple[str, ...]) -> Prepared:
    given: dict[str, Any] = {name: bindparam(name) for name in (*own, *same) if name != "key"}
    if "key" in own:
        return Prepared(update(table).where(table.c.id == bindparam("key")).values(given), dialect, same)
    adding = insert_on(dialect.name, table).values(given)
    return Prepared(adding.on_conflict_do_nothing() if table is _addresses else adding, dialect, same)


def _add_pictures(connection: Connection, several: Iterable[tuple[int, Sequence[str]]]) -> None:
    shown = [(key, url, at) for key, urls in several for at, url in enumerate(urls)]  # a repeated one changes nothing
    if shown:
        columns = dict(zip(("listing_key", "url", "position"), zip(*shown, strict=True), strict=True))
        _run(connection, _addresses, columns, {"head": {}})  # no bytes have come yet


@cache
def _kept_picture(dialect: str) -> Any:
    insert = insert_on(dialect, Picture.__table__)
    return insert.on_conflict_do_update(index_elements=["sha256"], set_={"failure": insert.excluded.failure})


def _offering(listings: Iterable[model.Listing]) -> dict[tuple[str, str], model.Seller]:
    return {(item.marketplace, item.seller.seller_id): item.seller for item in listings if item.seller}


def _record_sellers(
    connection: Connection,
    offering: Mapping[tuple[str, str], model.Seller],
    known: Mapping[tuple[str, str], Any],
    new_ids: Sequence[int],
    now: datetime,
) -> dict[tuple[str, str], int]:
    """Row ids by (marketplace, seller id); a changed display name is taken over, the id stays."""
    for key, row in known.items():
        said = {"name": offering[key].name, "url": offering[key].url or row.url}
        if said != {"name": row.said, "url": row.url}:
            connection.execute(update(_sellers).where(_sellers.c.id == row.id).values(said))
    fresh = {key: account for key, account in offering.items() if key not in known}
    if fresh:
        columns = {"id": new_ids, "marketplace": [site for site, _ in fresh], "seller_id": [one for _, one in fresh]}
        columns |= {name: [getattr(account, name) for account in fresh.values()] for name in ("name", "url")}
        _run(connection, _sellers, columns, {"first_seen_at": now})
    return {key: row.id for key, row in known.items()} | dict(zip(fresh, new_ids, strict=True))


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
    return hashlib.blake2s("\0".join([listing.title, *listing.image_urls]).encode()).hexdigest()
