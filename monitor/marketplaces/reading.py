"""From what a parser found on a page to the listings it hands on: one place for rules that hold everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, date, datetime
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

from detectors.model import Listing, Outcome, Seller
from monitor.errors import LayoutChanged
from monitor.marketplaces.base import Abilities, Pace, Page, ParsedPage, Query, Request
from monitor.marketplaces.document import Document, document
from monitor.marketplaces.images import full_sizes, full_sizes_of
from monitor.marketplaces.prices import Price
from monitor.marketplaces.text import clean_text
from monitor.marketplaces.urls import absolute, host_of, is_encodable, on_host, query_value, same_site, split

_LISTINGS_PER_PAGE = 2000
_LONGEST_ID = 200
_MOST_PIECES = 50_000  # of a page's data; the states that public readers describe have some thousand
_PLAIN_PICTURE = re.compile(r"(?:https?:/)?/[!-~]{1,4000}")
_PLAIN_PICTURES = re.compile(rf"(?:{_PLAIN_PICTURE.pattern}\n)*+{_PLAIN_PICTURE.pattern}")


class Found(NamedTuple):
    """One listing and its pictures' sources as the page writes them."""

    listing: Listing
    sources: tuple[str, ...] = ()
    published: date | None = None  # since when the shop shows it, as the page itself states


@dataclass(frozen=True)
class Site:
    """What most marketplaces share; an adapter sets the fields and writes ``canonical`` and ``parse``.

    ``search_url`` holds the first page of a search; ``search_key`` is the query key of the keyword, ``seller_key`` that
    of a seller, where the same page shows what one offers. Without them the site cannot be searched over plain HTTP.
    ``signs`` says what ambiguous currency signs mean at this site. ``hint`` says what a search needs first.
    """

    name: str
    _: KW_ONLY
    hosts: frozenset[str] = frozenset()
    pace: Pace = Pace()  # noqa: RUF009 - frozen
    search_url: str = ""
    search_key: str = ""
    seller_key: str = ""
    signs: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""
    abilities: Abilities = Abilities()  # noqa: RUF009 - frozen

    def search_request(self, keyword: str) -> Request | None:
        """The first page of a keyword search; None where plain HTTP cannot search this site."""
        return Request(self.search_url, params={self.search_key: keyword}) if self.search_url else None

    def query_request(self, query: Query) -> Request | None:
        """The first page of any search; by default a keyword's or a seller's on the site's own hosts."""
        if query.seller and self.seller_key and not (query.picture or query.shop):
            wanted = {self.search_key: query.keyword} if query.keyword else {}
            return Request(self.search_url, params={**wanted, self.seller_key: query.seller})
        return self.search_request(query.keyword) if query.is_plain else None

    def keeps(self, query: Query, listing: Listing) -> bool:  # noqa: ARG002 - the protocol's
        """True: the site itself searched."""
        return True

    def listing_request(self, listing: Listing) -> Request | None:
        """The item's own page."""
        return Request(listing.url) if split(listing.url) else None

    def recognises(self, page: Page) -> bool:
        """Whether the page's own address is on one of the hosts."""
        return on_host(host_of(document(page).address), self.hosts)

    def drift(self, selector: str) -> LayoutChanged:
        """The error that says what this site's page lacks."""
        return LayoutChanged(self.name, selector)


def found(
    site: Site,
    page: Document,
    listing_id: object,
    url: str,
    title: object,
    *,
    price: Price = Price(),  # noqa: B008 - frozen
    pictures: Iterable[object] = (),
    seller: Seller | None = None,
    aliases: Iterable[object] = (),
    published: object = None,
) -> Found | None:
    """One listing of the page; None where it lacks an id or a title.

    ``url`` is empty where a saved page does not tell its own address. ``pictures`` are the sources as the page writes
    them, the main one first.
    """
    known_id, known_title = clean_text(listing_id).strip()[:_LONGEST_ID], clean_text(title)
    if not known_id or not known_title.strip():
        return None
    shown = [source for source in pictures if isinstance(source, str) and _is_picture(source)]
    sources = tuple(dict.fromkeys(shown))[:50]
    others = [clean_text(alias)[:_LONGEST_ID] for alias in aliases]
    listing = Listing(
        marketplace=site.name,
        listing_id=known_id,
        url=url,
        title=known_title,
        price=price.amount,
        currency=price.currency,
        price_raw=price.raw,
        image_urls=full_sizes(page.base, sources),
        seller=seller,
        aliases=tuple(dict.fromkeys([other for other in others if other and other != known_id])),
    )
    return Found(listing, sources, day_of(published))


