"""Any shop that runs on WooCommerce: its Store API's products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from monitor.marketplaces.base import Abilities, Page, ParsedPage, Query, Request
from monitor.marketplaces.document import Document, document
from monitor.marketplaces.images import wordpress_full_size
from monitor.marketplaces.prices import Price, iso_code, to_decimal
from monitor.marketplaces.reading import Found, dig, next_page, nothing, page_number, seller
from monitor.marketplaces.tables import Records, TableSite
from monitor.marketplaces.text import clean_text
from monitor.marketplaces.urls import host_of, without_tracking

_PAGE_SIZE = 100  # developer.woocommerce.com, Store API: the largest per_page
_PRODUCTS = Records(
    name="store/v1/products",
    items="[?prices.currency_minor_unit && permalink]",
    title="name",
    price="prices.price",
    currency="prices.currency_code",
    pictures="images[].src",
    url="permalink",
)


class WooCommerce(TableSite):
    """Shops on any host. A product's number is unique within its host only."""

    def query_request(self, query: Query) -> Request | None:
        """The shop's own search by the Store API, or all its products."""
        if not query.shop or query.seller or query.picture:
            return None
        params = {"per_page": str(_PAGE_SIZE), "page": "1"}
        return Request(
            f"{query.shop}/wp-json/wc/store/v1/products",
            params | ({"search": query.keyword} if query.keyword else {}),
        )

    def parse(self, page: Page) -> ParsedPage:
        """As the tables say; a full page of the Store API leads on, an empty list is the end."""
        whole = document(page)
        if whole.looks_like_json and whole.data == []:
            return nothing(self, "store/v1/products", "the list of products is empty")
        answer = super().parse(page)
        full = isinstance(whole.data, list) and len(whole.data) >= _PAGE_SIZE if whole.looks_like_json else False
        return replace(answer, next=next_page(whole, "page", page_number(whole, "page") + 1)) if full else answer

    def recognises(self, page: Page) -> bool:
        """By the shape of the Store API's products."""
        whole = document(page)
        return whole.looks_like_json and any(self.founds(whole, whole.data, layout) for layout in self.records)

    def record(self, page: Document, entry: Mapping[str, Any], layout: Records) -> Found | None:
        """The product; the shop is its seller."""
        one = super().record(page, entry, layout)
        if one is None:
            return None
        url = without_tracking(one.listing.url)
        host = host_of(url)
        images = tuple(dict.fromkeys(wordpress_full_size(image) for image in one.listing.image_urls))
        shop = seller(host, host, f"https://{host}/" if host else None)
        return Found(one.listing._replace(url=url, image_urls=images, seller=shop), one.sources, one.published)

    def price(self, page: Document, value: Callable[[str], Any], layout: Records) -> Price:  # noqa: ARG002 - the base's
        """A whole number of the currency's smallest unit, as text."""
        prices = value("prices")
        digits = dig(prices, "currency_minor_unit")
        known = isinstance(digits, int) and 0 <= digits <= 4
        amount = to_decimal(dig(prices, "price"), digits if known else 2)
        return Price(amount, iso_code(dig(prices, "currency_code")), clean_text(dig(prices, "price")) or None)


MARKETPLACE = WooCommerce(
    "woocommerce",
    abilities=Abilities("http saved", detail="http saved", seller="http", note="any shop: give its address"),
    hint="it takes the shop's address: --shop https://shop.example",
    records=(
        _PRODUCTS,
        replace(
            _PRODUCTS, name="store/v1/products/<id>", items="prices.currency_code && permalink && @", kind="product"
        ),
    ),
)
