"""Wildberries: the anonymous JSON of search and card, and the cards of its pages.

The JSON names no picture: its address is computed from the item's number, by a table that Wildberries extends and whose
public copies are wrong for new items. The cards hold the address.
"""

from __future__ import annotations

import re

from selectolax.lexbor import LexborNode

from monitor.marketplaces.base import Abilities, Pace
from monitor.marketplaces.tables import Cards, Records, TableSite


class Wildberries(TableSite):
    """Wildberries. A card writes a slash between the brand and the name."""

    def card_title(self, node: LexborNode, layout: Cards) -> str:
        """The name alone."""
        return super().card_title(node, layout).lstrip("/ ")


MARKETPLACE = Wildberries(
    "wildberries",
    abilities=Abilities(
        "http rendered saved",
        detail="saved",
        language="ru",
        note="its open answers allow few requests and name no pictures; its pages show them",
    ),
    hosts=frozenset({"wildberries.ru", "wb.ru"}),
    pace=Pace(requests_per_minute=6),  # marketplaces.md 11: search answers 429 within a handful of requests
    search_url="https://search.wb.ru/exactmatch/ru/common/v9/search?dest=-1257786&curr=rub&resultset=catalog&appType=1",
    search_key="query",
    address=re.compile(r"wildberries\.ru/catalog/(?P<id>\d{4,12})(?=[/?])"),
    template="https://www.wildberries.ru/catalog/{id}/detail.aspx",
    currency="RUB",
    mark="article.product-card[data-nm-id]",
    cards=(
        # By what its public readers go by; no recorded page exists.
        Cards(
            name="article[data-nm-id]",
            card="article[data-nm-id], div.product-card[data-nm-id]",
            title=".product-card__name, .goods-name",
            price=".price__lower-price, .product-card__price, [class*=price]",
            pictures="img.j-thumbnail, img",
            id_attribute="data-nm-id",
        ),
    ),
    records=(
        Records(
            name="products",
            items="(products || data.products)[?supplierId]",
            title="name",
            price="sizes[?price.product] | [0].price.product || salePriceU",
            minor_digits=2,
            pictures="images",
            seller_id="supplierId",
            seller_name="supplier",
            total="total || data.total",
        ),
    ),
)
