"""Shops that no adapter knows, by the markup that their systems document: their own pages and their search pages."""

import html
import json
from decimal import Decimal

import pytest

from detectors.model import Outcome
from monitor.marketplaces import parse
from monitor.marketplaces.base import Page

WORDS = f"<p>{'Made by hand in small numbers, and sent within three days. ' * 30}</p>"


def read(body, url="https://shop.example/search?q=pin", marketplace=None, head=""):
    text = f"<!doctype html><html><head><title>Shop</title>{head}</head><body>{WORDS}{body}</body></html>"
    return parse(Page(url, text.encode()), marketplace)


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


NAMED = {key: value for key, value in BASE.items() if key != "offers"}
SOLD = {**OFFER, "itemOffered": NAMED}
IN_JSON_LD = {
    "plain": {**BASE, "offers": OFFER},
    "woocommerce": {**BASE, "offers": [{"@type": "Offer", "priceSpecification": [UNIT]}]},
    "graph": {"@context": "https://schema.org", "@graph": [{"@type": "WebPage"}, {**BASE, "offers": OFFER}]},
    "graph of one": {"@context": "https://schema.org", "@graph": {**BASE, "offers": OFFER}},
    "graph with names": {"@graph": [{**BASE, "offers": {"@id": "#offer"}}, {**OFFER, "@id": "#offer"}]},
    "aggregate": {
        **BASE,
        "@type": ["Product", "Thing"],
        "offers": {"@type": "AggregateOffer", "lowPrice": 12.9, **OFFER},
    },
    "full type": {**BASE, "@type": "http://schema.org/Product", "offers": {**OFFER, "price": 12.90}},
    "wix": {**BASE, "image": [{"@type": "ImageObject", "contentUrl": "/moth.jpg"}], "offers": OFFER, "Offers": OFFER},
    "capital offers": {**BASE, "Offers": {**OFFER, "Availability": "https://schema.org/InStock"}},
    "thumbnail": {**BASE, "image": {"@type": "ImageObject", "thumbnailUrl": "/moth.jpg"}, "offers": OFFER},
    "main entity": {"@type": "WebPage", "mainEntity": {**BASE, "offers": OFFER}},
    "about": {"@type": "ItemPage", "about": {**BASE, "offers": OFFER}},
    "part": {"@type": "CollectionPage", "hasPart": [{**BASE, "offers": OFFER}]},
    "an offer": SOLD,
    "a shop's offers": {"@type": "Store", "name": "Moths", "makesOffer": [SOLD]},
    "name with language": {**BASE, "name": {"@value": "Moth", "@language": "en"}, "offers": OFFER},
    "list of names": {**BASE, "name": ["Moth"], "offers": OFFER},
    "list of prices": {**BASE, "offers": {**OFFER, "price": ["12.90"]}},
    "comma": {**BASE, "offers": {**OFFER, "price": "12,90"}},
    "sign": {**BASE, "offers": {"@type": "Offer", "price": "12,90 €"}},
    "prefix": {f"schema:{key}" if key[0] != "@" else key: value for key, value in {**BASE, "offers": OFFER}.items()},
}
LINKED = json.dumps({**BASE, "offers": OFFER})
BROKEN = LINKED.replace("schema.org", "schema.org\n")
IN_SCRIPTS = {
    "comment": f'<script type="application/ld+json"><!--\n{LINKED}\n--></script>',
    "cdata": f'<script type="application/ld+json">//<![CDATA[\n{LINKED}\n//]]></script>',
    "escaped": f'<script type="application/ld+json">{html.escape(LINKED)}</script>',
    "two in a row": f'<script type="application/ld+json">{{"@type": "WebSite"}}{LINKED}</script>',
    "broken line": f'<script type="application/ld+json">{BROKEN}</script>',
    "charset": f'<script type="application/ld+json; charset=utf-8">{LINKED}</script>',
}


def marked(kind, body, role=""):
    return f'<div {role and f"itemprop={role}"} itemscope itemtype="https://schema.org/{kind}">{body}</div>'


