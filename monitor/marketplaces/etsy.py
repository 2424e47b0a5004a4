"""Etsy: its Open API v3, and pages saved from a browser (JSON-LD, listing cards)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from detectors.model import Listing
from monitor.marketplaces.apis import EtsyOpen
from monitor.marketplaces.base import Abilities, Page, ParsedPage, Query, Request
from monitor.marketplaces.document import Document, document, first_attribute
from monitor.marketplaces.generic_jsonld import linked_products, lowest_offer, product_offers
from monitor.marketplaces.prices import Price, iso_code, to_decimal
from monitor.marketplaces.reading import Found, dig, next_page, page_number
from monitor.marketplaces.tables import Cards, Records, TableSite
from monitor.marketplaces.text import one_line

_FROM_SHOP = re.compile(r"(?:From shop|De la tienda|Vom Shop|De la boutique|Dal negozio)\s+(.+)", re.IGNORECASE)
_SHOP_PATH = re.compile(r"/shop/([^/]+)")
_CARD = Cards(
    name=".v2-listing-card",
    card="[data-search-results-lg] .v2-listing-card[data-listing-id]",
    title="h3",
    price="p.lc-price [aria-hidden=true], p.lc-price, .lc-price, .n-listing-card__price, p:has(.currency-value)",
    pictures="img[data-listing-card-listing-image], img.wt-image, img",
    seller="[data-seller-name-container] span, .v2-listing-card__shop p, .wt-text-caption.wt-text-truncate",
    id_attribute="data-listing-id",
)


@dataclass(frozen=True)
class Etsy(TableSite):
    """Etsy. Plain HTTP meets DataDome on every page: saved pages, and with ``api`` its Open API."""

    api: EtsyOpen | None = None

    def query_request(self, query: Query) -> Request | None:
        """By the API alone."""
        return self.api.search(query) if self.api and not query.shop else None

    def listing_request(self, listing: Listing) -> Request | None:
        """The listing with its pictures and shop, by the API, or else its page."""
        return self.api.item(listing.listing_id) if self.api else super().listing_request(listing)

    def parse(self, page: Page) -> ParsedPage:
        """As the tables say; a page of the API's leads on while it does not reach the count."""
        answer, whole = super().parse(page), document(page)
        count = dig(whole.data, "count") if whole.looks_like_json else None
        offset = page_number(whole, "offset", absent=0) + len(answer.listings)
        more = isinstance(count, int) and answer.kind == "search" and offset < count
        return replace(answer, next=next_page(whole, "offset", offset)) if more else answer

    def card_nodes(self, page: Document, layout: Cards) -> Sequence[LexborNode | LexborHTMLParser]:
        """The cards of a search, shop or category; those on an item's page are other people's."""
        return [] if self.canonical(page.address) else super().card_nodes(page, layout)

    def card_seller(self, card: LexborNode | LexborHTMLParser, layout: Cards) -> str:
        """The shop's name, by its address or without the words before it; an advertisement is told in more words."""
        shop = _SHOP_PATH.search(first_attribute(card, "[data-shop-url]", "data-shop-url"))
        if shop:
            return shop[1].partition("?")[0]
        texts = [one_line(node.text()) for node in card.css(layout.seller)]
        named = next(filter(None, map(_FROM_SHOP.search, texts)), None)
        return named[1] if named else next(filter(None, texts), "")

    def signs_of(self, page: Document) -> Mapping[str, str]:
        """The dollars that the page's own data names."""
        return _dollars_of(page)

    def _from_linked_data(self, page: Document) -> list[Found]:
        """A search describes all but the advertised listings so: those are taken from their cards."""
        linked = super()._from_linked_data(page)
        if not linked or page.looks_like_json:
            return linked
        known = {one.listing.listing_id for one in linked}
        return linked + [card for card in self._from_cards(page)[0] if card.listing.listing_id not in known]

    def price(self, page: Document, value: Callable[[str], Any], layout: Records) -> Price:
        """The API writes amount, divisor and currency."""
        money = value("price")
        divisor, amount = dig(money, "divisor"), to_decimal(dig(money, "amount"))
        if amount is None or not isinstance(divisor, int) or divisor <= 0:
            return super().price(page, value, layout)
        return Price(amount / divisor, iso_code(dig(money, "currency_code")), None)


@lru_cache(maxsize=1)  # each card of a page asks
def _dollars_of(page: Document) -> Mapping[str, str]:
    code = iso_code(first_attribute(page.tree, "[data-currency]", "data-currency"))
    offers = (product_offers(product) for product in linked_products(page))
    code = code or next((price.currency for price in map(lowest_offer, offers) if price.currency), None)
    return {"$": code} if code else {}


MARKETPLACE = Etsy(
    "etsy",
    abilities=Abilities(
        "api rendered saved",
        detail="api rendered saved",
        seller="api rendered saved",
        note="its API needs a key; its pages refuse plain requests",
    ),
    hosts=frozenset({"etsy.com"}),
    address=re.compile(r"etsy\.com/(?:[a-z]{2}(?:-[a-z]{2})?/)?listing/(?P<id>\d{6,14})(?=[/?])"),
    template="https://www.etsy.com/listing/{id}",
    hint="it takes a key of its API (set marketplaces.etsy.keystring and shared_secret), which knows no pictures",
    mark=".v2-listing-card[data-listing-id], [data-listing-card-v2]",
    linked=True,
    brand_sells=True,
    records=(
        Records(
            name="api-v3 results",
            items="results",
            listing_id="listing_id",
            pictures="images[].url_fullxfull",
            seller_id="shop_id",
            seller_name="shop.shop_name",
            published="original_creation_timestamp",
            total="count",
        ),
        Records(
            name="api-v3 listing",
            items="shop_id && listing_id && @",
            listing_id="listing_id",
            pictures="images[].url_fullxfull",
            seller_id="shop_id",
            seller_name="shop.shop_name",
            published="original_creation_timestamp",
            kind="product",
        ),
    ),
    cards=(_CARD, replace(_CARD, card=".v2-listing-card[data-listing-id]")),
)
