"""Any shop that runs on Shopify: ``products.json``, product JSON, product pages, and cards of collections."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

from detectors.model import Listing
from monitor.marketplaces.base import Abilities, Pace, Page, ParsedPage, Query, Request
from monitor.marketplaces.document import Document, document, first_attribute, meta, script_value
from monitor.marketplaces.generic_jsonld import linked_listing, linked_products
from monitor.marketplaces.prices import Price, iso_code, to_decimal
from monitor.marketplaces.reading import Found, Site, dicts, dig, found, next_page, nothing, page_number, parsed, seller
from monitor.marketplaces.shop_cards import shop_cards
from monitor.marketplaces.text import clean_text
from monitor.marketplaces.urls import host_of, query_value, split

_PRODUCT_PATH = re.compile(
    r"^(?:/[a-z]{2}(?:-[a-z]{2})?)?(?:/collections/[^/]+)?/products/([^/]+?)(?:\.json|\.js)?/?$", re.I
)
_SIGNS_OF_SHOPIFY = ("cdn.shopify.com", "/cdn/shop/", "Shopify.theme", "myshopify.com")
_CURRENCY = re.compile(r"Shopify\.currency\s*=\s*\{[^}]{0,40}\"active\":\s*\"([A-Z]{3})\"")
_WORD = re.compile(r"\w+")
_SUGGESTED = ("resources", "results", "products")  # in /search/suggest.json
_PAGE_SIZE = 30  # products.json without ``limit``


class Shopify(Site):
    """Shops on any host. A listing's id is the product's number, its alias host and handle, as addresses show them."""

    def query_request(self, query: Query) -> Request | None:
        """All of a shop's products, 250 a page: they are not searched there, but by `keeps` here."""
        if not query.shop or query.seller or query.picture:
            return None
        return Request(f"{query.shop}/products.json", {"limit": "250", "page": "1"})

    def keeps(self, query: Query, listing: Listing) -> bool:
        """Whether the title has every word of the keyword, or the beginning of a word."""
        words = _WORD.findall(listing.title.casefold())
        return all(any(word.startswith(part) for word in words) for part in _WORD.findall(query.keyword.casefold()))

    def recognises(self, page: Page) -> bool:
        """By the shape of the products' data, or by Shopify's picture paths on a page that describes a product."""
        whole = document(page)
        if whole.looks_like_json:
            return any("handle" in product and "variants" in product for product in _products(whole.data)[:5])
        text = whole.text
        return any(sign in text for sign in _SIGNS_OF_SHOPIFY[:2]) and (
            _handle(whole.canonical_link or whole.address) is not None
            or ("Shopify.theme" in text and (bool(linked_products(whole)) or any(self._cards(whole))))
        )

    def canonical(self, url: str) -> tuple[str, str] | None:
        """``/products/<handle>`` below any collection or language, on any host; the id is ``<host>/<handle>``."""
        parts = split(url)
        handle = _handle(url)
        return (
            (f"{parts.netloc}/{unquote(handle)}", f"https://{parts.netloc}/products/{handle}")
            if parts and handle
            else None
        )

    def parse(self, page: Page) -> ParsedPage:
        """The products of ``products.json`` or of one product, or a product page.

        Raises:
            LayoutChanged: The data lacks products, or the page describes none.
        """
        whole = document(page)
        if not whole.looks_like_json:
            return self._parse_page(whole)
        products = _products(whole.data)
        if not products and [] in (dig(whole.data, "products"), dig(whole.data, *_SUGGESTED)):
            return nothing(self, "products.json", "the list of products is empty")
        several = dig(whole.data, "products") is not None or dig(whole.data, *_SUGGESTED) is not None
        single = isinstance(whole.data, dict) and not several and len(products) == 1
        founds = [self._product(whole, product) for product in products]
        limit = _whole(query_value(parts, "limit") if (parts := split(whole.address)) else None) or _PAGE_SIZE
        full = not single and len(products) >= limit
        following = next_page(whole, "page", page_number(whole, "page") + 1) if full else None
        kind = "product" if single else "search"
        return parsed(self, whole, founds, layout="products.json products", kind=kind, following=following)

    def _product(self, page: Document, product: Mapping[str, Any]) -> Found | None:
        handle = clean_text(product.get("handle")).strip()
        host = host_of(page.address)
        path = f"/products/{quote(handle)}"
        vendor = product.get("vendor")
        sources = [source if isinstance(source, str) else dig(source, "src") for source in _list(product.get("images"))]
        featured = product.get("featured_image") or product.get("image")
        return found(
            self,
            page,
            product.get("id"),
            f"https://{host}{path}" if host else path,
            product.get("title"),
            price=_lowest(product),
            pictures=sources
            or [featured if isinstance(featured, str) else dig(featured, "src") or dig(featured, "url")],
            seller=seller(host or vendor, vendor or host, f"https://{host}/" if host else None),
            aliases=[f"{host}/{handle}"] if host else [],
            published=product.get("published_at"),
        )

    def _parse_page(self, page: Document) -> ParsedPage:
        products = linked_products(page)
        alone = len(products) == 1
        founds = [self._linked(page, product, alone=alone) for product in products]
        following = first_attribute(page.tree, "a[rel~=next][href], link[rel~=next][href]", "href")
        cards = list(self._cards(page)) if not any(founds) and _handle(page.address) is None else []
        if cards:
            return parsed(self, page, cards, layout="cards", following=following)
        if not any(founds):
            founds = [self._from_meta(page)]
        kind = "product" if len(founds) == 1 else "search"
        return parsed(self, page, founds, layout="JSON-LD Product", kind=kind, following=following)

    def _linked(self, page: Document, product: Mapping[str, Any], *, alone: bool) -> Found | None:
        linked = linked_listing(self, page, product, alone=alone)
        if linked is None:
            return None
        known = self.canonical(linked.listing.url)
        alias, url = known or ("", linked.listing.url)
        number = _product_number(page, product) if alone else clean_text(product.get("productGroupID"))
        shop = linked.listing.seller
        host = host_of(url)
        listing = linked.listing._replace(
            listing_id=number or alias or linked.listing.listing_id,
            url=url,
            aliases=(alias,) if alias and number else (),
            seller=replace(shop, seller_id=host, url=f"https://{host}/") if shop and host else shop,
        )
        return Found(listing, linked.sources, linked.published)

    def _cards(self, page: Document) -> Iterator[Found]:
        """The products that a collection or a search shows as cards, in the currency that the shop's script names."""
        active = _CURRENCY.search(page.text)
        for card in shop_cards(self, page):
            known = self.canonical(card.listing.url)
            if known is None:
                continue
            number = card.listing.listing_id if card.listing.listing_id.isdecimal() else ""
            yield card._replace(
                listing=card.listing._replace(
                    listing_id=number or known[0],
                    url=known[1],
                    currency=card.listing.currency or iso_code(active[1] if active else None),
                    aliases=(known[0],) if number else (),
                )
            )

    def _from_meta(self, page: Document) -> Found | None:
        known = self.canonical(page.canonical_link or page.address)
        if known is None:
            return None
        number = _product_number(page, {})
        host = host_of(known[1])
        amount = to_decimal(meta(page, "og:price:amount", "product:price:amount").replace(",", ""))
        return found(
            self,
            page,
            number or known[0],
            known[1],
            meta(page, "og:title"),
            price=Price(amount, iso_code(meta(page, "og:price:currency", "product:price:currency")), None),
            pictures=[meta(page, "og:image:secure_url", "og:image")],
            seller=seller(host, meta(page, "og:site_name") or host, f"https://{host}/"),
            aliases=[known[0]],
        )


