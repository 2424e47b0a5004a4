"""eBay: search, browse and shop pages in five layouts, item pages old and new, and the Browse API's JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from selectolax.lexbor import LexborNode

from detectors.model import Listing
from monitor.marketplaces.apis import EbayBrowse
from monitor.marketplaces.base import Abilities, Pace, Page, ParsedPage, Query, Request
from monitor.marketplaces.document import Document, document, first_attribute, first_text
from monitor.marketplaces.generic_jsonld import linked_listing, linked_products
from monitor.marketplaces.html import image_sources, text_without
from monitor.marketplaces.prices import read_price
from monitor.marketplaces.reading import Found, Site, dicts, dig, found, gone, nothing, parsed, seller
from monitor.marketplaces.urls import host_of, on_host, query_value, same_site, split

_COUNTRIES = (
    "com co.uk de fr it es ca com.au at ch be nl pl ie com.hk com.my com.sg ph in vn co.nz com.mx com.ar com.br co.jp"
)
_ID = r"(?<!\d)(\d{9,14})(?!\d)"
_NATIONAL = re.compile(r"(?:^|\.)(ebay\.[a-z]{2,3}(?:\.[a-z]{2})?)$")
_ITEM_PATH = re.compile(rf"^/(?:itm|i|ulk/itm)/(?:[^/]*/)*?{_ID}/?$")
_REST_ID = re.compile(rf"v1(?:\||%7c){_ID}(?:\||%7c)", re.IGNORECASE)
_SELLER = re.compile(r"^(\S{1,64})\s+(?:\([\d.,\s]+[KMkm]?\)\s*)?\d{1,3}(?:[.,]\d+)?\s?%")
_COUNT = re.compile(r"\d")
_NO_SUCH_ITEM = 11001  # developer.ebay.com, Browse API, getItem: "The specified item Id was not found."
_PHANTOM = "123456"  # "Shop on eBay": no listing


@dataclass(frozen=True, slots=True)
class _Layout:
    name: str
    card: str
    title: str
    price: str
    image: str


# marketplaces.md 4: the layouts of search, the newest first; then a shop's own pages (/str/) and a category's (/b/).
# "search-evo", "str" and "brwrvr" by what their public readers go by: no recording exists.
_LAYOUTS = (
    _Layout("search-evo", ".su-item-card", ".su-item-card__title", ".su-item-card__price", "img"),
    _Layout("s-card", "ul.srp-results > li.s-card", ".s-card__title", ".s-card__price", "img.s-card__image"),
    _Layout("s-item", "li.s-item", ".s-item__title", ".s-item__price", ".s-item__image img"),
    _Layout(
        "str",
        ".str-item-card",
        ".str-item-card__property-title, .str-item-card__title, .str-card-title, h3",
        ".str-item-card__property-displayPrice, .str-item-card__price",
        "img",
    ),
    _Layout("brwrvr", ".brwrvr__item-card", ".bsig__title__text, h3", ".bsig__price--displayprice", "img"),
)
_HIDDEN_IN_TITLE = ".clipped, .LIGHT_HIGHLIGHT, .s-card__new-listing, .s-item__new-listing, .s-item__dynamic, svg"
_SEARCH = "ul.srp-results, .srp-controls, .srp-river, .srp-river-main, .srp-save-null-search, " + ", ".join(
    layout.card for layout in _LAYOUTS
)
_TEST_ID = re.compile(rf"^\D{{0,10}}{_ID}$")
_SHOP_PATH = re.compile(r"^/(?:usr|str)/([^/]+)")
_FEWER_WORDS = "srp-river-answer--REWRITE_START"
_ENDED = (
    ".d-statusmessage, [data-testid=d-statusmessage], .ux-layout-section--statusMessage, [class*=statusmessage], "
    "#msgPanel, .statusContent, .vi-msg-status, .error-header-v2__title, .error-header__headline"
)
_ENDED_WORDS = re.compile(
    r"\bended\b|\b(?:item|listing) sold on\b|no longer available|was removed|out of date|beendet|wurde verkauft"
    r"|nicht mehr verfügbar|est terminée|a été vendu|n'est plus disponible|finalizad|ya no está|è terminata"
    r"|non è più disponibile|looks like this page is missing|we looked everywhere",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Ebay(Site):
    """eBay on every national host. Listing ids are the legacy item ids: they are the same everywhere.

    With ``api`` it is searched by its Browse API, by picture too; without, by its pages, a seller's items too.
    """

    api: EbayBrowse | None = None

    def query_request(self, query: Query) -> Request | None:
        """By the API, or else by the search page, which knows no pictures."""
        request = self.api.search(query) if self.api else None
        if request or query.picture or query.shop:
            return request
        wanted = {self.search_key: query.keyword, "_ssn": query.seller}
        params = {key: value for key, value in wanted.items() if value}
        return Request(self.search_url, params=params) if params else None

    def listing_request(self, listing: Listing) -> Request | None:
        """The item's details, by the API, or else its page."""
        return self.api.item(listing.listing_id) if self.api else super().listing_request(listing)

    def recognises(self, page: Page) -> bool:
        """By the page's address, else by the cards' links or the Browse API's shape."""
        whole = document(page)
        if super().recognises(page):
            return True
        if whole.looks_like_json:
            return any("itemWebUrl" in entry or "legacyItemId" in entry for entry in _summaries(whole.data))
        return whole.tree.css_first('li.s-card a[href*="ebay."], li.s-item a[href*="ebay."]') is not None

    def canonical(self, url: str) -> tuple[str, str] | None:
        """``/itm/<id>`` with or without slug, ``?item=``, ``?iid=`` and REST ids, on any national host."""
        parts = split(url)
        if parts is None or not on_host(parts.netloc, self.hosts):
            return None
        match = _ITEM_PATH.match(parts.path) or _REST_ID.search(parts.path)
        listing_id = match[1] if match else None
        if listing_id is None and ("ViewItem" in parts.query or parts.path.startswith("/p/")):
            number = query_value(parts, "item", "iid") or ""
            listing_id = number if re.fullmatch(_ID, number) else None
        return (listing_id, f"https://www.ebay.com/itm/{listing_id}") if listing_id else None

    def parse(self, page: Page) -> ParsedPage:
        """A search page, an item page, or an answer of the Browse API.

        Raises:
            LayoutChanged: No known layout holds a listing.
        """
        whole = document(page)
        if whole.looks_like_json:
            return self._parse_api(whole)
        if self.canonical(whole.address) is None and whole.tree.css_first(_SEARCH) is not None:
            return self._parse_search(whole)
        return self._parse_item(whole)

    def _parse_api(self, page: Document) -> ParsedPage:
        summaries = _summaries(page.data)
        if any(error.get("errorId") == _NO_SUCH_ITEM for error in dicts(dig(page.data, "errors"))):
            return gone(self, "browse-api", "the API knows no such item")
        if not summaries and dig(page.data, "total") == 0:
            return nothing(self, "browse-api", "total is 0")
        following = dig(page.data, "next")
        one = bool(dig(page.data, "itemId"))
        founds = [self._summary(page, entry) for entry in summaries]
        kind = "product" if one else "search"
        answer = parsed(self, page, founds, layout="browse-api itemSummaries", kind=kind)
        if not isinstance(following, str):
            return answer
        on_ebay = on_host(host_of(following), self.hosts) or same_site(following, page.address)
        return replace(answer, next=following if on_ebay else None)

    def _summary(self, page: Document, entry: Mapping[str, Any]) -> Found | None:
        rest = _REST_ID.search(str(entry.get("itemId"))[:100])
        listing_id = entry.get("legacyItemId") or (rest[1] if rest else None)
        account = entry.get("seller")
        pictures = [dig(entry, "image", "imageUrl"), dig(entry, "thumbnailImages", 0, "imageUrl")]
        pictures += [more.get("imageUrl") for more in dicts(entry.get("additionalImages"))]
        return found(
            self,
            page,
            listing_id,
            f"https://www.ebay.com/itm/{listing_id}",
            entry.get("title"),
            price=read_price(dig(entry, "price", "value"), dig(entry, "price", "currency")),
            pictures=pictures,
            seller=seller(dig(account, "username") or dig(account, "userId"), dig(account, "username")),
            aliases=[entry.get("itemId")],
        )

    def _parse_search(self, page: Document) -> ParsedPage:
        for layout in _LAYOUTS:
            cards = _cards(page, layout)
            founds = [self._card(page, card, layout) for card in cards]
            if any(founds):
                following = first_attribute(page.tree, "a.pagination__next[href]", "href")
                return parsed(self, page, founds, layout=layout.name, following=following)
        counted = first_text(
            page.tree, ".srp-controls__count-heading, .srp-controls__count, .result-count__count-heading"
        )
        amount = read_price(counted).amount if _COUNT.search(counted) else None
        told = first_text(page.tree, ".srp-save-null-search__heading, .srp-save-null-search, .srp-null-search")
        rewritten = page.tree.css_first(f".{_FEWER_WORDS}") is not None
        if amount == 0 or (amount is None and told) or (rewritten and not amount):
            return nothing(self, "search", told or counted or "only results matching fewer words")
        raise self.drift(", ".join(layout.card for layout in _LAYOUTS))

    def _card(self, page: Document, card: LexborNode, layout: _Layout) -> Found | None:
        link = first_attribute(card, 'a[href*="/itm/"]', "href")
        known = self.canonical(link)
        number = known[0] if known else card.attributes.get("data-listingid") or _test_id(card)
        if not re.fullmatch(_ID, number):
            return None
        title = card.css_first(layout.title)
        pictures = [source for source in image_sources(card, layout.image) if "ebaystatic.com" not in source]
        prices = [node.text() for node in card.css(layout.price)]
        name = _seller_name(card) or _shop_of(page.address)
        return found(
            self,
            page,
            number,
            f"{_home(link if known else page.address or link)}/itm/{number}",
            text_without(title, _HIDDEN_IN_TITLE) if title else "",
            price=read_price(" ".join(dict.fromkeys(prices)), signs=self.signs),
            pictures=pictures,
            seller=seller(name, name),
        )

    def _parse_item(self, page: Document) -> ParsedPage:
        status = first_text(page.tree, _ENDED)
        if status and _ENDED_WORDS.search(status.replace("\u2019", "'")):
            return gone(self, "item", status[:200])
        address = page.canonical_link or page.address
        stated = first_text(
            page.tree, "#descItemNumber, .ux-layout-section__textual-display--itemId .ux-textspans--BOLD"
        )
        known = self.canonical(page.address) or self.canonical(address)
        number = known[0] if known else stated
        if not re.fullmatch(_ID, number):
            raise self.drift("/itm/<id>")
        url = f"{_home(page.address)}/itm/{number}"
        product = next(iter(linked_products(page)), None)
        linked = linked_listing(self, page, product, alone=True) if product else None
        account = _item_seller(page)
        if linked is not None:
            listing = linked.listing._replace(listing_id=number, url=url, seller=account)
            return parsed(self, page, [Found(listing, linked.sources)], layout="item-json-ld", kind="product")
        title = page.tree.css_first("#itemTitle, h1.x-item-title__mainTitle, h1[itemprop=name]")
        shown = page.tree.css_first("#prcIsum, #mm-saleDscPrc, #prcIsum_bidPrice, .x-price-primary, [itemprop=price]")
        currency = first_attribute(page.tree, "[itemprop=priceCurrency]", "content")
        main = found(
            self,
            page,
            number,
            url,
            text_without(title, ".g-hdn, .clipped") if title else "",
            price=read_price(shown.text() if shown else None, currency, self.signs),
            pictures=image_sources(page.tree, "#icImg, .ux-image-carousel-item img, #vi_main_img_fs img"),
            seller=account,
        )
        return parsed(self, page, [main], layout="#itemTitle or JSON-LD Product", kind="product")


