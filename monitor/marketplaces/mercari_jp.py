"""Mercari Japan: the answers of its own API, search and item, as a browser saved them.

They are not asked for: the API is undocumented and takes only requests signed like its own web page's (DPoP), and we
do not pass for another client.
"""

from __future__ import annotations

import re

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.tables import Cards, Records, TableSite

MARKETPLACE = TableSite(
    "mercari-jp",
    abilities=Abilities(
        "saved",
        detail="saved",
        seller="saved",
        language="ja",
        note="signed requests only: record the visit as a HAR file",
    ),
    hosts=frozenset({"mercari.com", "mercari.jp"}),
    address=re.compile(
        r"(?:jp\.mercari\.com/(?:[a-z]{2}/)?item|api\.mercari\.jp/items/get)(?:/|\?id=)(?P<id>m\d{8,13})(?!\d)"
    ),
    template="https://jp.mercari.com/item/{id}",
    currency="JPY",
    hint="its API answers its own pages only",
    signs={"¥": "JPY", "￥": "JPY"},
    records=(
        Records(
            name="entities:search items",
            items="items[?thumbnails]",
            title="name",
            pictures="thumbnails",
            seller_id="sellerId",
            total="meta.numFound",
        ),
        Records(
            name="items/get data",
            items="data",
            title="name",
            pictures="photos || thumbnails",
            seller_id="seller.id",
            seller_name="seller.name",
            kind="product",
        ),
        Records(
            name="items/get_items data",
            items="data[?thumbnails]",
            title="name",
            pictures="thumbnails",
            seller_id="seller.id",
            seller_name="seller.name",
        ),
    ),
    cards=(
        Cards(
            name="[data-testid=item-cell]",
            card="li[data-testid=item-cell]",
            title="[data-testid=thumbnail-item-name], [class*=itemName]",
            price="[class*=merPrice], [class*=price]",
        ),
    ),
)