NAME = '<b itemprop="name">Moth</b>'
NUMBER = '<meta itemprop="sku" content="M1">'
PICTURE = '<img itemprop="image" src="/moth.jpg">'
AMOUNT = '<meta itemprop="price" content="12.90"><meta itemprop="priceCurrency" content="EUR">'
PRICED = marked("Offer", AMOUNT, "offers")
REST = NUMBER + PICTURE + PRICED
REVIEW = marked("Review", '<b itemprop="name">Great</b><a itemprop="url" href="/review/9">more</a>', "review")
RELATIVE = marked("Product", '<b itemprop="name">Moon</b><meta itemprop="sku" content="M2">', "isRelatedTo")
HIDDEN = (
    '<meta itemprop="name" content="Moth"><link itemprop="url" href="/p/moth"><link itemprop="image" href="/moth.jpg">'
)
OBJECT = marked("ImageObject", '<img itemprop="contentUrl" src="/moth.jpg">', "image")
IN_MICRODATA = {
    "brand first": marked("Brand", '<b itemprop="name">Acme</b>', "brand") + NAME + REST,
    "review first": REVIEW + NAME + REST,
    "a relative first": RELATIVE + NAME + REST,
    "name in a link": '<a itemprop="url name" href="/p/moth">Moth</a>' + REST,
    "hidden": HIDDEN + '<data itemprop="sku" value="M1">1</data>' + PRICED,
    "image object": NAME + NUMBER + OBJECT + PRICED,
    "shown price": NAME + NUMBER + PICTURE + marked("Offer", '<b itemprop="price">12,90 €</b>', "offers"),
}
GRAPH = {"og:title": "Moth", "og:image": "/moth.jpg", "product:retailer_item_id": "M1"}
PRICE = {"product:price:amount": "12,90", "product:price:currency": "EUR"}
IN_OPEN_GRAPH = {
    "product": {"og:type": "product", **GRAPH, **PRICE},
    "website with a price": {"og:type": "website", **GRAPH, **PRICE},
    "capitals": {"OG:Type": "og:product", **GRAPH, **PRICE},
}
EVERY_WAY = (
    {f"json-ld: {name}": linked(thing) for name, thing in IN_JSON_LD.items()}
    | {f"script: {name}": script for name, script in IN_SCRIPTS.items()}
    | {f"microdata: {name}": marked("Product", body) for name, body in IN_MICRODATA.items()}
    | {
        f"open graph: {name}": "".join(f'<meta property="{key}" content="{value}">' for key, value in facts.items())
        for name, facts in IN_OPEN_GRAPH.items()
    }
)


@pytest.mark.parametrize("way", EVERY_WAY)
def test_one_product_in_every_form_that_shops_write_is_the_same_listing(way):
    page = read(EVERY_WAY[way], "https://shop.example/p/moth")
    (listing,) = page.listings
    found = (listing.listing_id, listing.title, listing.price, listing.currency)
    assert found == ("M1", "Moth", Decimal("12.9"), "EUR")
    assert listing.url == "https://shop.example/p/moth"
    assert listing.image_urls == ("https://shop.example/moth.jpg",)
    assert (page.kind, page.marketplace) == ("product", "generic-jsonld")


@pytest.mark.parametrize(
    ("base", "picture"),
    [
        ("/shop/", "https://shop.example/shop/i/1.jpg"),
        ("https://shop.example/", "https://shop.example/i/1.jpg"),
        ("https://elsewhere.example/", "https://shop.example/p/i/1.jpg"),  # a page does not send us to another host
        ("", "https://shop.example/p/i/1.jpg"),
    ],
)
def test_relative_addresses_start_where_the_page_says_if_that_is_on_its_own_host(base, picture):
    thing = {**BASE, "image": "i/1.jpg", "offers": OFFER}
    head = f'<base href="{base}">{linked(thing)}'
    (listing,) = read("", "https://shop.example/p/moth", head=head).listings
    assert listing.image_urls == (picture,)


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


def _dawn_card(handle: str, title: str) -> str:
    link = f'<h3 class="card__heading"><a href="/products/{handle}?_pos=1" class="full-unstyled-link">{title}</a></h3>'
    picture = f"//shop.example/cdn/shop/files/{handle}.jpg?v=1&width="
    return f"""<li class="grid__item"><div class="card-wrapper product-card-wrapper">
<img srcset="{picture}165 165w,{picture}533 533w" src="{picture}533">{link}
<div class="price"><div class="price__regular"><span class="price-item price-item--regular">$15.00</span></div>
<div class="price__sale"><s class="price-item price-item--regular">$15.00</s>
<span class="price-item price-item--sale">$12.50</span></div></div>{link}</div></li>"""


def test_a_shopify_collections_cards_are_read_in_the_currency_that_its_script_names() -> None:
    script = '<script>Shopify.theme = {"name":"Dawn"};Shopify.currency = {"active":"CAD","rate":"1.0"};</script>'
    onward = '<a rel="next" href="/collections/pins?page=2">n</a>'
    lazy = """<div class="grid-product"><a href="/collections/pins/products/sun" data-product-id="8012345678901">
<img data-src="//shop.example/cdn/shop/files/sun_{width}x.jpg?v=1">
<div class="grid-product__title">Sun pin</div></a></div>"""
    body = f"{script}<ul>{_dawn_card('moth', 'Moon moth pin')}</ul>{lazy}{onward}"
    answer = parse(Page("https://shop.example/collections/pins", body.encode()))
    assert (answer.marketplace, answer.kind) == ("shopify", "search")
    assert answer.next == "https://shop.example/collections/pins?page=2"
    moth, sun = answer.listings
    assert (moth.listing_id, moth.url) == ("shop.example/moth", "https://shop.example/products/moth")
    assert (moth.title, moth.price, moth.currency) == ("Moon moth pin", Decimal("12.50"), "CAD")
    assert moth.image_urls == ("https://shop.example/cdn/shop/files/moth.jpg?v=1",)
    assert (sun.listing_id, sun.aliases) == ("8012345678901", ("shop.example/sun",))
    assert sun.image_urls == ("https://shop.example/cdn/shop/files/sun.jpg?v=1",)
