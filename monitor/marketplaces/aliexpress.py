"""AliExpress: the search page's own data, its cards as saved from a browser, and the older item page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from detectors.model import Seller
from monitor.marketplaces.base import Abilities, Pace, Page, ParsedPage, Request
from monitor.marketplaces.document import Document, document, first_text, load_literal
from monitor.marketplaces.html import image_sources, linked_pictures
from monitor.marketplaces.prices import Price, iso_code, read_price, to_decimal
from monitor.marketplaces.reading import Found, Site, dicts, dig, found, next_page, nothing, page_number, parsed, seller
from monitor.marketplaces.text import clean_text
from monitor.marketplaces.urls import absolute, on_host, query_value, split

_ITEM_PATH = re.compile(r"^/(?:item|i|s/item|store/product)/(?:[^/]+/)?(?:\d+_)?(\d{8,19})\.html?$")
_ITEM_LINKS = 'a[href*="/item/"]'
_SLUG = re.compile(r"[^\w]+")
# Where the item list lies: the search script's own root, the answers of the search API, and bare parts of either.
_MODS = (
    ("data", "root", "fields", "mods"),
    ("data", "data", "root", "fields", "mods"),
    ("root", "fields", "mods"),
    ("data", "result", "mods"),
    ("result", "mods"),
    ("mods",),
)


class AliExpress(Site):
    """AliExpress on its international hosts and aliexpress.ru, whose addresses stay its own."""

    def search_request(self, keyword: str) -> Request | None:
        """``/w/wholesale-<keyword>.html``, the form that ``/search`` redirects to."""
        return Request(f"https://www.aliexpress.com/w/wholesale-{_SLUG.sub('-', keyword).strip('-')}.html")

    def recognises(self, page: Page) -> bool:
        """By the page's address, else by the shape of its data."""
        whole = document(page)
        if super().recognises(page):
            return True
        if whole.looks_like_json:
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
        if whole.looks_like_json:
            return self._parse_search(whole, whole.data) or self._parse_item(whole, whole.data)
        for data in _script_data(whole, "_init_data_"):
            answer = self._parse_search(whole, data)
            if answer is not None:
                return answer
        for data in _script_data(whole, "runParams"):
            if dig(data, "data", "titleModule") or dig(data, "titleModule"):
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
        modules = dig(data, "data") if isinstance(dig(data, "data"), dict) else data
        number = dig(modules, "commonModule", "productId") or dig(modules, "storeModule", "productId")
        price_module = dig(modules, "priceModule") or {}
        lowest = dig(price_module, "minActivityAmount") or dig(price_module, "minAmount")
        shown = dig(price_module, "formatedActivityPrice") or dig(price_module, "formatedPrice")
        price = read_price(shown, dig(lowest, "currency") or dig(modules, "commonModule", "currencyCode"))
        amount = to_decimal(dig(lowest, "value"))
        item = found(
            self,
            page,
            number,
            f"https://www.aliexpress.com/item/{number}.html",
            dig(modules, "titleModule", "subject"),
            price=price._replace(amount=amount) if amount is not None else price,
            pictures=_texts(dig(modules, "imageModule", "imagePathList")),
            seller=_store(page, dig(modules, "storeModule"), "storeNum", "storeName", "storeURL"),
        )
        return parsed(self, page, [item], layout="runParams titleModule", kind="product")

    def _parse_rendered(self, page: Document) -> ParsedPage:
        known = self.canonical(page.address)
        title = first_text(page.tree, "h1[data-pl], h1.product-title-text, [class*='title--wrap'] h1")
        if known and title:
            price = first_text(
                page.tree, "[class*='price-default--current'], [class*='price--current'], .product-price-value"
            )
            pictures = image_sources(
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

    def _card(self, page: Document, link: Any, known: tuple[str, str]) -> Found | None:
        title = first_text(link, "h1, h2, h3, [title]") or _alternative_text(link)
        prices = (" ".join(node.text().split()) for node in link.css("[class*='price']"))
        price = next((text for text in prices if re.search(r"\d", text)), "")
        price_read = read_price(price, signs=self.signs)
        return found(self, page, known[0], known[1], title, price=price_read, pictures=image_sources(link))

    def _id_of(self, href: str) -> str | None:
        known = self.canonical(absolute("https://www.aliexpress.com/", href) or "")
        return known[0] if known else None


def _alternative_text(link: Any) -> str:
    return next(filter(None, (clean_text(node.attributes.get("alt")).strip() for node in link.css("img[alt]"))), "")


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
        "http rendered saved",
        detail="rendered saved",
        note="plain requests are mostly blocked; send pages by the extension or save them",
    ),
    hosts=frozenset({"aliexpress.com", "aliexpress.us", "aliexpress.ru"}),
    pace=Pace(requests_per_minute=10),
    signs={},
)
