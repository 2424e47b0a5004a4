"""Makes one's own shop known: its goods become works with references, prices and proofs of publication, itself allowed.

A Shopify or WooCommerce shop, one that describes its goods as schema.org says, or an Etsy shop by its API; or pages
saved from one. Reading it again adds only what is new.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Listing, Outcome
from detectors.rights import FirstPublication, RightKind
from monitor.crawl import Reading, capture_of
from monitor.daemon import Parts
from monitor.errors import FetchError, ImportRefused
from monitor.importing import page_files
from monitor.marketplaces.base import Page, Query, Request
from monitor.marketplaces.shops import under_its_shop
from monitor.marketplaces.urls import host_of, on_host
from monitor.registry.pictures import register_image
from monitor.registry.rights import new_right
from monitor.saved.pictures import SavedPictures, pictures_for, read_file
from storage.cases import allow_seller, allowed_reason
from storage.rights import add_publication, add_right, publications_of, rights_of, work_published_at
from storage.tables import Owner, Publication
from storage.works import edit_work, find_reference, find_title, references

SHOPS = ("shopify", "woocommerce", "generic-jsonld", "etsy")
_ANYWHERE = SHOPS[:3]
_SHOWS_LITTLE = frozenset({"etsy", "generic-jsonld"})  # their lists show one picture and no date
_LARGEST_PAGE = 50_000_000
_LARGEST_PICTURE = 30_000_000
_LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """How a shop is to be taken in.

    Attributes:
        pages: Of the shop's list, at most.
        pictures: Of one product, at most.
        currency: Of prices whose page does not say it.
        rights: Whether a work whose first publication the shop states gets an unregistered copyright.
    """

    marketplace: str | None = None
    shop_id: str = ""
    pages: int = 20
    pictures: int = 5
    currency: str | None = None
    rights: bool = False
    dry: bool = False


@dataclass(frozen=True, slots=True)
class Goods:
    """One product of the shop, as a page shows it."""

    listing: Listing
    page_url: str
    sha256: str  # of the page as stored
    seen_at: datetime
    published: date | None = None
    beside: Mapping[str, Path | bytes] = field(default_factory=dict)  # pictures saved with the page, by address

    def pictures(self, most: int) -> list[str]:
        """The addresses of its pictures, those saved with the page first."""
        return list(dict.fromkeys((*self.beside, *self.listing.image_urls)))[:most]


@dataclass(slots=True)
class Taken:
    """What became of one product."""

    title: str
    url: str
    new: bool = False  # a work that was not known
    pictures: int = 0  # new references
    known: int = 0
    proof: bool = False  # a proof of publication that was not kept yet
    price: str = ""
    right: str = ""
    problems: list[str] = field(default_factory=list)


async def read_shop(parts: Parts, url: str, wish: Wish) -> list[Goods]:
    """Every product that a shop shows, fetched at its pace.

    Raises:
        ImportRefused: Its goods cannot be read; the message says what was tried.
        FetchError: No contact is set, or the address must not be fetched.
        TryLater: Nothing can be fetched now.
    """
    tried = []
    for name in [wish.marketplace] if wish.marketplace else _candidates(url):
        request = _first_request(parts, name, url, wish.shop_id)
        if request is None:
            tried.append(f"{name}: {parts.marketplaces[name].hint or 'no such address'}")
            continue
        reading = await parts.reader.read(request, name)
        if reading.parsed.outcome is Outcome.OK:
            return await _all_goods(parts, name, request, reading, wish)
        tried.append(f"{name}: {reading.parsed.outcome.value} {reading.capture.reason}".strip())
    raise ImportRefused(f"{url}: no goods could be read ({'; '.join(tried)}); save its pages and hand in their folder")


async def read_saved(parts: Parts, path: Path, url: str, wish: Wish) -> list[Goods]:
    """Every product on saved pages of a shop, or in its saved ``products.json``.

    Args:
        url: The shop's address, for pages that do not tell their own.

    Raises:
        ImportRefused: No page shows goods, or a file cannot be read.
    """
    goods: list[Goods] = []
    for file in page_files([path]):
        body = await asyncio.to_thread(read_file, file, _LARGEST_PAGE)
        page = Page(url or "about:blank", body, fetched_at=parts.clock.now())
        parsed = under_its_shop(await parts.sandbox.parse(page, wish.marketplace), page.url, parts.marketplaces)
        capture = await capture_of(parts.blobs, page, parsed, "imported", parts.clock.now())
        find = SavedPictures.beside(file).told_apart_by_name(parsed).find
        for one in parsed.listings:
            beside = pictures_for(one, parsed, find)
            published = parsed.published.get(one.listing_id)
            goods.append(Goods(one, url, capture.sha256, capture.captured_at, published, beside))
    if not goods:
        raise ImportRefused(f"{path}: no saved page shows goods; give the shop's address with --url")
    return goods


def _candidates(url: str) -> Sequence[str]:
    return ("etsy",) if on_host(host_of(url), frozenset({"etsy.com"})) else _ANYWHERE


def _first_request(parts: Parts, name: str, url: str, shop_id: str) -> Request | None:
    site = parts.marketplaces[name]
    if name == "etsy":
        return site.query_request(Query(seller=shop_id)) if shop_id else None
    place = urlsplit(url)
    shop = url if name == "generic-jsonld" else f"{place.scheme}://{place.netloc}"
    return site.query_request(Query(shop=shop))


async def _all_goods(parts: Parts, name: str, first: Request, reading: Reading, wish: Wish) -> list[Goods]:
    goods: dict[str, Goods] = {}
    asked = {first.url}
    for _ in range(wish.pages):
        for one in reading.parsed.listings:
            goods.setdefault(one.listing_id, _goods(reading, one))
        url = reading.parsed.next
        if url is None or url in asked:
            break
        asked.add(url)
        reading = await parts.reader.read(replace(first, url=url, params={}), name)
    if name not in _SHOWS_LITTLE or reading.parsed.kind == "product":
        return list(goods.values())
    return [await _in_detail(parts, name, one) for one in goods.values()]


def _goods(reading: Reading, listing: Listing) -> Goods:
    capture, published = reading.capture, reading.parsed.published.get(listing.listing_id)
    return Goods(listing, reading.page.url, capture.sha256, capture.captured_at, published)


async def _in_detail(parts: Parts, name: str, goods: Goods) -> Goods:
    """The product as its own page shows it; as the list does where that cannot be read."""
    request = parts.marketplaces[name].listing_request(goods.listing)
    if request is None:
        return goods
    reading = await parts.reader.read(replace(request, referrer=goods.page_url), name)
    names = {goods.listing.listing_id, *goods.listing.aliases}
    same = [one for one in reading.parsed.listings if names & {one.listing_id, *one.aliases}]
    return _goods(reading, same[0]) if same else goods


async def take_in_shop(
    parts: Parts, owner: Owner, goods: Sequence[Goods], wish: Wish, actor: str
) -> AsyncIterator[Taken]:
    """Allow the shop, then register its products one after the other; what became of each, as it happens."""
    if not wish.dry:
        await _allow(parts, goods, actor)
    for one in goods:
        yield await _take_product(parts, owner, one, wish, actor)


def sellers_of(goods: Collection[Goods]) -> set[tuple[str, str]]:
    """(marketplace, seller id) under which the shop's listings are found, on its lists and on its items' pages."""
    found = {(one.listing.marketplace, one.listing.seller.seller_id) for one in goods if one.listing.seller}
    hosts = {(one.listing.marketplace, host_of(one.listing.url) or host_of(one.page_url)) for one in goods}
    return found | {(name, host) for name, host in hosts if name in _ANYWHERE and host}


async def _allow(parts: Parts, goods: Sequence[Goods], actor: str) -> None:
    async with parts.database.write("own shop allowed") as session:
        for marketplace, seller_id in sorted(sellers_of(goods)):
            if not await allowed_reason(session, marketplace, seller_id):
                await allow_seller(session, parts.clock.now(), actor, marketplace, seller_id, "own shop")


async def _take_product(parts: Parts, owner: Owner, goods: Goods, wish: Wish, actor: str) -> Taken:
    async with parts.database.read() as session:
        title = await _title_for(session, owner, goods.listing)
        work = await find_title(session, owner.id, title)
        names = {one.file_name for one in await references(session, work.id)} if work else set()
        proved = await work_published_at(session, owner.id, goods.listing.url) is not None
    taken = Taken(title, goods.listing.url, new=work is None)
    if wish.dry:
        taken.pictures = len(set(map(_file_name, goods.pictures(wish.pictures))) - names)
        taken.proof = not proved
        return taken
    for url in goods.pictures(wish.pictures):
        if _file_name(url) in names:
            taken.known += 1
        else:
            await _take_picture(parts, owner, goods, url, taken, actor)
    await _take_facts(parts, owner, goods, wish, taken, actor)
    return taken


async def _take_picture(parts: Parts, owner: Owner, goods: Goods, url: str, taken: Taken, actor: str) -> None:
    try:
        data = await _picture(parts, goods, url)
    except (FetchError, ImportRefused) as error:
        taken.problems.append(f"{url}: {error}")
        return
    async with parts.database.read() as session:
        if await find_reference(session, owner.id, hashlib.sha256(data).hexdigest()):
            taken.known += 1
            return
    intake = await register_image(parts, Path(_file_name(url)), data, owner, taken.title, actor)
    if intake.refused:
        taken.problems.append(f"{url}: {intake.refused}")
    taken.pictures += intake.new
    taken.known += intake.refused is None and not intake.new


async def _picture(parts: Parts, goods: Goods, url: str) -> bytes:
    """A picture's bytes: beside the saved page, else fetched.

    Raises:
        ImportRefused: It did not come.
        FetchError: Nothing can be fetched.
    """
    kept = goods.beside.get(url)
    if kept is not None:
        return kept if isinstance(kept, bytes) else await asyncio.to_thread(read_file, kept, _LARGEST_PICTURE)
    page = await parts.reader.get(Request(url, referrer=goods.page_url), goods.listing.marketplace)
    if page.outcome is not None:
        raise ImportRefused(f"{page.outcome.value} {page.reason}".strip())
    return page.body


async def _take_facts(parts: Parts, owner: Owner, goods: Goods, wish: Wish, taken: Taken, actor: str) -> None:
    """The price, the proof of publication and, where wished, the right of one product, together."""
    listing, now = goods.listing, parts.clock.now()
    async with parts.database.write("product taken in") as session:
        work = await find_title(session, owner.id, taken.title)
        if work is None:
            taken.problems.append(f"{taken.title}: no work without a picture that can be used")
            taken.new = False
            return
        currency = listing.currency or wish.currency
        if listing.price is not None and currency:
            taken.price = f"{listing.price} {currency}"
            if (work.reference_price, work.currency) != (listing.price, currency):
                await edit_work(session, work.id, now, actor, reference_price=listing.price, currency=currency)
        place = host_of(listing.url) or host_of(goods.page_url) or listing.marketplace
        proof = Publication(
            work_id=work.id,
            url=listing.url,
            place=place,
            stated_on=goods.published,
            stated_by="the shop's own page" if goods.published else "",
            sha256=goods.sha256,
            seen_at=goods.seen_at,
        )
        taken.proof = await add_publication(session, now, actor, proof) is not None
        if wish.rights and goods.published and not await rights_of(session, work.id):
            first = FirstPublication(goods.published, place, listing.url or None)
            row = new_right(RightKind.COPYRIGHT_UNREGISTERED, owner, [work], {"first_publication": first})
            await add_right(session, now, actor, row, [work.id])
            taken.right = row.number


async def _title_for(session: AsyncSession, owner: Owner, listing: Listing) -> str:
    """The title of the product's work: what it has, its name, or, where another product is called so, both."""
    known = await work_published_at(session, owner.id, listing.url) if listing.url else None
    if known:
        return known.title
    title = " ".join(listing.title.split())[:_LONGEST_TITLE]
    namesake = await find_title(session, owner.id, title)
    shown = await publications_of(session, namesake.id) if namesake else []
    elsewhere = any(host_of(proof.url) == host_of(listing.url) and proof.url != listing.url for proof in shown)
    return f"{title} ({PurePosixPath(urlsplit(listing.url).path).name or listing.listing_id})" if elsewhere else title


def _file_name(url: str) -> str:
    return unquote(PurePosixPath(urlsplit(url).path).name)[:_LONGEST_TITLE] or "picture"
