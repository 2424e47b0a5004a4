"""The demo bazaar of ``bazaarwatch demo``: a small marketplace of our own, on loopback."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote

from selectolax.lexbor import LexborNode

from detectors.model import Seller
from monitor.marketplaces.base import Abilities, Page, ParsedPage, Query, Request
from monitor.marketplaces.document import Document, document, first_attribute, first_text, one
from monitor.marketplaces.html import Cards, sources_in_each
from monitor.marketplaces.prices import Price, iso_code, to_decimal
from monitor.marketplaces.reading import Found, Site, founds, gone, nothing, parsed, seller
from monitor.marketplaces.text import lines
from monitor.marketplaces.urls import absolute, absolutes

_ITEM_PATH = re.compile(r"/item/(\d{1,18})/?(?:[?#].*)?$")


@dataclass(frozen=True)
class DemoBazaar(Site):
    """The bazaar at ``base_url``, such as ``http://127.0.0.1:8765``, or at the address that a search names."""

    name: str = field(default="demo-bazaar", init=False)
    base_url: str = ""
    hint: str = field(default="it takes the bazaar's address: --shop http://127.0.0.1:8765", init=False)

    def query_request(self, query: Query) -> Request | None:
        """``/search?q=<keyword>`` or ``/seller/<id>``; None by picture, or without an address."""
        base = (query.shop or self.base_url).rstrip("/")
        if not base or query.picture or (query.keyword and query.seller):
            return None
        if query.seller:
            return Request(f"{base}/seller/{quote(query.seller, safe='')}")
        return Request(f"{base}/search", params={"q": query.keyword})

    def search_request(self, keyword: str) -> Request | None:
        """``/search?q=<keyword>``; None without a base address."""
        return self.query_request(Query(keyword))

    def recognises(self, page: Page) -> bool:
        """By the mark on its pages: its host is whatever the operator listed."""
        whole = document(page)
        return not whole.looks_like_json and whole.tree.css_first("main[data-bazaar]") is not None

    def canonical(self, url: str) -> tuple[str, str] | None:
        """``/item/<id>`` below the base address."""
        base = self.base_url.rstrip("/")
        match = _ITEM_PATH.match(url.removeprefix(base)) if base and url.startswith(f"{base}/") else None
        return (match[1], f"{base}/item/{match[1]}") if match else None

    def parse(self, page: Page) -> ParsedPage:
        """A search page or an item page.

        Raises:
            LayoutChanged: The page is neither, or a search page counts listings but shows none.
        """
        whole = document(page)
        if whole.looks_like_json:
            raise self.drift("main[data-bazaar]")
        if "ended" in whole.text and whole.tree.css_first(".ended") is not None:
            return gone(self, "item", first_text(whole.tree, ".ended"))
        main = one(whole.tree, "main[data-bazaar]", self.name)
        if main.attributes.get("data-bazaar") == "item":
            items = self._listings(whole, Cards(whole.tree, "main[data-bazaar]"), "h1.title", "img.picture")
            return parsed(self, whole, items, layout="main[data-bazaar=item]", kind="product")
        cards = Cards(main, "article.listing")
        if not cards.nodes and main.attributes.get("data-total") == "0" and main.css_first(".no-results") is not None:
            return nothing(self, "search", first_text(main, ".no-results") or "data-total is 0")
        founds = self._listings(whole, cards, "a.title", "img")
        following = first_attribute(whole.tree, "a[rel=next][href]", "href")
        return parsed(self, whole, founds, layout="article.listing", following=following)

    def _listings(self, page: Document, cards: Cards, title: str, pictures: str) -> list[Found | None]:
        ids = lines([(card.attributes.get("data-id") or "").strip() for card in cards.nodes])
        titles = cards.first(title)
        hrefs = [node.attributes.get("href") if node else None for node in titles]
        shown = sources_in_each(cards.css(pictures))
        return founds(
            self,
            page,
            ids=ids,
            urls=absolutes(page.address, [href or f"/item/{number}" for href, number in zip(hrefs, ids, strict=True)]),
            titles=lines([node.text_lexbor() if node else "" for node in titles]),
            prices=[_price_on(node) for node in cards.first("span.price")],
            pictures=[[source.replace("/thumb/", "/full/", 1) for source in sources] for sources in shown],
            sources=shown,  # as the page writes them
            sellers=[_account(page.address, link) for link in cards.first("a.seller")],
        )


def _price_on(node: LexborNode | None) -> Price:
    if node is None:
        return Price()
    stated = node.attributes
    return _price(stated.get("data-amount"), stated.get("data-currency"), node.text_lexbor())


@lru_cache(maxsize=1024)
def _price(amount: str | None, currency: str | None, raw: str) -> Price:
    return Price(to_decimal(amount), iso_code(currency), " ".join(raw.split()))


def _account(address: str, link: LexborNode | None) -> Seller | None:
    if link is None:
        return None
    stated = link.attributes
    return _seller(address, stated.get("data-id"), link.text_lexbor(), stated.get("href"))


@lru_cache(maxsize=1024)  # most sellers stand on a page more than once
def _seller(address: str, seller_id: str | None, name: str, href: str | None) -> Seller | None:
    return seller(seller_id, name, absolute(address, href))


MARKETPLACE = DemoBazaar(
    abilities=Abilities(
        "http rendered saved",
        detail="http rendered saved",
        seller="http rendered saved",
        note="our own, for the demo and for trials",
    )
)
