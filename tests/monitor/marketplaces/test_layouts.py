"""Layouts without a recording. Every page here is synthetic, written from public descriptions of the site."""

# ruff: noqa: E501 - lines of HTML
from __future__ import annotations

import json
from decimal import Decimal

import pytest

from detectors.model import Outcome, Seller
from monitor.marketplaces import MARKETPLACES, parse
from monitor.marketplaces.base import Marketplace, Page, ParsedPage, Query
from monitor.marketplaces.demo import DemoBazaar

_SEARCH = "https://www.ebay.com/sch/i.html?_nkw=pin"


def _ebay(body: str, url: str = _SEARCH) -> ParsedPage:
    return parse(Page(url, f"<html><body>{body}</body></html>".encode()), "ebay")


def _card(number: str, src: str = "https://i.ebayimg.com/images/g/abcdefghij/s-l500.webp", extra: str = "") -> str:
    return (
        f'<li class="s-card" data-listingid={number}><a class="s-card__link" href="https://www.ebay.com/itm/{number}?x=1">'
        f'<img class="s-card__image" src="{src}"></a><div class="s-card__title"><span class="su-styled-text">Pin {number}'
        f'</span><span class="clipped">Opens in a new window or tab</span></div><span class="s-card__price">$5.00</span>{extra}</li>'
    )


def test_ebay_reads_the_search_evo_layout() -> None:
    card = (
        '<div class="su-item-card s-item-card--search-evo"><a href="https://www.ebay.com/itm/123456789012?hash=a">'
        '<img src="https://i.ebayimg.com/images/g/abcdefghij/s-l500.webp"></a>'
        '<div class="su-item-card__title">Enamel pin</div><span class="su-item-card__price">$6.79 to $9.48</span></div>'
    )
    answer = _ebay(f"<div class=srp-river>{card}</div>")
    [listing] = answer.listings
    assert answer.layout == "search-evo"
    assert (listing.listing_id, listing.title, listing.price) == ("123456789012", "Enamel pin", Decimal("6.79"))
    assert listing.image_urls == ("https://i.ebayimg.com/images/g/abcdefghij/s-l1600.jpg",)


def test_ebay_counts_only_results_before_those_matching_fewer_words() -> None:
    fewer = '<li class="srp-river-answer srp-river-answer--REWRITE_START">Results matching fewer words</li>'
    answer = _ebay(f"<ul class=srp-results>{_card('123456789012')}{fewer}{_card('223456789012')}</ul>")
    assert [listing.listing_id for listing in answer.listings] == ["123456789012"]
    assert _ebay(f"<ul class=srp-results>{fewer}{_card('223456789012')}</ul>").outcome is Outcome.EMPTY


@pytest.mark.parametrize(
    ("count", "outcome"),
    [
        ("0 results for pin", Outcome.EMPTY),
        ("0 Ergebnisse für pin", Outcome.EMPTY),
        ("1,200+ results for pin", Outcome.DRIFT),
    ],
)
def test_ebay_without_cards_is_empty_only_if_the_page_says_zero(count: str, outcome: Outcome) -> None:
    answer = _ebay(
        f'<h1 class="srp-controls__count-heading">{count}</h1><ul class=srp-results></ul>' + "<p>x</p>" * 900
    )
    assert answer.outcome is outcome
    assert outcome is Outcome.EMPTY or "li.s-card" in answer.reason


def test_ebay_drops_the_phantom_card() -> None:
    answer = _ebay(f"<ul class=srp-results>{_card('123456')}{_card('123456789012')}</ul>")
    assert [listing.listing_id for listing in answer.listings] == ["123456789012"]


