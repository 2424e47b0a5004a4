"""Cards of shop systems, as public readers go by their marks. Every page here is invented."""

# ruff: noqa: E501 - lines of HTML
from __future__ import annotations

import json
from decimal import Decimal

import pytest

from detectors.model import Outcome, Seller
from monitor.marketplaces import parse
from monitor.marketplaces.base import Page

_WIX = (
    '<li data-hook="product-list-grid-item"><div data-slug="moth" role="group" aria-label="Moth gallery" data-hook="product-item-root">'
    '<a href="https://shop.example/product-page/moth" data-hook="product-item-container"><img src="https://static.wixstatic.com/media/'
    '8_9c~mv2.jpg/v1/fill/w_6,h_4,al_c/8_9c~mv2.webp"></a><a href="https://shop.example/product-page/moth"><p data-hook="product-item-name">'
    'Moth</p><span data-hook="product-item-price-before-discount">€15.00</span><span data-hook="product-item-price-to-pay">€12.90</span></a></div></li>'
)
_OPENCART = (
    '<div class="product-layout product-grid"><div class="product-thumb"><div class="image"><a href="https://shop.example/index.php?route='
    'product/product&amp;product_id=43&amp;search=moth"><img src="/image/cache/moth-200x200.jpg" alt="Moth"></a></div><div class="caption">'
    '<h4><a href="https://shop.example/index.php?route=product/product&amp;product_id=43&amp;search=moth">Moth</a></h4><p class="price">'
    '<span class="price-old">€15.00</span> <span class="price-new">€12.90</span><span class="price-tax">Ex Tax: €10.75</span></p></div>'
    "<button onclick=\"cart.add('43')\">Add</button></div></div>"
)
_BIGCOMMERCE = (
    '<li class="product"><article class="card" data-test="card-77"><figure class="card-figure"><a href="https://shop.example/moth/">'
    '<img class="card-image lazyload" data-src="https://cdn11.bigcommerce.com/s-1/images/stencil/500x659/products/77/moth.jpg?c=1"></a>'
    '<figcaption class="card-figcaption"><a class="button quickview" data-product-id="77">Quick view</a></figcaption></figure>'
    '<div class="card-body"><h3 class="card-title"><a href="https://shop.example/moth/">Moth</a></h3><div class="price-section"><span '
    'class="price price--non-sale">€15.00</span><span class="price price--withTax price--main">€12.90</span></div></div></article></li>'
    '<li class="pagination-item pagination-item--next"><a href="/pins/?page=2">Next</a></li>'
)
_SQUARESPACE_OLD = (
    '<div class="ProductList-item" data-item-id="5f0"><a class="ProductList-item-link" href="/shop/p/moth"><img data-src="https://images.'
    'squarespace-cdn.com/content/v1/a/1-X/moth.jpg"></a><h1 class="ProductList-title">Moth</h1><div class="product-price"><span '
    'class="sqs-money-native">12.90</span></div></div>'
)
_SQUARESPACE_NEW = (
    '<div class="grid-item"><a class="grid-item-link product-lists-item" href="/shop/p/moth"><img data-src="https://images.squarespace-cdn'
    '.com/content/v1/a/1-X/moth.jpg"></a><section class="grid-meta-wrapper"><div class="grid-title">Moth</div><div class="product-price">'
    "€12.90</div></section></div>"
)
_ECWID = (
    '<div class="grid-product grid-product--id-77"><div class="grid-product__wrap" data-product-id="77"><a class="grid-product__image" '
    'href="https://shop.example/Moth-p77"><img class="grid-product__picture" src="https://d2j6dbq0eux0bg.cloudfront.net/images/1/2.jpg"></a>'
    '<a class="grid-product__title" href="https://shop.example/Moth-p77"><div class="grid-product__title-inner">Moth</div></a><div class='
    '"grid-product__price"><div class="grid-product__price-amount"><div class="ec-price-item">€12.90</div></div></div></div></div>'
)
_TEEPUBLIC = (
    '<div class="m-tiles__tile jsDesignContainer" data-design-id="79297603" data-gtm-design-title="moth"><a class="jsDesignLink" href="/t-shirt/'
    '79297603-moth?store_id=1"><img data-src="https://res.cloudinary.com/teepublic/image/private/s--a--/79297603_0.jpg" alt="Moth"></a>'
    '<span class="price">€12.90</span></div>'
)


