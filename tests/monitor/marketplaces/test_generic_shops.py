"""Shops that no adapter knows, by the markup that their systems document: their own pages and their search pages."""

import json
from decimal import Decimal

import pytest

from detectors.model import Outcome
from monitor.marketplaces import parse
from monitor.marketplaces.base import Page

WORDS = f"<p>{'Made by hand in small numbers, and sent within three days. ' * 30}</p>"


def read(body, url="https://shop.example/search?q=pin", marketplace=None, head=""):
    html = f"<!doctype html><html><head><title>Shop</title>{head}</head><body>{WORDS}{body}</body></html>"
    return parse(Page(url, html.encode()), marketplace)


def linked(*things):
    return f'<script type="application/ld+json">{json.dumps(things[0] if len(things) == 1 else things)}</script>'


WOOCOMMERCE = """<ul class="products columns-4">
<li class="product type-product post-7 status-publish instock"><a href="https://shop.example/product/moth/">
<img src="https://shop.example/wp-content/uploads/moth-300x300.jpg">
<h2 class="woocommerce-loop-product__title">Moth</h2>
<span class="price"><del><span class="woocommerce-Price-amount amount"><bdi>15,00&nbsp;&euro;</bdi></span></del>
<ins><span class="woocommerce-Price-amount amount"><bdi>12,90&nbsp;&euro;</bdi></span></ins></span></a>
<a href="?add-to-cart=7" data-product_id="7" class="add_to_cart_button">Add to basket</a></li>
<li class="product type-product post-8 outofstock"><a href="https://shop.example/product/moon/">
<img src="https://shop.example/wp-content/uploads/moon-300x300.jpg">
<h2 class="woocommerce-loop-product__title">Moon</h2></a>
<a href="https://shop.example/product/moon/" data-product_id="8" class="button">Read more</a></li></ul>
<nav class="woocommerce-pagination">
<a class="next page-numbers" href="/page/2/?s=pin&amp;post_type=product">→</a></nav>"""

MAGENTO = """<ol class="products list items product-items"><li class="item product product-item"><div>
<a href="https://shop.example/moth.html" class="product photo"><img class="product-image-photo"
src="https://shop.example/media/catalog/product/cache/1/m/o/moth.jpg"></a>
<strong class="product name product-item-name"><a class="product-item-link" href="https://shop.example/moth.html">
Moth</a></strong><div class="price-box" data-product-id="7">
<span data-price-type="oldPrice"><span class="price">€15.00</span></span>
<span data-price-type="finalPrice"><span class="price">€12.90</span></span></div></div></li></ol>
<ul class="pages-items">
<li class="item pages-item-next"><a href="https://shop.example/search?q=pin&amp;p=2">Next</a></li></ul>"""

PRESTASHOP = """<div class="products"><article class="product-miniature js-product-miniature" data-id-product="7">
<a href="https://shop.example/home/7-moth.html" class="thumbnail"><img src="https://shop.example/7-home_default/moth.jpg">
</a><h3 class="h3 product-title"><a href="https://shop.example/home/7-moth.html">Moth</a></h3>
<div><span class="regular-price">15,00 €</span><span class="price">12,90 €</span></div></article></div>
<nav><a rel="next" class="next" href="https://shop.example/search?q=pin&amp;page=2">Next</a></nav>"""


@pytest.mark.parametrize(
    ("body", "following"),
    [
        (WOOCOMMERCE, "https://shop.example/page/2/?s=pin&post_type=product"),
        (MAGENTO, "https://shop.example/search?q=pin&p=2"),
        (PRESTASHOP, "https://shop.example/search?q=pin&page=2"),
    ],
    ids=["woocommerce", "magento", "prestashop"],
)
def test_search_pages_of_shop_systems_without_schema_org_are_read_by_their_cards(body, following):
    page = read(body)
    assert (page.outcome, page.marketplace, page.kind) == (Outcome.OK, "generic-jsonld", "search"), page.reason
    first = page.listings[0]
    assert (first.listing_id, first.title) == ("7", "Moth")
    assert (first.price, first.currency) == (Decimal("12.90"), "EUR"), "what is to pay, not what is struck out"
    assert first.image_urls[0].endswith("moth.jpg")
    assert page.next == following