def test_ebay_reads_a_current_item_page() -> None:
    product = {
        "@type": "Product",
        "name": "Enamel &amp; gold pin",
        "image": ["https://i.ebayimg.com/images/g/abcdefghij/s-l1600.jpg"],
        "offers": {"price": 12.5, "priceCurrency": "GBP"},
    }
    account = '<div class="x-sellercard-atf__info__about-seller"><a href="https://www.ebay.co.uk/str/pins"><span class="ux-textspans">pins-ltd</span></a></div>'
    answer = _ebay(
        f'<script type="application/ld+json">{json.dumps(product)}</script>{account}',
        "https://www.ebay.co.uk/itm/123456789012",
    )
    [listing] = answer.listings
    assert (listing.url, listing.title) == ("https://www.ebay.co.uk/itm/123456789012", "Enamel & gold pin")
    assert (listing.price, listing.currency) == (Decimal("12.5"), "GBP")
    assert listing.seller == Seller("pins", "pins-ltd", "https://www.ebay.com/str/pins")


def test_an_ended_ebay_listing_is_gone() -> None:
    answer = _ebay(
        '<div class="d-statusmessage">This listing ended on Mon, Nov 2.</div>', "https://www.ebay.com/itm/123456789012"
    )
    assert answer.outcome is Outcome.GONE


def test_a_page_saved_by_a_browser_keeps_its_cards_and_the_paths_of_their_pictures() -> None:
    cards = _card("123456789012", "./pins_files/s-l500.webp") + _card("223456789012", "./pins_files/s-l500(1).webp")
    saved = f"<!-- saved from url=(0040){_SEARCH} -->\n<html><body><ul class=srp-results>{cards}</ul></body></html>"
    answer = parse(Page("", saved.encode()))
    assert answer.marketplace == "ebay"
    assert [listing.image_urls for listing in answer.listings] == [(), ()]
    assert answer.local_pictures == {
        "123456789012": ("./pins_files/s-l500.webp",),
        "223456789012": ("./pins_files/s-l500(1).webp",),
    }


def test_aliexpress_data_keeps_its_addresses_beside_the_saved_cards_paths() -> None:
    item = {
        "productId": "3256809260449850",
        "title": {"displayTitle": "Pin"},
        "image": {"imgUrl": "//ae-pic-a1.aliexpress-media.com/kf/S1.jpg"},
        "store": {"storeId": 9, "storeName": "Pins", "storeUrl": "//www.aliexpress.com/store/9"},
    }
    data = {"data": {"root": {"fields": {"mods": {"itemList": {"content": {"0": item}}}}}}}
    body = (
        f"<script>window._dida_config_._init_data_= {{ data: {json.dumps(data)} }}</script>"
        '<a href="https://www.aliexpress.com/item/3256809260449850.html"><img src="./pins_files/S1.jpg_350x350.jpg"></a>'
    )
    answer = parse(Page("https://www.aliexpress.com/w/wholesale-pin.html", body.encode()))
    assert answer.listings[0].seller == Seller("9", "Pins", "https://www.aliexpress.com/store/9")
    assert answer.listings[0].image_urls == ("https://ae-pic-a1.aliexpress-media.com/kf/S1.jpg",)
    assert answer.local_pictures["3256809260449850"] == (
        "./pins_files/S1.jpg_350x350.jpg",
        "https://ae-pic-a1.aliexpress-media.com/kf/S1.jpg",
    )


def test_aliexpress_reads_saved_cards_without_data() -> None:
    card = (
        '<a class="search-card-item" href="//www.aliexpress.com/item/1005006123456789.html?x=1"><img src="./a_files/S.jpg_.avif">'
        '<h3>Enamel pin</h3><div class="_1 price--a"><span>US $1</span><span>.99</span></div></a>'
    )
    answer = parse(Page("https://www.aliexpress.com/w/wholesale-pin.html", card.encode()))
    [listing] = answer.listings
    assert (listing.listing_id, listing.title) == ("1005006123456789", "Enamel pin")
    assert (listing.price, listing.currency) == (Decimal("1.99"), "USD")


