"""Any shop that describes its goods in schema.org terms (JSON-LD, Open Graph, microdata), or shows a system's cards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from selectolax.lexbor import LexborNode

from detectors.model import Seller
from monitor.marketplaces.base import Abilities, Page, ParsedPage, Query, Request
from monitor.marketplaces.big_cartel import feed
from monitor.marketplaces.document import Document, document, first_attribute, meta
from monitor.marketplaces.html import sources_of
from monitor.marketplaces.prices import Price, iso_code, read_price, to_decimal
from monitor.marketplaces.reading import Found, Site, dicts, dig, found, parsed, seller
from monitor.marketplaces.shop_cards import shop_cards
from monitor.marketplaces.text import clean_text, one_line
from monitor.marketplaces.urls import absolute, host_of, path_of, split, without_tracking

_PRODUCTS = frozenset(
    {"product", "productgroup", "productmodel", "individualproduct", "someproducts", "vehicle", "car", "book"}
)
_KEYS_TO_PRODUCTS = (
    "itemListElement",
    "item",
    "mainEntity",
    "mainEntityOfPage",
    "hasOfferCatalog",
    "makesOffer",
    "hasPart",
)
_PICTURE_KEYS = ("contentUrl", "contentURL", "url", "image", "@id", "thumbnailUrl")
_OWN_SCOPES = ("", "offers", "priceSpecification")  # things inside an item that speak of the item
_ONWARD = (
    "a[rel~=next][href], link[rel~=next][href], a.next[href], .pages-item-next a[href], .pagination-item--next a[href]"
)
KEYWORD = "{keyword}"  # where a search address takes the keyword


class GenericShop(Site):
    """Shops on any host. ``listing_id`` is unique within its host only: two shops may use one stock number."""

    def query_request(self, query: Query) -> Request | None:
        """The shop's address with the keyword in place of ``{keyword}``, or the address itself without one."""
        if not query.shop or query.seller or query.picture or bool(query.keyword) != (KEYWORD in query.shop):
            return None
        return Request(query.shop.replace(KEYWORD, quote(query.keyword, safe="")))

    def recognises(self, page: Page) -> bool:
        """Whether the page describes a product in any of the three ways, or shows a shop system's cards."""
        whole = document(page)
        return (
            any(self.from_linked_data(whole))
            or self.from_open_graph(whole) is not None
            or any(self.from_microdata(whole))
            or any(shop_cards(self, whole))
            or (whole.looks_like_json and any(feed(self, whole)))
        )

    def canonical(self, url: str) -> tuple[str, str] | None:  # noqa: ARG002 - the protocol's
        """None: an unknown shop's address alone does not tell a listing from any other page."""
        return None

    def parse(self, page: Page) -> ParsedPage:
        """The products of the first description that has any.

        Raises:
            LayoutChanged: The page describes no product.
        """
        whole = document(page)
        products = list(self.from_linked_data(whole))
        if products:
            kind = "product" if len(products) == 1 else "search"
            following = "" if whole.looks_like_json else _following(whole)
            return parsed(self, whole, products, layout="json-ld", kind=kind, following=following)
        if whole.looks_like_json:
            return parsed(self, whole, feed(self, whole), layout="schema.org Product or Big Cartel's feed")
        graph = self.from_open_graph(whole)
        if graph is not None:
            return parsed(self, whole, [graph], layout="open-graph", kind="product")
        layout = "schema.org Product (JSON-LD, Open Graph or microdata)"
        items = list(self.from_microdata(whole))
        if not items:
            layout, items = "cards of a shop system", list(shop_cards(self, whole))
        if not items:
            layout = "schema.org Product (JSON-LD, Open Graph or microdata) or a shop system's cards"
        kind = "product" if len(items) == 1 and not layout.startswith("cards") else "search"
        return parsed(self, whole, items, layout=layout, kind=kind, following=_following(whole))

    def from_linked_data(self, page: Document) -> Iterator[Found]:
        """The listings that the page's JSON-LD describes."""
        products = linked_products(page)
        for product in products:
            listing = linked_listing(self, page, product, alone=len(products) == 1)
            if listing is not None:
                yield listing

    def from_open_graph(self, page: Document) -> Found | None:
        """The listing that the page is about, as it says to social networks."""
        if page.looks_like_json:
            return None
        amount = meta(page, "product:price:amount", "og:price:amount", "product:sale_price:amount")
        if not amount and "product" not in meta(page, "og:type").lower():
            return None
        currency = meta(page, "product:price:currency", "og:price:currency", "product:sale_price:currency")
        url = without_tracking(page.canonical_link or absolute(page.address, meta(page, "og:url")) or page.address)
        host = host_of(url)
        return found(
            self,
            page,
            meta(page, "product:retailer_item_id", "product:sku", "og:upc") or path_of(url),
            url,
            meta(page, "og:title"),
            price=read_price(amount, currency),
            pictures=[meta(page, "og:image:secure_url", "og:image", "og:image:url")],
            seller=seller(host, meta(page, "product:brand", "og:brand", "og:site_name") or host),
        )

    def from_microdata(self, page: Document) -> Iterator[Found]:
        """The listings that the page's own elements are marked as."""
        if page.looks_like_json:
            return
        items = [
            node for node in page.tree.css('[itemscope][itemtype*="schema.org/Product" i]') if not _inside_product(node)
        ]
        for item in items[:500]:
            listing = self._microdata_listing(page, item, alone=len(items) == 1)
            if listing is not None:
                yield listing

    def _microdata_listing(self, page: Document, item: LexborNode, *, alone: bool) -> Found | None:
        stated = absolute(page.base, _property(item, "url"))
        url = stated or ((page.canonical_link or page.address or None) if alone else None)
        if url is None:
            return None
        price = read_price(_property(item, "price") or _property(item, "lowPrice"), _property(item, "priceCurrency"))
        cleaned = without_tracking(url)
        host = host_of(cleaned)
        number = _property(item, "sku") or _property(item, "productID") or _property(item, "mpn") or path_of(cleaned)
        shown = [_inner(node, "contentUrl", "url") for node in _properties(item, "image")]
        pictures = [source for node in shown for source in sources_of([node]) or [_attribute(node)]]
        shop = seller(host, _property(item, "seller") or _property(item, "brand") or host)
        return found(self, page, number, cleaned, _property(item, "name"), price=price, pictures=pictures, seller=shop)


