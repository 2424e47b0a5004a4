"""Vinted on every national host: the catalogue, as JSON and as cards. Its signed picture addresses stay as they are.

It is not asked for: the undocumented catalogue answers only to the cookie of a page opened before, and after some
twenty requests refuses, or silently goes on with stale results, which would pass for a search that found nothing new.
"""

from __future__ import annotations

import re
from dataclasses import replace

from selectolax.lexbor import LexborNode

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.tables import Cards, Item, Records, TableSite

_DETAILS = re.compile(r", [^,:]{2,24}: ")  # what a card's label says after the title: ", brand: ", ", état: "
_COUNTRIES = "fr de co.uk com es it nl be pl pt lt cz sk hu at lu ro se dk fi gr hr ie si ee lv"


_ITEMS = Records(
    name="catalog/items",
    items="items[?user]",
    total="pagination.total_entries",
    price="price.amount || price",
    currency="price.currency_code || currency",
    pictures="[photo.full_size_url, photo.url, photos[].full_size_url][]",
    seller_id="user.id",
    seller_name="user.login",
    seller_url="user.profile_url",
    url="url || path",
)


class Vinted(TableSite):
    """Vinted. A card's label says the title, then brand, condition, size and price."""

    def card_title(self, node: LexborNode, layout: Cards) -> str:
        """The title alone."""
        return _DETAILS.split(super().card_title(node, layout))[0]


MARKETPLACE = Vinted(
    "vinted",
    abilities=Abilities(
        "rendered saved",
        detail="rendered saved",
        note="needs a session: save what you see, or record the visit as a HAR file",
    ),
    hosts=frozenset(f"vinted.{country}" for country in _COUNTRIES.split()),
    address=re.compile(r"/items/(?P<id>\d{4,14})(?=[-/?])"),
    template="https://www.{host}/items/{id}",
    hint="its catalogue answers its own pages only",
    main_host="vinted.com",
    records=(_ITEMS, replace(_ITEMS, name="items/<id>", items="item", total="", kind="product")),
    mark=".new-item-box__container a.new-item-box__overlay",
    linked=True,
    items=(
        Item(
            name="item-page-summary-plugin",
            title='[data-testid="item-page-summary-plugin"] :is(h1, [class*=Text__title])',
            price='[data-testid="item-price"]',
            pictures=('[data-testid^="item-photo-"] img', ".item-photos img"),
            seller='[data-testid="profile-username"]',
        ),
    ),
    cards=(
        # By what its public readers go by; no recorded page exists.
        Cards(
            name=".new-item-box__container",
            card=".new-item-box__container",
            title="a.new-item-box__overlay[title], img[alt]",
            title_attribute="title",
            price='[data-testid$="--price-text"]',
            link="a.new-item-box__overlay, a[href]",
            pictures="img.web_ui__Image__content, img",
        ),
    ),
)