def test_aliexpress_without_an_item_list_is_empty_by_its_search_tips() -> None:
    body = '<script>_init_data_= { data: {"data":{"root":{"fields":{"mods":{"searchTips":{}}}}}} }</script>'
    assert parse(Page("https://www.aliexpress.com/w/wholesale-x.html", body.encode())).outcome is Outcome.EMPTY


def test_a_search_names_its_next_page() -> None:
    info = {"page": 1, "pageSize": 60, "totalResults": 120}
    mods = {"itemList": {"content": [{"productId": "1005006123456789", "title": {"displayTitle": "Pin"}}]}}
    data = {"data": {"root": {"fields": {"mods": mods, "pageInfo": info}}}}
    body = f"<script>_init_data_= {{ data: {json.dumps(data)} }}</script>"
    answer = parse(Page("https://www.aliexpress.com/w/wholesale-pin.html?g=y", body.encode()))
    assert answer.next == "https://www.aliexpress.com/w/wholesale-pin.html?g=y&page=2"


def test_a_link_to_another_site_is_no_next_page() -> None:
    cards = f"<ul class=srp-results>{_card('123456789012')}</ul>"
    assert _ebay(f'{cards}<a class="pagination__next" href="https://evil.example/2">n</a>').next is None
    assert (
        _ebay(f'{cards}<a class="pagination__next" href="/sch/i.html?_pgn=2">n</a>').next
        == "https://www.ebay.com/sch/i.html?_pgn=2"
    )


def test_an_empty_shopify_list_is_a_genuine_zero() -> None:
    assert (
        parse(Page("https://shop.example/products.json?page=9", b'{"products":[]}'), "shopify").outcome is Outcome.EMPTY
    )


def test_shopify_joins_addresses_with_the_shop_and_counts_cents_in_product_js() -> None:
    product = {
        "id": 5,
        "title": "Pin",
        "handle": "rote-nadel-ü",
        "vendor": "V",
        "variants": [{"price": 1250}],
        "images": ["//cdn.shopify.com/a.jpg"],
    }
    answer = parse(Page("https://shop.example/products/x.js", json.dumps(product).encode()))
    [listing] = answer.listings
    assert listing.url == "https://shop.example/products/rote-nadel-%C3%BC"
    assert (listing.price, listing.currency) == (Decimal("12.50"), None)
    assert listing.aliases == ("shop.example/rote-nadel-ü",)
    assert listing.seller == Seller("shop.example", "V", "https://shop.example/")


def test_microdata_and_open_graph_describe_a_product_too() -> None:
    micro = (
        '<div itemscope itemtype="https://schema.org/Product"><h1 itemprop="name">Pin</h1><img itemprop="image" src="/a.jpg">'
        '<meta itemprop="sku" content="A1"><div itemprop="offers" itemscope itemtype="https://schema.org/Offer">'
        '<meta itemprop="priceCurrency" content="EUR"><span itemprop="price" content="4.50">4,50</span></div></div>'
    )
    graph = (
        '<head><meta property="og:type" content="product"><meta property="og:title" content="Pin">'
        '<meta property="og:image" content="https://shop.example/a.jpg"><meta property="product:price:amount" content="4.50">'
        '<meta property="product:price:currency" content="EUR"></head>'
    )
    for body, layout in ((micro, "schema.org"), (graph, "open-graph")):
        answer = parse(Page("https://shop.example/p/pin?utm_source=a", body.encode()))
        [listing] = answer.listings
        assert layout in answer.layout
        assert (listing.title, listing.price, listing.currency) == ("Pin", Decimal("4.50"), "EUR")
        assert (listing.url, listing.image_urls) == ("https://shop.example/p/pin", ("https://shop.example/a.jpg",))


