"""DHgate: the state of its search pages, JSON-LD, and product cards. No raw recording exists."""

from __future__ import annotations

import re

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.tables import Cards, Records, TableSite

MARKETPLACE = TableSite(
    "dhgate",
    abilities=Abilities(
        "http rendered saved", detail="http rendered saved", note="written without a recorded page: check what it reads"
    ),
    hosts=frozenset({"dhgate.com"}),
    address=re.compile(r"dhgate\.com/product/(?:[^/?]+/)?(?P<id>\d{6,12})\.html"),
    template="https://www.dhgate.com/product/item/{id}.html",
    search_url="https://www.dhgate.com/wholesale/search.do",
    search_key="searchkey",
    linked=True,
    records=(
        Records(
            name="totalProducts",
            items="props.pageProps.data.totalProducts",
            listing_id="itemcode",
            title="productname",
            price_raw="price",
            pictures="bigimagepath || seo300ImagePath",
            seller_name="storeName",
            url="productDurl || productDetailUrl",
        ),
    ),
    scripts=("script#__NEXT_DATA__",),
    cards=(
        Cards(
            name='a[href*="/product/"]',
            card='.gallery-main, .gitem, [class*="gallery-item"], [class*="product-item"]',
            title='h3, h4, .subject, .gallery-pro-name, [class*="title"]',
            price='.current-price, .price, [class*="price"]',
            link='a[href*="/product/"]',
            seller='.seller a, [class*="seller"] a',
        ),
    ),
)