def test_a_sold_out_card_without_a_price_is_a_listing_too():
    moon = read(WOOCOMMERCE).listings[1]
    assert (moon.listing_id, moon.title, moon.price) == ("8", "Moon", None)
    assert moon.image_urls == ("https://shop.example/wp-content/uploads/moon.jpg",)


def test_a_list_that_only_looks_like_cards_is_no_page_of_goods():
    assert read('<ul><li class="product-item"><a href="/about">About us</a></li></ul>').outcome is not Outcome.OK
    assert (
        read('<ul><li class="product-item"><b>€5</b> <span class="price">€5</span></li></ul>').outcome is not Outcome.OK
    )


@pytest.mark.parametrize(
    "words",
    [
        '<p class="woocommerce-info">No products were found matching your selection.</p>',
        '<div class="message notice"><div>Your search returned no results.</div></div>',
        "<h4>Aucun produit ne correspond à votre recherche</h4>",
    ],
)
def test_a_shop_that_says_that_nothing_was_found_has_nothing(words):
    assert read(words, marketplace="generic-jsonld").outcome is Outcome.EMPTY


BASE = {"@context": "https://schema.org", "@type": "Product", "name": "Moth", "sku": "M1", "image": "/moth.jpg"}
OFFER = {"@type": "Offer", "price": "12.90", "priceCurrency": "EUR"}
UNIT = {"@type": "UnitPriceSpecification", "price": "12.90", "priceCurrency": "EUR"}


@pytest.mark.parametrize(
    "thing",
    [
        {**BASE, "offers": OFFER},
        {**BASE, "offers": [{"@type": "Offer", "priceSpecification": [UNIT]}]},
        {"@context": "https://schema.org", "@graph": [{"@type": "WebPage"}, {**BASE, "offers": OFFER}]},
        {**BASE, "@type": ["Product", "Thing"], "offers": {"@type": "AggregateOffer", "lowPrice": 12.90, **OFFER}},
        {**BASE, "@type": "http://schema.org/Product", "offers": {**OFFER, "price": 12.90}},
        {**BASE, "image": [{"@type": "ImageObject", "contentUrl": "/moth.jpg"}], "offers": OFFER, "Offers": OFFER},
        {"@type": "WebPage", "mainEntity": {**BASE, "offers": OFFER}},
    ],
    ids=["plain", "woocommerce", "graph", "aggregate", "full type", "wix", "main entity"],
)
def test_one_product_in_every_documented_form_is_the_same_listing(thing):
    page = read("", "https://shop.example/p/moth", head=linked(thing))
    (listing,) = page.listings
    assert (listing.listing_id, listing.title, listing.price, listing.currency) == (
        "M1",
        "Moth",
        Decimal("12.9"),
        "EUR",
    )
    assert listing.image_urls == ("https://shop.example/moth.jpg",)
    assert page.kind == "product"


def test_a_group_shows_its_variants_picture_and_lowest_price():
    variants = [{**BASE, "sku": size, "offers": {**OFFER, "price": price}} for size, price in (("S", 20), ("M", 18))]
    group = {"@type": "ProductGroup", "name": "Shirt", "productGroupID": "G1", "url": "/shirt", "hasVariant": variants}
    (listing,) = read("", "https://shop.example/shirt", head=linked(group)).listings
    assert (listing.listing_id, listing.price) == ("G1", Decimal(18))
    assert listing.image_urls == ("https://shop.example/moth.jpg",)


def test_microdata_search_pages_lead_on():
    cards = "".join(
        f'<div itemscope itemtype="http://schema.org/Product"><a itemprop="url" href="/p/{n}"><img itemprop="image" '
        f'src="/{n}.jpg"></a><b itemprop="name">Pin {n}</b></div>'
        for n in range(3)
    )
    page = read(cards, head='<link rel="next" href="/search?q=pin&page=2">')
    assert [one.title for one in page.listings] == ["Pin 0", "Pin 1", "Pin 2"]
    assert page.next == "https://shop.example/search?q=pin&page=2"