def test_woocommerce_prices_are_in_minor_units() -> None:
    product = {
        "id": 7, "name": "Pin &amp; badge", "permalink": "https://shop.example/product/pin/",
        "prices": {"price": "1250", "currency_code": "EUR", "currency_minor_unit": 2},
        "images": [{"src": "https://shop.example/wp-content/a-300x300.jpg"}],
    }  # fmt: skip
    answer = parse(Page("https://shop.example/wp-json/wc/store/v1/products", json.dumps([product]).encode()))
    [listing] = answer.listings
    assert (answer.marketplace, listing.title) == ("woocommerce", "Pin & badge")
    assert (listing.price, listing.currency) == (Decimal("12.50"), "EUR")
    assert listing.image_urls == ("https://shop.example/wp-content/a.jpg",)


def test_etsys_api_divides_amounts() -> None:
    item = {
        "listing_id": 550571276, "title": "Mat", "shop_id": 3, "price": {"amount": 4390, "divisor": 100, "currency_code": "EUR"},
        "images": [{"url_fullxfull": "https://i.etsystatic.com/1/r/il/a/2/il_fullxfull.2_b.jpg"}],
    }  # fmt: skip
    answer = parse(Page("", json.dumps({"count": 1, "results": [item]}).encode()), "etsy")
    [listing] = answer.listings
    assert (listing.price, listing.currency) == (Decimal("43.9"), "EUR")
    assert listing.url == "https://www.etsy.com/listing/550571276"


def test_a_challenge_page_of_alibaba_yields_no_offers() -> None:
    offers = [{"productId": 1600267883372, "title": "1600267883372", "price": "US$0.00"}]
    body = f"<script>window.__page__data_sse10._offer_list = {json.dumps({'offerResultData': {'offers': offers, 'totalCount': 1}})};</script>"
    assert parse(Page("https://www.alibaba.com/trade/search?SearchText=x", body.encode())).outcome is not Outcome.OK
    offers[0] |= {
        "title": "Custom <b>enamel</b> pin",
        "price": "US$0.50-1.20",
        "companyName": "Pins Ltd",
        "companyId": 4,
    }
    body = f"<script>window.__page__data_sse10._offer_list = {json.dumps({'offerResultData': {'offers': offers}})};</script>"
    [listing] = parse(Page("https://www.alibaba.com/trade/search?SearchText=x", body.encode())).listings
    assert (listing.title, listing.price, listing.currency) == ("Custom enamel pin", Decimal("0.50"), "USD")
    assert listing.seller == Seller("4", "Pins Ltd")


def test_a_counted_but_empty_list_is_no_zero() -> None:
    answer = parse(Page("", b'{"success":true,"errors":[],"total":"257","items":[]}'), "megamarket")
    assert answer.outcome is Outcome.DRIFT
    assert (
        parse(Page("", b'{"success":true,"errors":[],"total":"0","items":[]}'), "megamarket").outcome is Outcome.EMPTY
    )


def test_the_demo_bazaar_is_recognised_by_its_mark() -> None:
    card = (
        '<article class="listing" data-id="100123"><a class="title" href="/item/100123">Pin</a>'
        '<span class="price" data-currency="EUR" data-amount="4.99">€4.99</span>'
        '<a class="seller" href="/seller/s17" data-id="s17">Ann</a><img src="/thumb/p.jpg"></article>'
    )
    body = (
        f'<main data-bazaar="search" data-total="312">{card}</main><a rel="next" href="/search?q=pin&amp;page=2">n</a>'
    )
    answer = parse(Page("http://127.0.0.1:8123/search?q=pin", body.encode()))
    [listing] = answer.listings
    assert (answer.marketplace, answer.next) == ("demo-bazaar", "http://127.0.0.1:8123/search?q=pin&page=2")
    assert (listing.url, listing.image_urls) == (
        "http://127.0.0.1:8123/item/100123",
        ("http://127.0.0.1:8123/full/p.jpg",),
    )
    assert listing.seller == Seller("s17", "Ann", "http://127.0.0.1:8123/seller/s17")