def founds(
    site: Site,
    page: Document,
    *,
    ids: Sequence[str],
    urls: Sequence[str | None],
    titles: Sequence[str],
    prices: Sequence[Price],
    pictures: Sequence[Sequence[str]],
    sources: Sequence[Sequence[str]],
    sellers: Sequence[Seller | None],
) -> list[Found | None]:
    """`found` for many cards at once, column by column: of a page's hundreds, most are plain and alike.

    ``ids`` and ``titles`` are clean (`monitor.marketplaces.text.lines`); ``pictures``, and ``sources``, which are the
    same as the page writes them, are what `sources_of` finds.
    """
    name, images = site.name, full_sizes_of(page.base, pictures)
    columns = zip(ids, urls, titles, prices, images, sellers, _pictures_in_each(sources), strict=True)
    return [
        Found(
            Listing(
                name,
                number[:_LONGEST_ID],
                url or "",
                title,
                price.amount,
                price.currency,
                price.raw,
                shown,
                account,
            ),
            written,
        )
        if number and title
        else None
        for number, url, title, price, shown, account, written in columns
    ]


def parsed(
    site: Site,
    page: Document,
    founds: Iterable[Found | None],
    *,
    layout: str,
    kind: str = "search",
    following: str | None = None,
) -> ParsedPage:
    """The page with its listings; ``following`` is kept if it leads to the same site and not to this page.

    Raises:
        LayoutChanged: There is no listing; names the layout.
    """
    kept = [one for one in founds if one is not None][:_LISTINGS_PER_PAGE]
    if not kept:
        raise site.drift(layout)
    pictures: dict[str, tuple[str, ...]] = {}
    for one in kept:
        number = one.listing.listing_id
        known = pictures.get(number)
        pictures[number] = tuple(dict.fromkeys((*known, *one.sources))) if known else one.sources
    onward = absolute(page.base, following) if following else None
    if onward and not (on_host(host_of(onward), site.hosts) or same_site(onward, page.address)):
        onward = None
    return ParsedPage(
        outcome=Outcome.OK,
        marketplace=site.name,
        listings=tuple(one.listing for one in kept),
        next=onward if onward != page.address else None,
        layout=layout,
        kind=kind,
        local_pictures={listing_id: sources for listing_id, sources in pictures.items() if sources},
        published={one.listing.listing_id: one.published for one in kept if one.published},
    )


def nothing(site: Site, layout: str, reason: str, kind: str = "search") -> ParsedPage:
    """The page of a genuine zero: the site itself says that nothing was found, in the words of ``reason``."""
    return ParsedPage(Outcome.EMPTY, site.name, layout=layout, reason=reason, kind=kind)


def gone(site: Site, layout: str, reason: str) -> ParsedPage:
    """The page of a listing that has ended, in the site's own words."""
    return ParsedPage(Outcome.GONE, site.name, layout=layout, reason=reason, kind="product")


def seller(seller_id: object, name: object, url: str | None = None) -> Seller | None:
    """The account that offers; its name stands in for a missing id and the other way round. None without both."""
    known_name, known_id = clean_text(name).strip(), clean_text(seller_id).strip()[:_LONGEST_ID]
    if not known_name and not known_id:
        return None
    return Seller(known_id or known_name[:_LONGEST_ID], known_name or known_id, url)


def day_of(value: object) -> date | None:
    """The day that a page states, as ISO 8601 text or in seconds since 1970; None where it is neither."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC).date()
        return date.fromisoformat(value.strip()[:10]) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None


def next_page(page: Document, key: str, number: int) -> str | None:
    """The page's own address with ``key`` set to ``number``."""
    parts = split(page.address)
    if parts is None:
        return None
    kept = [pair for pair in parts.query.split("&") if pair and pair.partition("=")[0] != key]
    return urlunsplit(urlsplit(page.address)._replace(query="&".join([*kept, urlencode({key: number})]), fragment=""))


def page_number(page: Document, key: str, absent: int = 1) -> int:
    """The page's number by its address, ``absent`` where the address has none."""
    parts = split(page.address)
    value = query_value(parts, key) if parts else None
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 7 else absent


def dig(value: Any, *path: str | int) -> Any:
    """The value under a path of keys and positions; None where the path leads nowhere."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def pieces(data: Any, *keys: str) -> Iterator[dict[str, Any]]:
    """The objects with all these keys at any depth of the data, in its order, for states that are built of widgets."""
    wanted, waiting = set(keys), [data]
    for _ in range(_MOST_PIECES):
        if not waiting:
            return
        piece = waiting.pop()
        if isinstance(piece, dict) and wanted <= piece.keys():
            yield piece
        inner = piece.values() if isinstance(piece, dict) else piece if isinstance(piece, list) else ()
        waiting.extend(reversed(inner))


def dicts(value: Any) -> Sequence[dict[str, Any]]:
    """The objects in a list, or in an object keyed "0", "1", ...; empty for anything else."""
    entries = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [entry for entry in entries if isinstance(entry, dict)]


def _pictures_in_each(several: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Of each card's sources those that are pictures'; most pages' are plain, and then looked at together."""
    together = "\n".join(chain.from_iterable(several))
    if together.count("\n") == sum(map(len, several)) - 1 and _PLAIN_PICTURES.fullmatch(together):
        return [tuple(sources) for sources in several]
    return [tuple(filter(_is_picture, sources)) for sources in several]


def _is_picture(source: str) -> bool:
    if _PLAIN_PICTURE.fullmatch(source):
        return True
    if not 0 < len(source) < 4096 or not is_encodable(source):
        return False
    return not source.lstrip()[:12].lower().startswith(("data:", "blob:", "about:", "javascript:"))
