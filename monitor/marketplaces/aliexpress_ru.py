"""aliexpress.ru: the tree of widgets behind its pages, the answers of its search and items, and its cards.

By the names that many public readers go by; no recorded page exists. The international site shares none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from monitor.marketplaces.document import Document
from monitor.marketplaces.reading import pieces
from monitor.marketplaces.tables import Cards, Item, Records, TableSite

_SHOWN = "itemData.pdpInfo.preloadedData"


class AliExpressRussia(TableSite):
    """aliexpress.ru. What a page is about may lie at any depth among its widgets."""

    def _script_data(self, page: Document) -> Iterator[Any]:
        wanted = ("id", "name", "price", "gallery") if self.canonical(page.address) else ("productsFeed",)
        return (piece for data in super()._script_data(page) for piece in pieces(data, *wanted))


SITE = AliExpressRussia(
    "aliexpress",
    hosts=frozenset({"aliexpress.ru"}),
    main_host="aliexpress.ru",
    address=re.compile(r"aliexpress\.ru/item/(?:[^/?]+/)?(?P<id>\d{8,19})\.html"),
    template="https://aliexpress.ru/item/{id}.html",
    scripts=("script#__AER_DATA__",),
    records=(
        Records(
            name="productsFeed",
            items="productsFeed.[products, productsV2[].product, productsV2[].snippetContainer][]",
            listing_id="id || itemData.properties.id",
            title=f"productTitle || {_SHOWN}.title",
            price=f"rawFinalPrice.amount || {_SHOWN}.price.value",
            price_raw="finalPrice",
            currency=f"rawFinalPrice.currency || {_SHOWN}.price.currency",
            pictures="[imgSrc, presentations[].layoutAreas[].layers[].container[].elements[].gallery.images[]][]",
            url="productUrl || itemData.pdpInfo.url",
        ),
        Records(
            name="productData",
            items="gallery && name && price && @",
            title="name",
            price="price.minActivityAmount.value || price.minAmount.value",
            currency="price.minActivityAmount.currency || price.minAmount.currency",
            pictures="gallery[].imageUrl",
            kind="product",
        ),
    ),
    items=(
        Item(
            name="[class*=Haze]",
            title="body:has([class*='ProductGallery'], [class*='HazeProductPrice']) h1",
            price="[class*='HazeProductPrice'], [class*='SnowPrice__main']",
            pictures=("[class*='ProductGallery'] img",),
        ),
    ),
    cards=(
        Cards(
            name="[class*=Snippet__container]",
            card="[class*='Snippet__container']",
            title="[class*='Snippet__title'], [class*='Snippet__name'], [title]",
            price="[class*='Snippet__priceNew'], [class*='SnowPrice__main'], [class*='rice']",
        ),
    ),
)