def test_the_demo_bazaar_searches_only_below_its_address() -> None:
    bazaar = DemoBazaar("http://127.0.0.1:8123")
    request = bazaar.search_request("pin")
    assert request is not None
    assert (request.url, request.params) == ("http://127.0.0.1:8123/search", {"q": "pin"})
    assert bazaar.canonical("http://127.0.0.1:8123/item/5?x=1") == ("5", "http://127.0.0.1:8123/item/5")
    assert bazaar.canonical("http://127.0.0.1:9999/item/5") is None
    assert DemoBazaar().search_request("pin") is None


@pytest.mark.parametrize("site", MARKETPLACES.values(), ids=lambda site: site.name)
def test_a_search_request_stays_on_the_marketplaces_own_hosts(site: Marketplace) -> None:
    request = site.search_request("enamel pin & more")
    host = request.url.split("/")[2] if request else ""
    assert request is None or any(host == known or host.endswith(f".{known}") for known in site.hosts)


AVITO_ITEM = """<html><body><h1 data-marker="item-view/title-info">Брелок с лунной бабочкой</h1>
<span data-marker="item-view/item-price" content="1500">1\u00a0500 ₽</span>
<div data-marker="image-frame/image-wrapper"><img src="https://00.img.avito.st/image/1/1.big.jpg"></div>
<ul><li data-marker="image-preview/item"><img src="https://00.img.avito.st/image/1/1.small.jpg"></li></ul>
<a data-marker="seller-link/link" href="/user/abc123/profile?src=item">Мастерская</a></body></html>"""

MEGAMARKET_ITEM = """<html><body><h1 class="pdp-header__title pdp-header__title_only-title">Брелок Луна</h1>
<span class="sales-block-offer-price__price-final">1 290 ₽</span>
<div class="pdp-gallery"><img src="https://main-cdn.sbermegamarket.ru/big1/1.jpg"></div>
<a class="pdp-merchant-rating-block__merchant-name" href="/shop/luna/">Луна</a></body></html>"""


@pytest.mark.parametrize(
    ("site", "url", "body", "listing_id", "price", "seller"),
    [
        ("avito", "https://www.avito.ru/moskva/kollektsii/brelok_8056271479?context=x", AVITO_ITEM, "8056271479", 1500,
         ("Мастерская", "https://www.avito.ru/user/abc123/profile?src=item")),
        ("megamarket", "https://megamarket.ru/catalog/details/brelok-luna-100039500627/", MEGAMARKET_ITEM, "100039500627",
         1290, ("Луна", "https://megamarket.ru/shop/luna/")),
    ],
)  # fmt: skip
def test_item_pages_without_a_recording_are_read_by_the_marks_that_others_go_by(
    site: str, url: str, body: str, listing_id: str, price: int, seller: tuple[str, str]
) -> None:
    for marketplace in (None, site):
        page = parse(Page(url, body.encode(), headers={"content-type": "text/html; charset=utf-8"}), marketplace)
        (listing,) = page.listings
        assert (page.marketplace, page.kind, listing.listing_id) == (site, "product", listing_id)
        assert (listing.price, listing.currency) == (price, "RUB")
        assert listing.seller is not None
        assert (listing.seller.name, listing.seller.url) == seller
        assert listing.image_urls


def test_what_a_seller_offers_on_amazon_is_a_search_with_or_without_words() -> None:
    amazon = MARKETPLACES["amazon"]
    whole, some = amazon.query_request(Query(seller="A1B2")), amazon.query_request(Query("pin", seller="A1B2"))
    assert whole is not None
    assert some is not None
    assert (dict(whole.params), dict(some.params)) == ({"me": "A1B2"}, {"k": "pin", "me": "A1B2"})
    assert amazon.query_request(Query(seller="A1B2", picture=b"x")) is None


