"""What a shop system's own themes show as cards, where the page says nothing in schema.org's terms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from selectolax.lexbor import LexborNode

from monitor.marketplaces.document import Document
from monitor.marketplaces.html import Cards, sources_of
from monitor.marketplaces.images import wordpress_full_size
from monitor.marketplaces.prices import read_price
from monitor.marketplaces.reading import Found, Site, found, seller
from monitor.marketplaces.text import one_line
from monitor.marketplaces.urls import absolute, host_of, path_of, without_tracking


@dataclass(frozen=True, slots=True)
class _ShopSystem:
    """How one shop system's own themes show search results, by selectors inside a card."""

    card: str
    title: str
    price: str  # the first that matches is the price to pay, not the struck-out one
    number: str  # an element, or the card itself, whose ``attribute`` is the product's number
    attribute: str


# The names that the systems' default themes give and most others keep: WooCommerce's templates content-product.php and
# its product blocks, Magento 2's product/list.phtml, PrestaShop's miniatures/product.tpl, Shopify's Dawn, Impulse (and
# Ecwid) and Debut; what Wix marks its parts with, OpenCart's product/thumb, BigCommerce's Cornerstone, Squarespace 7.0
# and 7.1, Teepublic's tiles, as their public readers go by.
_SHOP_SYSTEMS = (
    _ShopSystem(
        "li.product.type-product, li.wc-block-grid__product, li.wc-block-product",
        ".woocommerce-loop-product__title, .wc-block-grid__product-title, .wp-block-post-title, h2, h3",
        ".price ins .amount, .price > .amount, .wc-block-grid__product-price ins, .price, [class$=product-price]",
        "[data-product_id]",
        "data-product_id",
    ),
    _ShopSystem(
        "li.product-item",
        "a.product-item-link, .product-item-name",
        "[data-price-type=finalPrice] .price, .special-price .price, .price",
        "[data-product-id]",
        "data-product-id",
    ),
    _ShopSystem(
        "article.product-miniature",
        ".product-title",
        ".price",
        "article.product-miniature",
        "data-id-product",
    ),
    _ShopSystem(
        ".product-card-wrapper, .grid-product, .product-card, .grid-view-item",
        ".card__heading, .grid-product__title, .product-card__title, .grid-view-item__title, h2, h3",
        ".price-item--sale, .price-item--regular, .grid-product__price--current, .grid-product__price, .price",
        "[data-product-id]",
        "data-product-id",
    ),
    _ShopSystem(
        "[data-hook=product-item-root]",
        "[data-hook=product-item-name], h3",
        "[data-hook=product-item-price-to-pay]",
        "[data-product-id]",
        "data-product-id",
    ),
    _ShopSystem(
        ".product-thumb:has(.caption, .description, .name)",
        "h4 a, .name a",
        ".price-new, .price",
        "input[name=product_id]",
        "value",
    ),
    _ShopSystem(
        "article.card:has(.price-section, [data-product-id])",
        ".card-title",
        ".price--withTax, .price--withoutTax, .price-section .price, .price-section",
        "[data-product-id]",
        "data-product-id",
    ),
    _ShopSystem(
        ".ProductList-item, .grid-item:has(.grid-title)",
        ".ProductList-title, .grid-title",
        ".product-price .sqs-money-native, .product-price",
        "[data-item-id]",
        "data-item-id",
    ),
    _ShopSystem(
        ".jsDesignContainer",
        ".jsDesignTitle, .m-tiles__title a, h2",
        "[class*=price]",
        "[data-design-id]",
        "data-design-id",
    ),
)


def shop_cards(site: Site, page: Document) -> Iterator[Found]:
    """The listings that a shop system's theme shows as cards, where the page says nothing in schema.org's terms."""
    if page.looks_like_json:
        return
    for system in _SHOP_SYSTEMS:
        cards = Cards(page.tree, system.card)
        if not cards.nodes:
            continue
        selectors = (system.title, "a[href]", "img", system.number, *system.price.split(", "))
        for card, *found_in_it in zip(cards.nodes, *map(cards.css, selectors), strict=True):
            listing = _shop_card(site, page, system, card, *found_in_it)
            if listing is not None:
                yield listing


def _shop_card(
    site: Site,
    page: Document,
    system: _ShopSystem,
    card: LexborNode,
    titles: list[LexborNode],
    links: list[LexborNode],
    images: list[LexborNode],
    numbered: list[LexborNode],
    *prices: list[LexborNode],
) -> Found | None:
    """A card with a title, a link to a page of its own, and a price or a picture: anything less is decoration."""
    said = (one_line(node.attributes.get("alt")) for node in images)
    title = next(filter(None, chain((one_line(node.text()) for node in titles), said)), "")
    addresses = (absolute(page.base, node.attributes.get("href")) for node in links)
    url = next((one for one in addresses if one and "add-to-cart" not in one and path_of(one)), None)
    shown = [one_line(node.text()) for nodes in prices for node in nodes]
    pictures = sources_of(images)
    if not title or url is None or not (shown or pictures):
        return None
    cleaned = without_tracking(url)
    numbers = ((node.attributes.get(system.attribute) or "").strip() for node in (card, *numbered))
    number = next(filter(None, numbers), "")
    host = host_of(cleaned)
    return found(
        site,
        page,
        number or path_of(cleaned),
        cleaned,
        title,
        price=read_price(next(filter(None, shown), "")),
        pictures=[wordpress_full_size(source) if "/wp-content/" in source else source for source in pictures[:10]],
        seller=seller(host, host),
    )