@pytest.mark.parametrize(
    ("card", "number", "url", "picture"),
    [
        (_WIX, "shop.example/product-page/moth", "/product-page/moth", "https://static.wixstatic.com/media/8_9c~mv2.jpg"),
        (_OPENCART, "shop.example/index.php?product_id=43", "/index.php?route=product/product&product_id=43&search=moth", "https://shop.example/image/cache/moth-200x200.jpg"),
        (_BIGCOMMERCE, "77", "/moth/", "https://cdn11.bigcommerce.com/s-1/images/stencil/500x659/products/77/moth.jpg?c=1"),
        (_SQUARESPACE_OLD, "5f0", "/shop/p/moth", "https://images.squarespace-cdn.com/content/v1/a/1-X/moth.jpg"),
        (_SQUARESPACE_NEW, "shop.example/shop/p/moth", "/shop/p/moth", "https://images.squarespace-cdn.com/content/v1/a/1-X/moth.jpg"),
        (_ECWID, "77", "/Moth-p77", "https://d2j6dbq0eux0bg.cloudfront.net/images/1/2.jpg"),
        (_TEEPUBLIC, "79297603", "/t-shirt/79297603-moth?store_id=1", "https://res.cloudinary.com/teepublic/image/private/s--a--/79297603_0.jpg"),
    ],
    ids=["wix", "opencart", "bigcommerce", "squarespace 7.0", "squarespace 7.1", "ecwid", "teepublic"],
)  # fmt: skip
def test_the_cards_of_a_shop_system_are_read(card: str, number: str, url: str, picture: str) -> None:
    page = parse(Page("https://shop.example/search?q=moth", f"<ul>{card}</ul>".encode()))
    assert (page.outcome, page.marketplace, page.kind) == (Outcome.OK, "generic-jsonld", "search"), page.reason
    [listing] = page.listings
    assert (listing.listing_id, listing.url, listing.title) == (number, f"https://shop.example{url}", "Moth")
    assert (listing.price, listing.image_urls) == (Decimal("12.90"), (picture,))
    assert listing.currency == ("EUR" if "€" in card else None)
    assert page.next == ("https://shop.example/pins/?page=2" if card is _BIGCOMMERCE else None)


@pytest.mark.parametrize(
    "card",
    [
        '<article class="card"><h3 class="card-title"><a href="/news/1">News</a></h3><img src="/1.jpg"></article>',
        '<div class="grid-item"><a href="/news/1"><img src="/1.jpg" alt="News"></a></div>',
        '<div class="product-thumb"><img src="/1.jpg"></div>',
    ],
)
def test_cards_of_no_goods_are_left_alone(card: str) -> None:
    assert parse(Page("https://shop.example/news", card.encode())).outcome is not Outcome.OK


@pytest.mark.parametrize(
    "url", ["https://moths.bigcartel.com/products.json", "https://api.bigcartel.com/moths/products.json?page=1"]
)
def test_what_a_big_cartel_shop_hands_out_is_read(url: str) -> None:
    image = {
        "url": "http://assets.bigcartel.com/product_images/1/moth.jpg",
        "secure_url": "https://assets.bigcartel.com/product_images/1/moth.jpg",
    }
    product = {"id": 7, "name": "Moth", "permalink": "moth", "url": "/product/moth", "price": 12.9, "images": [image]}
    page = parse(Page(url, json.dumps([product, {"name": "no product"}]).encode()))
    assert (page.outcome, page.marketplace, page.kind) == (Outcome.OK, "generic-jsonld", "search"), page.reason
    [listing] = page.listings
    assert (listing.listing_id, listing.url) == ("7", "https://moths.bigcartel.com/product/moth")
    assert (listing.title, listing.price, listing.currency) == ("Moth", Decimal("12.9"), None)
    assert listing.image_urls == ("https://assets.bigcartel.com/product_images/1/moth.jpg",)
    assert listing.seller == Seller("moths.bigcartel.com", "moths.bigcartel.com")
