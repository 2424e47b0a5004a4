"""Sites read by tables: where the fields lie in JSON (JMESPath) or in cards and item pages (CSS selectors)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from selectolax.lexbor import LexborHTMLParser, LexborNode

from detectors.model import Seller
from monitor.marketplaces.base import Page, ParsedPage
from monitor.marketplaces.document import Document, document, first_attribute, first_text, load_json, load_literal
from monitor.marketplaces.generic_jsonld import linked_listing, linked_products
from monitor.marketplaces.html import image_sources, text_without
from monitor.marketplaces.prices import Price, iso_code, read_price, to_decimal
from monitor.marketplaces.reading import Found, Site, dicts, found, nothing, parsed, seller
from monitor.marketplaces.text import clean_text, one_line
from monitor.marketplaces.urls import absolute, host_of, on_host, split

# The names of envelopes that APIs put around an answer and take away again from one version to the next.
_ENVELOPES = ("data", "result", "results", "response", "payload", "body", "content", "props", "pageProps", "state")
_MOST_ENVELOPES = 3
_MOST_TITLES = 20  # nodes of a card that are looked at for its title


@dataclass(frozen=True, slots=True)
class Records:
    """Where JSON keeps listings. Every field but ``name`` and ``items`` is a JMESPath expression on one item.

    ``items`` gives the list (or, for a single item, the object); ``total`` is asked of the whole: 0 is a genuine zero.
    ``minor_digits``: the price is a whole number of 10 ** -minor_digits units. ``picture`` completes a picture's name.
    """

    name: str
    items: str
    listing_id: str = "id"
    title: str = "title"
    price: str = "price"
    price_raw: str = ""
    currency: str = ""
    pictures: str = "image"
    seller_id: str = ""
    seller_name: str = ""
    seller_url: str = ""
    url: str = ""
    aliases: str = ""
    published: str = ""
    total: str = ""
    minor_digits: int = 0
    picture: str = "{}"
    kind: str = "search"


@dataclass(frozen=True, slots=True)
class Cards:
    """Where a page shows listings, by selectors; all but ``card`` are looked for inside a card.

    The id is the card's attribute ``id_attribute``, else that of the first ``link`` whose address is a listing's.
    """

    name: str
    card: str
    title: str
    price: str = ""
    pictures: str = "img"
    link: str = "a[href]"
    seller: str = ""
    id_attribute: str = ""
    title_attribute: str = ""
    hidden: str = "script, style, .clipped"


@dataclass(frozen=True, slots=True)
class Item:
    """Where an item page shows its listing, by selectors; those of ``pictures`` in the order of importance."""

    name: str
    title: str
    price: str = ""
    pictures: tuple[str, ...] = ()
    seller: str = ""
    listing_id: str = ""
    id_attribute: str = "value"
    hidden: str = "script, style"


@dataclass(frozen=True)
class TableSite(Site):
    """A site whose pages are described by tables; the first that yields a listing is used.

    Attributes:
        address: Matched against host, path and query of a listing's address; its group ``id`` is the id.
        template: The canonical address from the pattern's groups and ``host``, the site's host it is on:
            ``https://www.{host}/item/{id}``.
        main_host: The host where a page does not tell its own.
        mark: A selector that only this site's pages match, for saved pages that do not tell their address.
        dollars: What "$" stands for, by host.
        records: For JSON, bare or in scripts.
        scripts: What stands before the data in a script, such as ``window.detailData``, or a script's selector.
        cards: For search pages.
        items: For item pages.
        currency: What every price is in, for sites that know only one.
        linked: Whether its JSON-LD products are listings.
        brand_sells: Whether what they name as the brand is the shop that offers.
        following: The selector of the link to the next page.
    """

    address: re.Pattern[str] = re.compile(r"(?!)")
    template: str = ""
    main_host: str = ""
    mark: str = ""
    dollars: Mapping[str, str] = field(default_factory=dict)
    records: tuple[Records, ...] = ()
    scripts: tuple[str, ...] = ()
    cards: tuple[Cards, ...] = ()
    items: tuple[Item, ...] = ()
    currency: str = ""
    linked: bool = False
    brand_sells: bool = False
    following: str = "a[rel~=next][href], link[rel~=next][href]"

    def canonical(self, url: str) -> tuple[str, str] | None:
        """(listing id, canonical address) of any form of a listing's address on the site's hosts."""
        parts = split(url)
        if parts is None or not on_host(parts.netloc, self.hosts):
            return None
        match = self.address.search(f"{parts.netloc}{parts.path}?{parts.query}")
        if match is None:
            return None
        listing_id = self.identity(match)
        return listing_id, self.template.format(
            host=self._host(parts.netloc), **(match.groupdict() | {"id": listing_id})
        )

    def identity(self, match: re.Match[str]) -> str:
        """The listing id as the site's data writes it, from an address that matched."""
        return match["id"]

    def recognises(self, page: Page) -> bool:
        """By the page's address, else by JSON in which a table finds listings."""
        whole = document(page)
        if super().recognises(page):
            return True
        if not whole.looks_like_json:
            return bool(self.mark) and whole.tree.css_first(self.mark) is not None
        if any(self.founds(whole, whole.data, layout) for layout in self.records):
            return True
        return self.linked and bool(self._from_linked_data(whole))

    def parse(self, page: Page) -> ParsedPage:
        """The listings of the first table that yields any.

        Raises:
            LayoutChanged: None does, and no JSON says that there is nothing.
        """
        whole = document(page)
        if whole.looks_like_json:
            return self._parse_json(whole)
        scripts = []
        for data in self._script_data(whole):
            answer = self._from_records(whole, data)
            if answer is not None:
                return answer
            scripts.append(data)
        founds = self._from_linked_data(whole) if self.linked else []
        if founds:
            return self._answer(whole, founds, "json-ld", "product" if len(founds) == 1 else "search")
        for item_layout in self.items:
            one = self._item(whole, item_layout)
            if one is not None:
                return self._answer(whole, [one], item_layout.name, "product")
        founds, layout = self._from_cards(whole)
        if founds:
            return self._answer(whole, founds, layout, "search")
        counted = [layout for layout in self.records if layout.total]
        if any(self._is_zero(data, layout) for data in scripts for layout in counted):
            return nothing(self, "script", "the list of items is empty and its total is 0")
        raise self.drift(self._tried())

    def _parse_json(self, page: Document) -> ParsedPage:
        answer = self._from_records(page, page.data)
        if answer is not None:
            return answer
        if self.linked:
            linked = self._from_linked_data(page)
            if linked:
                return self._answer(page, linked, "json-ld", "product" if len(linked) == 1 else "search")
        if any(self._is_zero(page.data, layout) for layout in self.records):
            return nothing(self, "json", "the list of items is empty and its total is 0")
        raise self.drift(self._tried())

    def _from_records(self, page: Document, data: Any) -> ParsedPage | None:
        """The listings of the first table that yields any, in the data or in an envelope put around it."""
        for piece in envelopes(data):
            for layout in self.records:
                founds = self.founds(page, piece, layout)
                if founds:
                    return self._answer(page, founds, layout.name, layout.kind)
        return None

    def _is_zero(self, data: Any, layout: Records) -> bool:
        items = find(layout.items, data)
        if layout.total:
            return not items and clean_text(find(layout.total, data)) == "0"
        return isinstance(items, list) and not items

    def _answer(self, page: Document, founds: list[Found], layout: str, kind: str) -> ParsedPage:
        following = "" if page.looks_like_json else first_attribute(page.tree, self.following, "href")
        return parsed(self, page, founds, layout=layout, kind=kind, following=following)

    def _tried(self) -> str:
        names = [
            *(layout.name for layout in self.records),
            *(layout.name for layout in self.cards),
            *(layout.name for layout in self.items),
        ]
        return ", ".join(names) or "JSON-LD Product"

    # --- JSON ---------------------------------------------------------------------------------------------------------

    def founds(self, page: Document, data: Any, layout: Records) -> list[Found]:
        """The listings of one table in one piece of data."""
        items = find(layout.items, data)
        entries = [items] if isinstance(items, dict) and layout.kind == "product" else dicts(items)
        return [one for one in (self.record(page, entry, layout) for entry in entries[:2000]) if one is not None]

    def record(self, page: Document, entry: Mapping[str, Any], layout: Records) -> Found | None:
        """The listing that one item of the data describes."""

        def value(expression: str) -> Any:
            return find(expression, entry) if expression else None

        listing_id = clean_text(value(layout.listing_id)).strip()
        stated = absolute(page.address or self.home(), clean_text(value(layout.url))) if layout.url else None
        known = self.canonical(stated) if stated else None
        if not listing_id and known:
            listing_id = known[0]
        pictures = _flat(value(layout.pictures))
        return found(
            self,
            page,
            listing_id,
            (known[1] if known else stated) or self.address_of(page, listing_id),
            value(layout.title),
            price=self.price(page, value, layout),
            pictures=[layout.picture.format(picture) for picture in pictures],
            seller=seller(
                value(layout.seller_id),
                value(layout.seller_name),
                absolute(page.address or self.home(), clean_text(value(layout.seller_url)))
                if layout.seller_url
                else None,
            ),
            aliases=_flat(value(layout.aliases)),
            published=value(layout.published),
        )

    def price(self, page: Document, value: Callable[[str], Any], layout: Records) -> Price:
        """The price of one item; ``value`` asks the item for an expression."""
        raw, number = value(layout.price_raw), value(layout.price)
        currency = iso_code(value(layout.currency)) or iso_code(self.currency)
        shown = raw if isinstance(raw, str) and raw.strip() else number
        price = read_price(shown, currency, self.signs_of(page))
        amount = to_decimal(number, layout.minor_digits)
        kept = one_line(raw) if isinstance(raw, str) else price.raw
        return Price(amount if amount is not None else price.amount, price.currency, kept or None)

    def _script_data(self, page: Document) -> Iterator[Any]:
        for marker in self.scripts:
            if marker.startswith("script"):
                for node in page.tree.css(marker)[:100]:
                    yield load_json(node.text(), lenient=True)
                continue
            for node in page.tree.css("script:not([src])"):
                source = node.text()
                start = source.find(marker)
                if start >= 0:
                    yield load_literal(source[start + len(marker) :])

    # --- HTML ---------------------------------------------------------------------------------------------------------

    def card_nodes(self, page: Document, layout: Cards) -> Sequence[LexborNode | LexborHTMLParser]:
        """The cards of a page, in its order."""
        return list(page.tree.css(layout.card)[:2000])

    def _from_cards(self, page: Document) -> tuple[list[Found], str]:
        """The listings of the first cards that yield any, and their layout."""
        for layout in self.cards:
            read = (self._card(page, card, layout) for card in self.card_nodes(page, layout))
            founds = [listing for listing in read if listing is not None]
            if founds:
                return founds, layout.name
        return [], ""

    def _card(self, page: Document, card: LexborNode | LexborHTMLParser, layout: Cards) -> Found | None:
        known = self.card_identity(page, card, layout)
        if known is None:
            return None
        titles = (self.card_title(node, layout) for node in card.css(layout.title)[:_MOST_TITLES])
        return found(
            self,
            page,
            known[0],
            known[1],
            next(filter(None, titles), ""),
            price=read_price(_first_in_order(card, layout.price), self.currency, self.signs_of(page)),
            pictures=image_sources(card, layout.pictures),
            seller=self.card_account(card, layout),
        )

    def card_title(self, node: LexborNode, layout: Cards) -> str:
        """The title that one node of a card tells; the first that is not empty is the card's."""
        stated = one_line(node.attributes.get(layout.title_attribute)) if layout.title_attribute else ""
        return stated or text_without(node, layout.hidden)

    def card_identity(
        self, page: Document, card: LexborNode | LexborHTMLParser, layout: Cards
    ) -> tuple[str, str] | None:
        """(listing id, address) of a card, from its attribute or its links."""
        if layout.id_attribute and isinstance(card, LexborNode):
            listing_id = (card.attributes.get(layout.id_attribute) or "").strip()
            return (listing_id, self.address_of(page, listing_id)) if listing_id else None
        base = page.address or self.home()
        nodes = [card, *card.css(layout.link)] if isinstance(card, LexborNode) else card.css(layout.link)
        urls = (absolute(base, node.attributes.get("href")) for node in nodes)
        return next(filter(None, (self.canonical(url) for url in urls if url)), None)

    def card_account(self, card: LexborNode | LexborHTMLParser, layout: Cards) -> Seller | None:
        """The seller on a card, by name where it shows no id."""
        name = self.card_seller(card, layout)
        return seller(name, name)

    def card_seller(self, card: LexborNode | LexborHTMLParser, layout: Cards) -> str:
        """The seller's name on a card."""
        return _first_in_order(card, layout.seller)

    def _item(self, page: Document, layout: Item) -> Found | None:
        stated = first_attribute(page.tree, layout.listing_id, layout.id_attribute) if layout.listing_id else ""
        own = self.canonical(page.address) or self.canonical(page.canonical_link or "")
        if own is None and stated:
            own = stated, self.address_of(page, stated)
        node = page.tree.css_first(layout.title)
        if own is None or node is None:
            return None
        return found(
            self,
            page,
            own[0],
            own[1],
            text_without(node, layout.hidden),
            price=read_price(_first_in_order(page.tree, layout.price), self.currency, self.signs_of(page)),
            pictures=[source for part in layout.pictures for source in image_sources(page.tree, part)],
            seller=self.item_seller(page, layout),
        )

    def item_seller(self, page: Document, layout: Item) -> Seller | None:
        """The seller on an item page."""
        node = page.tree.css_first(layout.seller) if layout.seller else None
        if node is None:
            return None
        name = one_line(node.attributes.get("value")) or one_line(node.text())
        return seller(name, name, absolute(page.address or self.home(), node.attributes.get("href")))

    def _from_linked_data(self, page: Document) -> list[Found]:
        products = linked_products(page)
        founds = []
        for product in products:
            linked = linked_listing(self, page, product, alone=len(products) == 1)
            known = self.canonical(linked.listing.url) if linked else None
            if linked is None or known is None:
                continue
            account = linked.listing.seller
            if account is not None and account.seller_id == host_of(linked.listing.url):
                is_shop = self.brand_sells and account.name != account.seller_id
                account = replace(account, seller_id=account.name) if is_shop else None
            founds.append(
                Found(
                    linked.listing._replace(listing_id=known[0], url=known[1], seller=account),
                    linked.sources,
                    linked.published,
                )
            )
        return founds

    # --- addresses ----------------------------------------------------------------------------------------------------

    def home(self) -> str:
        """The site's own root, for addresses that a page writes without it."""
        host = self.main_host or min(self.hosts, default="")
        return f"https://www.{host}/" if host else ""

    def address_of(self, page: Document, listing_id: str) -> str:
        """The canonical address of a listing of this page."""
        host = self._host(host_of(page.address))
        try:
            return self.template.format(id=listing_id, host=host) if listing_id else ""
        except KeyError:  # the address needs more than the id
            return ""

    def signs_of(self, page: Document) -> Mapping[str, str]:
        """What ambiguous currency signs mean on this page."""
        dollar = self.dollars.get(self._host(host_of(page.address)))
        return {**self.signs, "$": dollar} if dollar else self.signs

    def _host(self, host: str) -> str:
        return next((known for known in self.hosts if on_host(host, {known})), self.main_host)


