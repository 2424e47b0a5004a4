"""Walmart: the state of its search and item pages, whole or in parts, and its cards."""

from __future__ import annotations

import re
from dataclasses import replace

from monitor.marketplaces.base import Abilities, Pace
from monitor.marketplaces.tables import Cards, Records, TableSite

_STATE = "props.pageProps.initialData"
_ITEMS = Records(
    name="itemStacks",
    items=f"{_STATE}.searchResult.itemStacks[].items[] | [?usItemId]",
    listing_id="usItemId",
    title="name",
    price="price || priceInfo.currentPrice.price",
    price_raw="priceInfo.linePrice || priceInfo.currentPrice.priceString",
    currency="priceInfo.currentPrice.currencyUnit",
    pictures="[imageInfo.thumbnailUrl, image, imageInfo.allImages[].url][]",
    seller_id="sellerId",
    seller_name="sellerName || sellerDisplayName",
    total=f"{_STATE}.searchResult.aggregatedCount",
)

MARKETPLACE = TableSite(
    "walmart",
    abilities=Abilities(
        "http rendered saved", detail="http rendered saved", note="plain requests are blocked at times"
    ),
    hosts=frozenset({"walmart.com"}),
    pace=Pace(requests_per_minute=6),
    search_url="https://www.walmart.com/search",
    search_key="q",
    address=re.compile(r"walmart\.com/ip/(?:[^/?]+/)?(?P<id>\d{5,14})(?=[/?])"),
    template="https://www.walmart.com/ip/{id}",
    signs={"$": "USD"},
    records=(
        _ITEMS,
        replace(_ITEMS, name="product", items=f"{_STATE}.data.product", total="", kind="product"),
        replace(_ITEMS, name="items", items="[?usItemId] || items[?usItemId]", total=""),
    ),
    scripts=("script#__NEXT_DATA__",),
    cards=(
        # By what its public readers go by; no recorded page exists.
        Cards(
            name="[data-item-id]",
            card="[data-item-id]",
            title='[data-automation-id="product-title"]',
            price='[data-automation-id="product-price"]',
            pictures='img[data-testid="productTileImage"], img',
            link='a[href*="/ip/"]',
        ),
    ),
)
