"""AliExpress: the search page's own data, its cards as saved from a browser, and item pages in three generations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from selectolax.lexbor import LexborNode

from detectors.model import Listing, Outcome, Seller
from monitor.errors import LayoutChanged
from monitor.marketplaces import aliexpress_ru
from monitor.marketplaces.apis import AliExpressOpen
from monitor.marketplaces.base import Abilities, Pace, Page, ParsedPage, Query, Request
from monitor.marketplaces.document import Document, document, first_text, load_literal
from monitor.marketplaces.html import image_sources, linked_pictures
from monitor.marketplaces.prices import Price, iso_code, minor_digits, read_price, to_decimal
from monitor.marketplaces.reading import Found, Site, dicts, dig, found, next_page, nothing, page_number, parsed, seller
from monitor.marketplaces.tables import envelopes, find
from monitor.marketplaces.text import clean_text, one_line
from monitor.marketplaces.urls import absolute, on_host, query_value, split

_ITEM_PATH = re.compile(r"^/(?:item|i|s/item|store/product)/(?:[^/]+/)?(?:\d+_)?(\d{8,19})\.html?$")
_ITEM_LINKS = 'a[href*="/item/"]'
# Where an item's data lies: what the page's script held to 2022 ("...Module") and to 2025 ("...Component"), and the
# answer that the page has asked for since (mtop.aliexpress.pdp.pc.query), as many public readers name the fields.
_ITEM = {
    "id": "commonModule.productId || storeModule.productId || productInfoComponent.id "
    "|| GLOBAL_DATA.globalData.productId || GLOBAL_DATA.globalData.productInfo.productId || PRICE.productId",
    "title": "titleModule.subject || productInfoComponent.subject || PRODUCT_TITLE.text "
    "|| GLOBAL_DATA.globalData.subject",
    "amount": "priceModule.minActivityAmount.value || priceModule.minAmount.value "
    "|| priceComponent.discountPrice.minActivityAmount.value || priceComponent.origPrice.minAmount.value",
    "shown": "priceModule.formatedActivityPrice || priceModule.formatedPrice "
    "|| priceComponent.discountPrice.minActivityAmount.formatedAmount "
    "|| priceComponent.origPrice.minAmount.formatedAmount "
    "|| PRICE.targetSkuPriceInfo.salePriceString || (PRICE.skuPriceInfoMap.* | [0].salePriceString) "
    "|| PRICE.targetSkuPriceInfo.originalPrice.formatedAmount",
    "currency": "priceModule.minActivityAmount.currency || priceModule.minAmount.currency || commonModule.currencyCode "
    "|| priceComponent.discountPrice.minActivityAmount.currency || priceComponent.origPrice.minAmount.currency "
    "|| currencyComponent.currencyCode || GLOBAL_DATA.globalData.currencyCode",
    "pictures": "imageModule.imagePathList || imageComponent.imagePathList || HEADER_IMAGE_PC.imagePathList "
    "|| HEADER_IMAGE_PC.imgList",
    "store": "storeModule || sellerComponent "
    "|| SHOP_CARD_PC && merge(SHOP_CARD_PC, SHOP_CARD_PC.sellerInfo || `{}`) || GLOBAL_DATA.globalData",
}
_API_OK, _API_EMPTY = 200, 405  # in the answer, whatever the HTTP status
_ALIKE_OK = frozenset({"", "0", "200"})
_PAGE_PRICE = (
    "[class*='price-default--current'], [class*='price--current'], [class*='uniform-banner-box-price'], "
    "[class*='product-price-current'], .product-price-value"
)
_SLUG = re.compile(r"[^\w]+")
_MONEY = re.compile(
    r"(?:[A-Z]{1,3} ?)?[$£¥\u20a0-\u20cf] ?\d[\d., ]*|[A-Z]{3} ?\d[\d., ]*"
    r"|\d[\d., ]*(?:[$£¥\u20a0-\u20cf]|zł|Kč|kr|руб)\.?"
)
# Where the item list lies: the search script's own root, the answers of the search API, and bare parts of either.
_MODS = (
    ("data", "root", "fields", "mods"),
    ("data", "data", "root", "fields", "mods"),
    ("root", "fields", "mods"),
    ("data", "result", "mods"),
    ("result", "mods"),
    ("mods",),
)


@dataclass(frozen=True)
class AliExpress(Site):
    """AliExpress on its international hosts and aliexpress.ru, whose addresses stay its own.

    With ``api`` it is searched by its Open Platform, by picture too with a dropshipper's session; else by its pages.
    """

    api: AliExpressOpen | None = None

    def query_request(self, query: Query) -> Request | None:
        """By the API, or else by the search page, which knows keywords alone."""
        return self.api.search(query) if self.api else super().query_request(query)

    def listing_request(self, listing: Listing) -> Request | None:
        """The item's details, by the API, or else its page."""
        return self.api.item(listing.listing_id) if self.api else super().listing_request(listing)

    def search_request(self, keyword: str) -> Request | None:
        """``/w/wholesale-<keyword>.html``, the form that ``/search`` redirects to."""
        return Request(f"https://www.aliexpress.com/w/wholesale-{_SLUG.sub('-', keyword).strip('-')}.html")

    def recognises(self, page: Page) -> bool:
        """By the page's address, else by the shape of its data."""
        whole = document(page)
        if super().recognises(page):
            return True
        if whole.looks_like_json:
            if _answer(whole.data) or _is_item(whole.data):
                return True
            return any("productId" in item and dig(item, "title", "displayTitle") for item in _items(whole.data)[:5])
        return "_init_data_" in whole.text and "aliexpress" in whole.text[:200_000]

    def canonical(self, url: str) -> tuple[str, str] | None:
        """``/item/<id>.html`` in any language, with slug, store or mobile form."""
        parts = split(url)
        if parts is None or not on_host(parts.netloc, self.hosts):
            return None
        match = _ITEM_PATH.match(parts.path)
        number = match[1] if match else query_value(parts, "productId", "productIds", "itemId") or ""
        if not re.fullmatch(r"\d{8,19}", number, re.ASCII):
            return None
        home = "https://aliexpress.ru" if on_host(parts.netloc, {"aliexpress.ru"}) else "https://www.aliexpress.com"
        return number, f"{home}/item/{number}.html"

    def parse(self, page: Page) -> ParsedPage:
        """A search page or an item page.

        Raises:
            LayoutChanged: No known place holds a listing.
        """
        whole = document(page)
        if on_host(_host(whole), aliexpress_ru.SITE.hosts):
            with suppress(LayoutChanged):
                return aliexpress_ru.SITE.parse(page)
        if whole.looks_like_json and (told := _answer(whole.data)):
            return self._parse_alike(whole, told) if "result" in told else self._parse_api(whole, told)
        if whole.looks_like_json:
            return self._parse_search(whole, whole.data) or self._parse_item(whole, whole.data)
        for data in _script_data(whole, "_init_data_"):
            answer = self._parse_search(whole, data)
            if answer is not None:
                return answer
        for data in _script_data(whole, "runParams"):
            if _is_item(data):
                return self._parse_item(whole, data)
            answer = self._parse_search(whole, data)
            if answer is not None:
                return answer
        return self._parse_rendered(whole)

    def _parse_search(self, page: Document, data: Any) -> ParsedPage | None:
        items = _items(data)
        if not items:
            mods = next(filter(None, (dig(data, *path) for path in _MODS)), None)
            told = isinstance(mods, Mapping) and "itemList" not in mods and "searchTips" in mods
            return nothing(self, "init-data", "searchTips and no itemList") if told else None
        shown = {} if page.looks_like_json else linked_pictures(page.tree, _ITEM_LINKS, self._id_of)
        founds = [self._item(page, item, shown) for item in items]
        return parsed(self, page, founds, layout="init-data itemList", following=_following(page, data))

    def _parse_api(self, page: Document, answer: Mapping[str, Any]) -> ParsedPage:
        """An answer of the affiliate API, by the field names that its clients use; no recording of it exists."""
        outcome = dig(answer, "resp_result", "resp_code")
        refused = clean_text(answer.get("code")) or (
            clean_text(outcome) if outcome not in {_API_OK, _API_EMPTY} else ""
        )
        if refused:
            told = clean_text(answer.get("msg") or dig(answer, "resp_result", "resp_msg"))
            too_often = Outcome.RATE_LIMITED if "limit" in refused.lower() else Outcome.FAILED
            return ParsedPage(
                too_often, self.name, layout="affiliate-api", reason=f"the API answered {refused}: {told}"
            )
        result = dig(answer, "resp_result", "result")
        products = dicts(dig(result, "products", "product") or dig(result, "products"))
        if outcome == _API_EMPTY or (not products and dig(result, "current_record_count") == 0):
            return nothing(self, "affiliate-api", "the API knows no such product")
        counted, shown = dig(result, "total_record_count"), dig(result, "current_page_no")
        number = shown if isinstance(shown, int) else page_number(page, "page_no")
        size = page_number(page, "page_size", 50)
        following = (
            next_page(page, "page_no", number + 1) if isinstance(counted, int) and number * size < counted else None
        )
        founds = [self._product(page, product) for product in products]
        kind = "product" if counted is None else "search"
        return parsed(self, page, founds, layout="affiliate-api products", kind=kind, following=following)

    def _parse_alike(self, page: Document, answer: Mapping[str, Any]) -> ParsedPage:
        """An answer of the search by picture, by its documented example and field names; no recording of it exists."""
        result = dig(answer, "result")
        code = clean_text(dig(result, "code"))
        if dig(result, "ret") is False or code not in _ALIKE_OK:
            told = clean_text(dig(result, "messages")) or clean_text(dig(result, "msg"))
            return ParsedPage(
                Outcome.FAILED, self.name, layout="picture-search", reason=f"the API answered {code}: {told}"
            )
        data = dig(result, "data")
        products = dicts(dig(data, "products") or dig(data, "data") or data)
        if dig(result, "empty") is True or dig(result, "total_count") == 0:
            return nothing(self, "picture-search", "the API knows nothing that looks like it")
        return parsed(self, page, [self._product(page, one) for one in products], layout="picture-search products")

    def _product(self, page: Document, product: Mapping[str, Any]) -> Found | None:
        listing_id = clean_text(product.get("product_id"))
        more = dig(product, "product_small_image_urls", "string")
        return found(
            self,
            page,
            listing_id,
            f"https://www.aliexpress.com/item/{listing_id}.html",
            product.get("product_title") or product.get("title"),
            price=_sale(product),
            pictures=[product.get("product_main_image_url") or product.get("image_url"), *_texts(more)],
            seller=_store(page, product, "shop_id", "shop_name", "shop_url"),
        )

    def _item(self, page: Document, item: Mapping[str, Any], shown: Mapping[str, list[str]]) -> Found | None:
        listing_id = clean_text(item.get("productId") or item.get("itemId"))
        sale = dig(item, "prices", "salePrice") or dig(item, "prices", "originalPrice") or {}
        raw = clean_text(sale.get("formattedPrice")) if isinstance(sale, dict) else ""
        amount, currency = to_decimal(dig(sale, "minPrice")), iso_code(dig(sale, "currencyCode"))
        price = Price(amount, currency, raw or None) if amount is not None else read_price(raw, currency)
        picture = dig(item, "image", "imgUrl")
        more = [image.get("imgUrl") for image in dicts(item.get("images"))]
        home = "https://aliexpress.ru" if on_host(_host(page), {"aliexpress.ru"}) else "https://www.aliexpress.com"
        listing = found(
            self,
            page,
            listing_id,
            f"{home}/item/{listing_id}.html",
            dig(item, "title", "displayTitle") or dig(item, "title", "seoTitle"),
            price=price,
            pictures=[_with_scheme(source) for source in (picture, *more)],
            seller=_store(page, dig(item, "store"), "storeId", "storeName", "storeUrl"),
            aliases=[item.get("redirectedId")],
        )
        if listing is None:
            return None
        return Found(listing.listing, tuple(dict.fromkeys((*shown.get(listing_id, ()), *listing.sources))))

    def _parse_item(self, page: Document, data: Any) -> ParsedPage:
        modules = next((piece for piece in envelopes(data) if find(_ITEM["title"], piece)), None)
        values = {name: find(path, modules) for name, path in _ITEM.items()}
        own = self.canonical(page.address) if values["id"] is None else None
        number = own[0] if own else values["id"]
        price, amount = read_price(values["shown"], values["currency"], self.signs), to_decimal(values["amount"])
        item = found(
            self,
            page,
            number,
            f"https://www.aliexpress.com/item/{number}.html",
            values["title"],
            price=price._replace(amount=amount) if amount is not None else price,
            pictures=_texts(values["pictures"]),
            seller=_store(page, values["store"], "storeNum", "storeName", "storeURL"),
        )
        return parsed(self, page, [item], layout="item's modules", kind="product")

    def _parse_rendered(self, page: Document) -> ParsedPage:
        known = self.canonical(page.address)
        title = first_text(page.tree, "h1[data-pl], h1.product-title-text, [class*='title--wrap'] h1")
        if known and title:
            price = first_text(page.tree, _PAGE_PRICE)
            pictures = [
                source for data in _script_data(page, "DCData") for source in _texts(dig(data, "imagePathList"))
            ]
            pictures += image_sources(
                page.tree, "[class*='slider--img'] img, .images-view-item img, [class*='image-view'] img"
            )
            shop = page.tree.css_first("a[data-pl='store-name'], [class*='store-header--storeName'] a")
            account = _store_link(page, shop.text(), shop.attributes.get("href")) if shop else None
            price_read = read_price(price, signs=self.signs)
            item = found(self, page, known[0], known[1], title, price=price_read, pictures=pictures, seller=account)
            return parsed(self, page, [item], layout="item-rendered", kind="product")
        founds: dict[str, Found] = {}
        for link in page.tree.css(_ITEM_LINKS)[:2000]:
            here = self.canonical(absolute(page.address, link.attributes.get("href")) or "")
            card = self._card(page, link, here) if here else None
            if card is not None:
                founds.setdefault(card.listing.listing_id, card)
        return parsed(self, page, founds.values(), layout="_init_data_ itemList or a[href*='/item/']")

    def _card(self, page: Document, link: LexborNode, known: tuple[str, str]) -> Found | None:
        title = first_text(link, "h1, h2, h3, [title]") or _alternative_text(link)
        prices = (one_line(node.text()) for node in link.css("[class*='price']"))
        price = next((text for text in prices if re.search(r"\d", text)), "") or _first_money(link)
        price_read = read_price(price, signs=self.signs)
        return found(self, page, known[0], known[1], title, price=price_read, pictures=image_sources(link))

    def _id_of(self, href: str) -> str | None:
        known = self.canonical(absolute("https://www.aliexpress.com/", href) or "")
        return known[0] if known else None