def envelopes(data: Any) -> Iterator[Any]:
    """The data, then what stands alone in it under a name that says nothing, such as ``{"data": {"result": ...}}``."""
    waiting = [(data, 0)]
    for piece, depth in waiting:
        yield piece
        if isinstance(piece, dict) and depth < _MOST_ENVELOPES:
            waiting.extend((piece[key], depth + 1) for key in _ENVELOPES if isinstance(piece.get(key), dict))


def _first_in_order(root: LexborNode | LexborHTMLParser, selectors: str) -> str:
    """The text of the first of the selectors, in their order, that has any."""
    return next(filter(None, (first_text(root, selector) for selector in selectors.split(", "))), "")


@lru_cache(maxsize=512)
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)


def find(expression: str, data: Any) -> Any:
    """What a JMESPath expression finds; None also where the data is not what it expects."""
    try:
        return _compiled(expression).search(data)
    except (JMESPathError, RecursionError, ValueError, TypeError):  # functions refuse what hostile data hands them
        return None


def _flat(value: Any) -> list[str]:
    entries = value if isinstance(value, list) else [value]
    flat = [inner for entry in entries[:200] for inner in (entry if isinstance(entry, list) else [entry])]
    return [text for text in (clean_text(entry).strip() for entry in flat) if text]
