"""Mercado Libre and Mercado Livre: API answers, catalogue pages, search cards, and the data behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.document import Document, first_text
from monitor.marketplaces.reading import Found, pieces, seller
from monitor.marketplaces.tables import Cards, Records, TableSite
from monitor.marketplaces.urls import host_of, on_host, split

_ITEM = re.compile(r"/(?P<site>M[A-Z]{2})-?(?P<number>\d{6,12})(?!\d)")
_CATALOGUE = re.compile(r"/(?P<kind>p|up)/(?P<site>M[A-Z]{2}U?)(?P<number>\d{5,12})(?!\d)")
_ADVERTISED = re.compile(r"(?:item_id(?::|%3A)|wid=|item_id=)(?P<site>M[A-Z]{2})-?(?P<number>\d{6,12})(?!\d)")
_DOLLARS = {
    "com.ar": "ARS",
    "com.mx": "MXN",
    "com.co": "COP",
    "cl": "CLP",
    "com.uy": "UYU",
    "com.ec": "USD",
    "com.pe": "PEN",
    "com.ve": "USD",
    "com.bo": "BOB",
    "com.py": "PYG",
    "com.do": "DOP",
    "co.cr": "CRC",
    "com.pa": "USD",
    "com.gt": "GTQ",
    "com.sv": "USD",
    "com.hn": "HNL",
    "com.ni": "NIO",
}
_ITEMS = Records(
    name="results",
    items="results",
    currency="currency_id",
    pictures="pictures[].secure_url || pictures[].url || [secure_thumbnail || thumbnail]",
    seller_id="seller.id || seller_id",
    seller_name="seller.nickname || seller.eshop.nick_name",
    seller_url="seller.permalink",
    url="permalink",
    total="paging.total",
)


# A card of a search as the page's state has it, in a script: by what many public readers name; no recording exists.
_POLYCARDS = Records(
    name="polycards",
    items="polycards",
    listing_id="metadata.id",
    title="components[?type=='title'].title.text | [0]",
    price="components[?type=='price'].price.current_price.value | [0]",
    currency="components[?type=='price'].price.current_price.currency | [0]",
    pictures="pictures.pictures[].id",
    picture="https://http2.mlstatic.com/D_NQ_NP_{}-O.webp",
    seller_name="components[?type=='seller'].seller.text | [0]",
    url="metadata.url",
)


class MercadoLibre(TableSite):
    """One catalogue page (``/p/``, ``/up/``) stands for many sellers' items: it is a listing of its own."""

    def canonical(self, url: str) -> tuple[str, str] | None:
        """Item and catalogue addresses, with or without slug, dash and ``_JM``; an advert's, if it names the item."""
        parts = split(url)
        if parts is None or not on_host(parts.netloc, self.hosts):
            return None
        catalogue = _CATALOGUE.search(parts.path)
        match = catalogue or _ITEM.search(parts.path) or _ADVERTISED.search(f"{parts.query}#{parts.fragment}")
        host = next((known for known in self.hosts if on_host(parts.netloc, {known})), "")
        if match is None or not host:
            return None
        site, number = match["site"], match["number"]
        if catalogue:
            return f"{site}{number}", f"https://www.{host}/{catalogue['kind']}/{site}{number}"
        sub = "produto" if host.endswith(".br") else "articulo"
        return f"{site}{number}", f"https://{sub}.{host}/{site}-{number}"

    def card_identity(
        self, page: Document, card: LexborNode | LexborHTMLParser, layout: Cards
    ) -> tuple[str, str] | None:
        """By the card's links; an advert's names the item behind its ``#`` at most."""
        links = (node.attributes.get("href") for node in card.css("a[href*=wid]"))
        return super().card_identity(page, card, layout) or next(
            filter(None, map(self.canonical, filter(None, links))), None
        )

    def address_of(self, page: Document, listing_id: str) -> str:
        """As `canonical` writes it; a card may lead through an address that only counts the click."""
        known = self.canonical(f"https://{self._host(host_of(page.address))}/{listing_id}")
        return known[1] if known else ""

    def record(self, page: Document, entry: Mapping[str, Any], layout: Records) -> Found | None:
        """The listing; where its address only counts the click, under its own."""
        one = super().record(page, entry, layout)
        if one is None or not host_of(one.listing.url).startswith("click"):
            return one
        return one._replace(listing=one.listing._replace(url=self.address_of(page, one.listing.listing_id)))

    def _script_data(self, page: Document) -> Iterator[Any]:
        if self.canonical(page.address) is None:  # those on an item's page are other items
            states = super()._script_data(page)
            yield {"polycards": [card for state in states for card in pieces(state, "metadata", "components")]}

    def _from_linked_data(self, page: Document) -> list[Found]:
        founds = super()._from_linked_data(page)
        name = first_text(page.tree, "[class*=ui-pdp-seller__header__title] a") if not page.looks_like_json else ""
        return [Found(one.listing._replace(seller=seller(name, name)), one.sources) for one in founds]


MARKETPLACE = MercadoLibre(
    "mercadolibre",
    abilities=Abilities(
        "rendered saved",
        detail="rendered saved",
        language="es",
        note="its API refuses everyone's searches since 2025; answers of it in HAR files are read",
    ),
    hosts=frozenset({*(f"mercadolibre.{country}" for country in _DOLLARS), "mercadolivre.com.br"}),
    main_host="mercadolibre.com.ar",
    template="https://articulo.{host}/{id}",
    dollars={f"mercadolibre.{country}": currency for country, currency in _DOLLARS.items()},
    linked=True,
    scripts=("_n.ctx.r=", "_n.ctx.r =", "__PRELOADED_STATE__ =", "__PRELOADED_STATE__=", "script#__PRELOADED_STATE__"),
    records=(
        _ITEMS,
        _POLYCARDS,
        replace(_ITEMS, name="items/<id>", items="permalink && site_id && @", total="", kind="product"),
        replace(_ITEMS, name="items?ids", items="[?code==`200`].body", total=""),
    ),
    cards=(
        Cards(
            name=".ui-search-layout__item",
            card=".ui-search-layout__item, .poly-card",
            title=".poly-component__title, .ui-search-item__title, h2, h3",
            price=".poly-price__current .andes-money-amount, .ui-search-price__second-line .andes-money-amount",
            pictures="img",
            seller=".poly-component__seller, .ui-search-official-store-label",
        ),
    ),
)