def _following(page: Document) -> str:
    """The address that the page names as its next one; empty if none."""
    return first_attribute(page.tree, _ONWARD, "href")


def linked_listing(site: Site, page: Document, product: Mapping[str, Any], *, alone: bool) -> Found | None:
    """The listing that one JSON-LD product describes.

    ``alone``: it is the page's only one, so where it states no address the page's own is its.
    """
    offers = product_offers(product)
    addresses = (_address(page, value) for value in (product.get("url"), product.get("@id"), dig(offers, 0, "url")))
    stated = next(filter(None, addresses), None)
    cleaned = without_tracking(stated or (page.canonical_link if alone else "") or (page.address if alone else ""))
    numbers = ("sku", "productID", "productGroupID", "mpn")
    return found(
        site,
        page,
        first_of(product, *numbers) or first_of(dig(offers, 0) or {}, "sku", "mpn") or path_of(cleaned),
        cleaned or page.address,
        name_of(product.get("name")),
        price=lowest_offer(offers),
        pictures=picture_sources(product.get("image")) or _pictures_of_variants(product),
        seller=_shop(page, cleaned, product, offers),
        published=product.get("datePublished") or product.get("dateCreated") or product.get("releaseDate"),
    )


def _pictures_of_variants(product: Mapping[str, Any]) -> list[str]:
    variants = product.get("hasVariant")
    return [source for one in dicts(variants)[:20] for source in picture_sources(one.get("image"))]


