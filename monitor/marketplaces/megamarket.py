"""Megamarket: the JSON of its catalogue's search, and item pages. A counted but empty list is a wall: drift."""

from __future__ import annotations

import re

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.tables import Item, Records, TableSite

MARKETPLACE = TableSite(
    "megamarket",
    abilities=Abilities(
        "saved",
        detail="rendered saved",
        language="ru",
        note="refuses plain requests: record the visit as a HAR file",
    ),
    hosts=frozenset({"megamarket.ru", "sbermegamarket.ru"}),
    address=re.compile(r"/catalog/details/(?P<slug>[^/?]*?(?P<id>\d{9,14}(?:_\d+)?))(?=[/?])"),
    template="https://megamarket.ru/catalog/details/{slug}/",
    currency="RUB",
    records=(
        Records(
            name="items[].goods",
            items="items[?goods.goodsId]",
            listing_id="goods.goodsId",
            title="goods.title",
            price="favoriteOffer.finalPrice || finalPrice || price",
            pictures="[goods.titleImage, goods.images][]",
            seller_id="favoriteOffer.merchantId",
            seller_name="favoriteOffer.merchantName",
            seller_url="favoriteOffer.merchantUrl",
            url="goods.webUrl",
            total="total",
        ),
    ),
    items=(
        # By the marks that its public readers go by; no recorded page exists.
        Item(
            name=".pdp-header__title",
            title=".pdp-header__title, h1[itemprop=name]",
            price=".sales-block-offer-price__price-final, .pdp-sales-block__price-final, .product-offer-price__amount",
            pictures=(".pdp-gallery img, [class*=gallery] img[itemprop=image]", "[class*=gallery] img"),
            seller=".pdp-merchant-rating-block__merchant-name, [class*=merchant-name]",
        ),
    ),
)
