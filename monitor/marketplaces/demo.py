"""The demo bazaar of ``bazaarwatch demo``: a small marketplace of our own, on loopback."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

from selectolax.lexbor import LexborNode

from detectors.model import Seller
from monitor.marketplaces.base import Abilities, Page, ParsedPage, Query, Request
from monitor.marketplaces.document import Document, document, first_attribute, first_text, one
from monitor.marketplaces.html import Cards, sources_of
from monitor.marketplaces.prices import Price, iso_code, to_decimal
from monitor.marketplaces.reading import Found, Site, found, gone, nothing, parsed, seller
from monitor.marketplaces.text import one_line
from monitor.marketplaces.urls import absolute

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
        if whole.tree.css_first(".ended") is not None:
            return gone(self, "item", first_text(whole.tree, ".ended"))
        main = one(whole.tree, "main[data-bazaar]", self.name)
        if main.attributes.get("data-bazaar") == "item":
            item = self._listing(whole, Cards(whole.tree, "main[data-bazaar]"), main, "h1.title", "img.picture", "")
            return parsed(self, whole, [item], layout="main[data-bazaar=item]", kind="product")
        cards = Cards(main, "article.listing")
        if not cards.nodes and main.attributes.get("data-total") == "0" and main.css_first(".no-results") is not None:
            return nothing(self, "search", first_text(main, ".no-results") or "data-total is 0")
        founds = [
            self._listing(whole, cards, card, "a.title", "img", _attribute(cards.css(card, "a.title"), "href"))
            for card in cards.nodes
        ]
        following = first_attribute(whole.tree, "a[rel=next][href]", "href")
        return parsed(self, whole, founds, layout="article.listing", following=following)

    def _listing(
        self, page: Document, cards: Cards, node: LexborNode, title: str, pictures: str, href: str
    ) -> Found | None:
        number = (node.attributes.get("data-id") or "").strip()
        prices = cards.css(node, "span.price")
        stated = prices[0].attributes if prices else {}
        raw = " ".join(prices[0].text().split()) if prices else None
        shown = sources_of(cards.css(node, pictures))
        item = found(
            self,
            page,
            number,
            absolute(page.address, href or f"/item/{number}") or "",
            next(filter(None, [one_line(one.text()) for one in cards.css(node, title)]), ""),
            price=Price(to_decimal(stated.get("data-amount")), iso_code(stated.get("data-currency")), raw),
            pictures=[source.replace("/thumb/", "/full/", 1) for source in shown],
            seller=_account(page, next(iter(cards.css(node, "a.seller")), None)),
        )
        return Found(item.listing, tuple(shown)) if item else None  # as the page writes them


def _attribute(nodes: Iterable[LexborNode], name: str) -> str:
    return next(filter(None, [(node.attributes.get(name) or "").strip() for node in nodes]), "")


def _account(page: Document, link: LexborNode | None) -> Seller | None:
    if link is None:
        return None
    stated = link.attributes
    return seller(stated.get("data-id"), link.text(), absolute(page.address, stated.get("href")))


MARKETPLACE = DemoBazaar(
    abilities=Abilities(
        "http rendered saved",
        detail="http rendered saved",
        seller="http rendered saved",
        note="our own, for the demo and for trials",
    )
)