def _shop(page: Document, url: str, product: Mapping[str, Any], offers: list[Mapping[str, Any]]) -> Seller | None:
    sellers = (name_of(offer.get("seller") or offer.get("offeredBy")) for offer in offers)
    stated = next(filter(None, sellers), "") or name_of(product.get("seller"))
    if stated:
        return seller(stated, stated)
    host = host_of(url) or host_of(page.address)
    return seller(host, name_of(product.get("brand")) or name_of(product.get("manufacturer")) or host)


def linked_products(page: Document) -> list[dict[str, Any]]:
    """The page's JSON-LD products, those inside item lists and search results included, each once.

    A shop that describes one product both as Product and as ProductGroup is given as the Product.
    """
    products = [product for thing in page.linked_data for product in _products_in(thing, 0)]
    singles = [product for product in products if not _is_type(product, frozenset({"productgroup"}))]
    groups = [product for product in products if _is_type(product, frozenset({"productgroup"}))]
    names = {name_of(product.get("name")) for product in singles}
    chosen = singles + [group for group in groups if name_of(group.get("name")) not in names]
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for product in chosen:
        key = (str(product.get("url") or product.get("@id") or product.get("sku"))[:500], name_of(product.get("name")))
        if product.get("name") and (key not in seen or len(product) > len(seen[key])):
            seen[key] = product
    return list(seen.values())


