"""Megamarket: its search as JSON and as cards, and item pages. A counted but empty list is a wall: drift."""

from __future__ import annotations

import re

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.tables import Cards, Item, Records, TableSite

MARKETPLACE = TableSite(
    "megamarket",
    abilities=Abilities(
        "rendered saved",
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
    following="li.next > a[href], a[rel~=next][href], link[rel~=next][href]",
    cards=(
        # By the marks that its public readers go by; no recorded page exists.
        Cards(
            name=".catalog-item-desktop",
            card=":is(.catalog-item-regular-desktop, .catalog-item-desktop)",
            title="a[class*=title-link], [class*=main-info] a[title], a[title]",
            title_attribute="title",
            price="[data-test=product-price], [class*=desktop__price]",
            seller=".merchant-info__name",
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