def _products(data: Any) -> list[dict[str, Any]]:
    if isinstance(data, dict) and "handle" in data and "variants" in data:
        return [data]  # /products/<handle>.js
    if isinstance(dig(data, "product"), dict):
        return [data["product"]]
    return list(dicts(dig(data, "products") or dig(data, *_SUGGESTED)))


def _lowest(product: Mapping[str, Any]) -> Price:
    """The cheapest variant. Only ``/products/<handle>.json`` states a currency; ``.js`` counts in hundredths."""
    currency = next(filter(None, (iso_code(one.get("price_currency")) for one in dicts(product.get("variants")))), None)
    values = [variant.get("price") for variant in dicts(product.get("variants"))] or [product.get("price")]
    amounts = [
        (amount, value)
        for value in values
        if (amount := to_decimal(value, 2 if isinstance(value, int) else 0)) is not None
    ]
    if not amounts:
        return Price()
    amount, raw = min(amounts, key=lambda pair: pair[0])
    return Price(amount, currency, str(raw))


def _product_number(page: Document, product: Mapping[str, Any]) -> str:
    """The number of a product page's product, from its product group or the shop's analytics."""
    groups = [product, *(thing for thing in page.linked_data if "productGroupID" in thing)]
    stated = next(filter(None, (clean_text(group.get("productGroupID")) for group in groups)), "")
    if stated.isdigit():
        return stated
    number = dig(script_value(page, "var meta ="), "product", "id")
    return clean_text(number)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _handle(url: str | None) -> str | None:
    parts = split(url)
    match = _PRODUCT_PATH.match(parts.path) if parts else None
    return match[1] if match else None


def _whole(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 7 else None


MARKETPLACE = Shopify(
    "shopify",
    abilities=Abilities(
        "http rendered saved",
        detail="http rendered saved",
        seller="http",
        note="any shop: give its address; the whole shop is read and searched here",
    ),
    pace=Pace(requests_per_minute=60),  # marketplaces.md 12: 1 s between pages
    hint="it takes the shop's address: --shop https://shop.example",
)
