"""Temu: saved pages. Anonymous search answers a login page, and no healthy recording exists."""

from __future__ import annotations

import re

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.tables import Cards, Records, TableSite

MARKETPLACE = TableSite(
    "temu",
    abilities=Abilities("rendered saved", detail="rendered saved", note="asks for a login; use your own browser"),
    hosts=frozenset({"temu.com"}),
    address=re.compile(r"temu\.com/[^?]*(?:(?<=[-/])g-|\?(?:[^#]*&)?goods_id=)(?P<id>\d{10,18})(?!\d)"),
    template="https://www.temu.com/goods.html?goods_id={id}",
    signs={"$": "USD"},
    linked=True,
    records=(
        Records(
            name="rawData goodsList",
            items="store.goodsList || store.searchResult.goodsList || result.data.goods_list",
            listing_id="goods_id || goodsId",
            price="",
            price_raw="price_info.price_str || priceInfo.priceStr",
            currency="price_info.currency || priceInfo.currency",
            title="title || goods_name",
            pictures="[image.url, thumb_url, thumbUrl][]",
            seller_id="mall_id || mallId",
        ),
    ),
    scripts=("window.rawData=", "window.rawData ="),
    cards=(
        Cards(
            name='a[href*="-g-"]',
            card='[data-tooltip^="goodContainer"], [class*="goodsContainer"]',
            title="h2, h3, [data-tooltip-title]",
            title_attribute="data-tooltip-title",
            price='[data-type="price"], [class*="price"]',
        ),
    ),
)