def _home(url: str) -> str:
    """The national site that a page or link is on, where prices and language are what the finder saw."""
    national = _NATIONAL.search(host_of(url))
    return f"https://www.{national[1]}" if national else "https://www.ebay.com"


def _summaries(data: Any) -> list[dict[str, Any]]:
    if isinstance(data, dict) and data.get("itemId") and data.get("title"):
        return [data]
    return list(dicts(dig(data, "itemSummaries") or dig(data, "items")))


def _cards(page: Document, layout: _Layout) -> list[LexborNode]:
    cards: list[LexborNode] = []
    for node in page.tree.css(f"{layout.card}, .{_FEWER_WORDS}"):
        classes = node.attributes.get("class") or ""
        if _FEWER_WORDS in classes:
            break
        cards.append(node)
    return cards


def _seller_name(card: LexborNode) -> str:
    rows = card.css(
        ".su-card-container__attributes__secondary .s-card__attribute-row, .s-item__seller-info-text, "
        ".su-card-container__attributes__secondary .su-styled-text, .su-item-card__seller, .s-card__seller-info"
    )
    matches = (_SELLER.match(" ".join(row.text(separator=" ").split())) for row in rows)
    return next((match[1] for match in matches if match), "")


def _test_id(card: LexborNode) -> str:
    stated = _TEST_ID.match(card.attributes.get("data-testid") or "")
    return stated[1] if stated else ""