def test_a_facebook_items_page_gives_that_item_with_what_its_scripts_tell_apart() -> None:
    def script(*targets: dict[str, object]) -> str:
        data = [{"marketplace_product_details_page": {"target": target}} for target in targets]
        return f'<script type="application/json">{json.dumps({"require": data})}</script>'

    title = {"marketplace_listing_title": "Pin"}
    body = (
        script({"id": "1234567890123", **title})
        + script({"id": "9234567890123", **title}, {"id": "1234567890123", **title, "listing_price": {"amount": "9.00", "currency": "EUR"},
                  "marketplace_listing_seller": {"id": "77", "name": "Ann"}})
        + script({"listing_photos": [{"image": {"uri": "https://scontent.xx.fbcdn.net/a.jpg?oh=1"}}]})
    )  # fmt: skip
    answer = parse(Page("https://www.facebook.com/marketplace/item/1234567890123/?ref=x", body.encode()))
    [listing] = answer.listings
    assert (answer.kind, listing.listing_id, listing.price, listing.currency) == ("product", "1234567890123", 9, "EUR")
    assert listing.image_urls == ("https://scontent.xx.fbcdn.net/a.jpg?oh=1",)
    assert listing.seller == Seller("77", "Ann")


def test_vinted_reads_an_item_page_by_its_marks() -> None:
    body = (
        '<div data-testid="item-photo-1"><img src="https://images1.vinted.net/t/a/f800/1.webp?s=x"></div>'
        '<div data-testid="item-page-summary-plugin"><h1 class="web_ui__Text__title">Pin, gold</h1></div>'
        '<div data-testid="item-price"><p>3,00 €</p></div><span data-testid="profile-username">ann7</span>'
        '<div class="new-item-box__container"><a class="new-item-box__overlay" href="/items/2222222222-x" title="Other"></a></div>'
    )
    answer = parse(Page("https://www.vinted.fr/items/6543210987-pin-gold?ref=1", body.encode()))
    [listing] = answer.listings
    assert (answer.kind, listing.listing_id, listing.title) == ("product", "6543210987", "Pin, gold")
    assert (listing.price, listing.currency, listing.seller) == (Decimal("3.00"), "EUR", Seller("ann7", "ann7"))
    assert listing.image_urls == ("https://images1.vinted.net/t/a/f800/1.webp?s=x",)


@pytest.mark.parametrize(
    ("url", "seller"),
    [
        ("https://www.vinted.fr/items/6543210987-pin", None),
        ("https://www.lazada.com.my/products/pin-i149806956.html", None),
        ("https://www.etsy.com/listing/1702915637/pin", Seller("Luna", "Luna")),
    ],
)
def test_a_brand_is_a_seller_only_where_shops_are_named_so(url: str, seller: Seller | None) -> None:
    product = {
        "@type": "Product",
        "name": "Pin",
        "url": url,
        "brand": {"name": "Luna"},
        "offers": {"price": "3", "priceCurrency": "EUR"},
    }
    answer = parse(Page(url, f'<script type="application/ld+json">{json.dumps(product)}</script>'.encode()))
    assert answer.listings[0].seller == seller
    product["offers"] = {"price": "3", "seller": {"name": "Ann"}}
    answer = parse(Page(url, f'<script type="application/ld+json">{json.dumps(product)}</script>'.encode()))
    assert answer.listings[0].seller == Seller("Ann", "Ann")


def test_aliexpress_takes_a_rendered_items_pictures_from_its_script_too() -> None:
    body = (
        '<script>window._d_c_.DCData = {"imagePathList":["https://ae01.alicdn.com/kf/S1.jpg","https://ae01.alicdn.com/kf/S2.jpg"]};</script>'
        '<h1 data-pl="product-title">Pin</h1><span class="price--currentPriceText--V8_y_b5">US $1.99</span>'
        '<div class="slider--img--1"><img src="./Pin_files/S1.jpg_220x220.jpg_.avif"></div>'
    )
    answer = parse(Page("https://www.aliexpress.com/item/1005006123456789.html", body.encode()))
    [listing] = answer.listings
    assert (listing.title, listing.price, listing.currency) == ("Pin", Decimal("1.99"), "USD")
    assert listing.image_urls == ("https://ae01.alicdn.com/kf/S1.jpg", "https://ae01.alicdn.com/kf/S2.jpg")