def product_offers(product: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every offer of a product, those inside an AggregateOffer and of its variants after the outer ones.

    Wix writes ``Offers``.
    """
    opened: list[Mapping[str, Any]] = []
    waiting: list[Any] = [
        product.get("offers") or product.get("Offers"),
        product.get("hasVariant"),
        product.get("model"),
    ]
    while waiting and len(opened) < 500:
        value = waiting.pop(0)
        if isinstance(value, list):
            waiting.extend(value[:500])
        elif isinstance(value, Mapping):
            if "price" in value or "lowPrice" in value or "priceSpecification" in value or "seller" in value:
                opened.append(value)
            waiting.append(value.get("offers"))
    return opened


def lowest_offer(offers: list[Mapping[str, Any]]) -> Price:
    """The price of the main offer, of an AggregateOffer its lower end; of several plain offers the lowest."""
    prices = [price for price in map(_offer_price, offers) if price.amount is not None]
    if not prices:
        return Price()
    if "lowPrice" in offers[0]:
        return prices[0]
    same = [price for price in prices if price.currency == prices[0].currency]
    return min(same, key=lambda price: price.amount or 0)


def _offer_price(offer: Mapping[str, Any]) -> Price:
    parts = offer.get("priceSpecification")
    specification = dig(parts, 0) if isinstance(parts, list) else parts
    nested = specification if isinstance(specification, Mapping) else {}
    value = offer.get("lowPrice", offer.get("price", nested.get("price", nested.get("minPrice"))))
    value = dig(value, 0) if isinstance(value, list) else value
    currency = iso_code(offer.get("priceCurrency")) or iso_code(nested.get("priceCurrency"))
    amount = to_decimal(value)  # the standard asks for a plain number with a decimal point
    if amount is not None:
        return Price(amount, currency, clean_text(value) or str(value)[:40])
    return read_price(value, currency)


def picture_sources(value: Any) -> list[str]:
    """The addresses in a schema.org image: text, a list, or ImageObjects."""
    found_sources: list[str] = []
    waiting, seen = [value], 0
    while waiting and seen < 200:
        entry, seen = waiting.pop(0), seen + 1
        if isinstance(entry, str):
            found_sources.append(entry)
        elif isinstance(entry, list):
            waiting.extend(entry[:100])
        elif isinstance(entry, Mapping):
            waiting.append(next((entry[key] for key in _PICTURE_KEYS if entry.get(key)), None))
    return found_sources


def name_of(value: Any) -> str:
    """The name of a schema.org thing given as text, text with its language, object or list."""
    if isinstance(value, list):
        value = dig(value, 0)
    return one_line(value.get("name") or value.get("@value")) if isinstance(value, Mapping) else one_line(value)


def first_of(thing: Mapping[str, Any], *keys: str) -> str:
    """The first of the keys whose value is text or a whole number with something in it."""
    return next(filter(None, (clean_text(thing.get(key)).strip() for key in keys)), "")


def _products_in(thing: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > 6:
        return
    if isinstance(thing, list):
        for entry in thing[:1000]:
            yield from _products_in(entry, depth + 1)
    elif isinstance(thing, dict):
        is_entry = depth > 0 and _is_type(thing, frozenset({"listitem"})) and "offers" in thing
        if thing.get("name") and (is_entry or _is_type(thing, _PRODUCTS)):
            yield thing
        else:
            for key in _KEYS_TO_PRODUCTS:
                yield from _products_in(thing.get(key), depth + 1)
            if _is_page(thing):
                yield from _products_in(thing.get("about"), depth + 1)
            offer = {key: value for key, value in thing.items() if key != "itemOffered"}
            for product in _products_in(thing.get("itemOffered"), depth + 1):
                yield product if product.get("offers") else {**product, "offers": offer}


def _is_page(thing: Mapping[str, Any]) -> bool:
    return isinstance(thing.get("@type"), str) and thing["@type"].lower().endswith("page")


def _is_type(thing: Mapping[str, Any], names: frozenset[str]) -> bool:
    stated = thing.get("@type")
    types = stated if isinstance(stated, list) else [stated]
    return any(isinstance(name, str) and name.rsplit("/", 1)[-1].lower() in names for name in types)


def _address(page: Document, value: Any) -> str | None:
    text = dig(value, 0) if isinstance(value, list) else value
    if not isinstance(text, str) or text.startswith("#"):
        return None
    url = absolute(page.base, text)
    return url if url and split(url) else None


def _properties(item: LexborNode, name: str) -> Iterator[LexborNode]:
    """The elements that give a property of the item itself or of its offers: not of its brand, reviews, relatives."""
    for node in item.css(f"[itemprop~={name}]")[:200]:
        around = node.parent
        while around is not None and around.mem_id != item.mem_id:
            stated = around.attributes
            if "itemscope" in stated and (stated.get("itemprop") or "") not in _OWN_SCOPES:
                break
            around = around.parent
        if around is not None and around.mem_id == item.mem_id:
            yield node


def _inner(node: LexborNode, *names: str) -> LexborNode:
    """Where a property is a thing of its own, that property of it; else the node itself."""
    if "itemscope" not in node.attributes:
        return node
    return next(filter(None, (node.css_first(f"[itemprop~={name}]") for name in names)), node)


def _property(item: LexborNode, name: str) -> str:
    node = next(_properties(item, name), None)
    if node is None:
        return ""
    inner = _inner(node, "name")
    if name == "name":  # a link's is its text to all who write it
        return (inner.attributes.get("content") or "").strip() or one_line(inner.text())
    return _attribute(inner) or one_line(inner.text())


def _attribute(node: LexborNode) -> str:
    names = (
        ("content", "href", "src", "data-src", "value")
        if node.tag in {"meta", "link", "a", "img", "data", "source"}
        else ("content",)
    )
    return next(filter(None, ((node.attributes.get(name) or "").strip() for name in names)), "")


def _inside_product(node: LexborNode) -> bool:
    parent = node.parent
    while parent is not None:
        if "schema.org/product" in (parent.attributes.get("itemtype") or "").lower():
            return True
        parent = parent.parent
    return False


MARKETPLACE = GenericShop(
    "generic-jsonld",
    abilities=Abilities(
        "http rendered saved",
        detail="http rendered saved",
        note="any shop that marks its goods as schema.org says: give its search address",
    ),
)