def _answer(data: Any) -> dict[str, Any]:
    """What stands in an API's envelope, ``error_response`` or the method's name; empty if it is none."""
    if not isinstance(data, dict):
        return {}
    named = (data[key] for key in data if key.startswith(("aliexpress_affiliate_", "aliexpress_ds_", "error_response")))
    return next((answer for answer in named if isinstance(answer, dict)), {})


def _sale(product: Mapping[str, Any]) -> Price:
    """What a product of the APIs is sold for; the search by picture counts in the currency's smallest unit."""
    sale = product.get("target_sale_price") or product.get("sale_price")
    currency = product.get("target_sale_price_currency") or product.get("sale_price_currency")
    if sale:
        return read_price(sale, currency)
    counted, currency = dig(product, "price", "sale", "value"), iso_code(dig(product, "price", "sale", "currency"))
    digits = minor_digits(currency) if currency and "." not in clean_text(counted) else 0
    return Price(to_decimal(counted, digits), currency, clean_text(counted) or None)


def _is_item(data: Any) -> bool:
    return any(find(_ITEM["title"], piece) for piece in envelopes(data))


def _alternative_text(link: LexborNode) -> str:
    return next(filter(None, (clean_text(node.attributes.get("alt")).strip() for node in link.css("img[alt]"))), "")