def _shop_of(url: str) -> str:
    """The account whose own pages an address is on; empty elsewhere."""
    parts = split(url)
    user = _SHOP_PATH.match(parts.path) if parts else None
    return user[1] if user else ""


def _item_seller(page: Document) -> Any:
    link = page.tree.css_first('#mbgLink, [class*="info__about-seller"] a, .ux-seller-section__item--seller a')
    if link is None:
        return None
    name = first_text(link, ".mbg-nw, .ux-textspans") or " ".join(link.text().split())
    parts = split(link.attributes.get("href"))
    user = _SHOP_PATH.match(parts.path) if parts and on_host(parts.netloc, MARKETPLACE.hosts) else None
    return seller(user[1] if user else name, name, f"https://www.ebay.com{user[0]}" if user else None)


MARKETPLACE = Ebay(
    "ebay",
    abilities=Abilities(
        "api http rendered saved",
        picture="api",
        detail="api http rendered saved",
        seller="api http rendered saved",
        note="plain requests meet a wall after a few in a row; its API needs a key",
    ),
    hosts=frozenset(f"ebay.{country}" for country in _COUNTRIES.split()),
    pace=Pace(requests_per_minute=15),  # marketplaces.md 4: a wall after 5 to 10 quick requests; 3 to 5 s between them
    search_url="https://www.ebay.com/sch/i.html?_sop=10",
    search_key="_nkw",
    hint="its pictures are searched by its API only: set marketplaces.ebay.client_id and client_secret",
    signs={"$": "USD", "C $": "CAD", "AU $": "AUD"},  # ebay.ca and ebay.com.au write "C $" and "AU $"
)
