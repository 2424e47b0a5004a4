"""Amazon on every national host: search pages and item pages. The offer shown is the buy box's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser, LexborNode

from detectors.model import Seller
from monitor.marketplaces.base import Abilities, Pace, Page
from monitor.marketplaces.document import Document, document, first_text
from monitor.marketplaces.reading import seller
from monitor.marketplaces.tables import Cards, Item, TableSite
from monitor.marketplaces.urls import absolute, host_of, on_host, query_value, split

_COUNTRIES = "com co.uk de fr it es ca com.au co.jp in com.mx com.br nl se pl com.tr ae sa sg com.be eg ie co.za"
_SOLD_BY = "#merchant-info a, #merchantInfoFeature_feature_div .offer-display-feature-text-message"
_ASIN = re.compile(r"^[A-Z0-9]{10}$")
_OWN_HOST = re.compile(r"ue_sn\s*=\s*[\"'](www\.amazon\.[a-z.]{2,6})[\"']")

_SIGNS = {  # what other signs mean where they are shown
    "amazon.co.jp": {"￥": "JPY", "¥": "JPY"},
    "amazon.se": {"kr": "SEK"},
    "amazon.com.tr": {"TL": "TRY"},
    "amazon.co.za": {"R": "ZAR"},
}
_BUY_BOX_PRICES = (  # in the order in which they are the buy box's, new before old layouts
    "#corePrice_feature_div .a-offscreen",
    "#corePriceDisplay_desktop_feature_div .priceToPay .a-offscreen",
    "#price_inside_buybox",
    "#priceblock_ourprice",
    "#newBuyBoxPrice",
    "#usedBuySection .offer-price",
    "#usedPrice",
    "#buyNewSection .offer-price",
    ".priceToPay",
    "#apex_desktop .a-price .a-offscreen",
)


class Amazon(TableSite):
    """Amazon. An ASIN is one product per host, so the canonical address keeps the host."""

    def canonical(self, url: str) -> tuple[str, str] | None:
        """``/dp/``, ``/gp/product/``, ``/gp/aw/d/`` in any language and with slug, and sponsored redirects."""
        parts = split(url)
        if parts is not None and on_host(parts.netloc, self.hosts) and "/sspa/click" in parts.path:
            inner = query_value(parts, "url") or ""
            url = f"https://{parts.netloc}{unquote(inner)}" if inner.startswith(("/", "%2F")) else url
        return super().canonical(url)

    def recognises(self, page: Page) -> bool:
        """By the page's address or the host that its scripts name."""
        whole = document(page)
        return super().recognises(page) or (not whole.looks_like_json and bool(_host(whole)))

    def signs_of(self, page: Document) -> Mapping[str, str]:
        """By the page's own host."""
        host = _host(page).removeprefix("www.")
        dollar = self.dollars.get(host)
        return {"$": dollar} if dollar else _SIGNS.get(host, {})

    def address_of(self, page: Document, listing_id: str) -> str:
        """``/dp/<ASIN>`` on the page's own host."""
        return f"https://{_host(page) or 'www.amazon.com'}/dp/{listing_id}"

    def card_identity(
        self, page: Document, card: LexborNode | LexborHTMLParser, layout: Cards
    ) -> tuple[str, str] | None:
        """By ``data-asin``: sponsored cards link through a redirect."""
        asin = (card.attributes.get(layout.id_attribute) or "").strip() if isinstance(card, LexborNode) else ""
        return (asin, self.address_of(page, asin)) if _ASIN.match(asin) else None

    def identity(self, match: re.Match[str]) -> str:
        """The ASIN, in capitals."""
        return match["id"].upper()

    def item_seller(self, page: Document, layout: Item) -> Seller | None:  # noqa: ARG002 - the base's
        """The buy box's seller, by its account number where the link holds it."""
        node = page.tree.css_first("#sellerProfileTriggerId")
        if node is None:
            name = first_text(
                page.tree, "#merchant-info a, #merchantInfoFeature_feature_div .offer-display-feature-text-message"
            )
            return seller(name, name)
        url = absolute(page.address or f"https://{_host(page) or 'www.amazon.com'}/", node.attributes.get("href"))
        parts = split(url)
        number = query_value(parts, "seller") if parts else None
        home = f"https://{_host(page) or 'www.amazon.com'}/sp?seller={number}" if number else None
        return seller(number or node.text(), node.text(), home)


def _host(page: Document) -> str:
    own = host_of(page.address)
    if on_host(own, MARKETPLACE.hosts):
        return own
    stated = _OWN_HOST.search(page.text)
    return stated[1] if stated and on_host(stated[1], MARKETPLACE.hosts) else ""


MARKETPLACE = Amazon(
    "amazon",
    abilities=Abilities(
        "http rendered saved",
        detail="http rendered saved",
        seller="http rendered saved",
        note="plain requests meet a CAPTCHA soon; search pages name no seller, item pages only the first",
    ),
    hosts=frozenset(f"amazon.{country}" for country in _COUNTRIES.split()),
    pace=Pace(requests_per_minute=6),
    search_url="https://www.amazon.com/s",
    search_key="k",
    seller_key="me",
    address=re.compile(
        r"/(?:dp|gp/product|gp/aw/d|gp/offer-listing|o/asin|exec/obidos/asin)/(?P<id>[A-Z0-9]{10})(?=[/?])",
        re.IGNORECASE,
    ),
    template="https://www.{host}/dp/{id}",
    main_host="amazon.com",
    dollars={
        "amazon.com": "USD",
        "amazon.ca": "CAD",
        "amazon.com.au": "AUD",
        "amazon.com.mx": "MXN",
        "amazon.sg": "SGD",
    },
    following="a.s-pagination-next[href]",
    items=(
        Item(
            name="#productTitle",
            title="#productTitle",
            price=", ".join(_BUY_BOX_PRICES),
            pictures=("#landingImage", "#imgBlkFront", "#altImages img"),
            listing_id="input#ASIN, input[name=ASIN]",
        ),
    ),
    cards=(
        Cards(
            name="div[data-component-type=s-search-result]",
            card='div[data-component-type="s-search-result"][data-asin]',
            title="h2",
            price=".a-price:not(.a-text-price) .a-offscreen",
            pictures="img.s-image",
            id_attribute="data-asin",
        ),
        Cards(
            name=".zg-grid-general-faceout",
            card="#gridItemRoot [data-asin], .zg-grid-general-faceout [id]",
            title="[class*='line-clamp'], .p13n-sc-truncate",
            price=".p13n-sc-price, [class*='p13n-sc-price']",
            pictures="img",
            id_attribute="id",
        ),
    ),
)