def _first_money(link: LexborNode) -> str:
    """The first text that is a price and nothing else, for cards whose class names are no words."""
    return next(filter(_MONEY.fullmatch, (one_line(node.text()) for node in link.css("div, span"))), "")


def _items(data: Any) -> list[dict[str, Any]]:
    if isinstance(data, list):
        return [item for item in dicts(data) if "productId" in item or "itemId" in item]
    for path in _MODS:
        content = dig(data, *path, "itemList", "content")
        if content:
            return list(dicts(content))
    return list(dicts(dig(data, "items"))) if "productType" in str(dig(data, "items", 0))[:2000] else []


def _script_data(page: Document, name: str) -> list[Any]:
    """Every object that a script assigns to the name: ``name = {...}`` or ``name: {...}``; inner ``data:`` opened."""
    values = []
    for script in page.tree.css("script:not([src])"):
        source = script.text()
        for match in list(re.finditer(rf"{name}['\"\]]*\s*[=:]\s*(?={{)", source))[:5]:
            inner = re.compile(r"{\s*(?:['\"]?data['\"]?)\s*:\s*(?={)").match(source, match.end())
            value = load_literal(source[inner.end() if inner else match.end() :])
            if value:
                values.append(value)
    return values


def _following(page: Document, data: Any) -> str | None:
    for path in _MODS:
        info = dig(data, *path[:-1], "pageInfo")
        number, size, total = (dig(info, key) for key in ("page", "pageSize", "totalResults"))
        if isinstance(number, int) and isinstance(size, int) and isinstance(total, int) and number * size < total:
            return next_page(page, "page", max(number, page_number(page, "page")) + 1)
    return None


def _store(page: Document, store: Any, id_key: str, name_key: str, url_key: str) -> Seller | None:
    url = absolute(page.address or "https://www.aliexpress.com/", clean_text(dig(store, url_key)))
    return seller(dig(store, id_key), dig(store, name_key), url)


def _store_link(page: Document, name: str, href: str | None) -> Seller | None:
    url = absolute(page.address, href)
    number = re.search(r"/store/(\d+)", url or "")
    return seller(number[1] if number else name, name, url)


def _texts(value: Any) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def _with_scheme(source: object) -> object:
    return f"https:{source}" if isinstance(source, str) and source.startswith("//") else source


def _host(page: Document) -> str:
    parts = split(page.address)
    return parts.netloc if parts else ""


MARKETPLACE = AliExpress(
    "aliexpress",
    abilities=Abilities(
        "api http rendered saved",
        picture="api",
        detail="api rendered saved",
        note="its API needs a key; plain requests are mostly blocked, so send pages by the extension or save them",
    ),
    hint="its pictures are searched with a dropshipper's session only: set marketplaces.aliexpress.session and its key",
    hosts=frozenset({"aliexpress.com", "aliexpress.us", "aliexpress.ru"}),
    pace=Pace(requests_per_minute=10),
    signs={},
)
