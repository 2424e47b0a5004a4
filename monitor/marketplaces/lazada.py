"""Lazada in six countries: rendered search pages, the catalogue's JSON, and the data of item pages."""

from __future__ import annotations

import re

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.tables import Cards, Records, TableSite

MARKETPLACE = TableSite(
    "lazada",
    abilities=Abilities(
        "rendered saved",
        detail="rendered saved",
        note="six countries, each with items of its own; plain requests are sent to a puzzle",
    ),
    hosts=frozenset(f"lazada.{country}" for country in ("sg", "com.my", "co.th", "vn", "com.ph", "co.id")),
    address=re.compile(r"/products/(?:[^/?]*-)?i(?P<id>\d{5,15})(?:-s\d+)?\.html"),
    template="https://www.{host}/products/pdp-i{id}.html",
    main_host="lazada.com.ph",
    mark='[data-qa-locator="product-item"][data-sku-simple]',
    dollars={"lazada.sg": "SGD"},
    linked=True,
    records=(
        Records(
            name="mods.listItems",
            items="mods.listItems",
            listing_id="itemId || nid",
            title="name",
            price_raw="priceShow",
            url="itemUrl || productUrl",
            seller_id="sellerId",
            seller_name="sellerName",
            total="mainInfo.totalResults",
        ),
        # By what the readers of item pages go by; no recorded page exists.
        Records(
            name="__moduleData__",
            items="data.root.fields",
            listing_id="primaryKey.itemId || tracking.pdt_sku",
            title="product.title || tracking.pdt_name",
            price='(skuInfos."0" || (skuInfos.* | [0])).price.salePrice.value',
            price_raw='(skuInfos."0" || (skuInfos.* | [0])).price.salePrice.text || tracking.pdt_price',
            currency="tracking.core.currencyCode",
            pictures="(skuGalleries.\"0\" || (skuGalleries.* | [0]))[?type=='img'].src || tracking.pdt_photo",
            seller_id="primaryKey.sellerId || seller.sellerId || seller.shopId",
            seller_name="seller.name || tracking.seller_name",
            kind="product",
        ),
    ),
    scripts=("window.pageData=", "window.pageData =", "__moduleData__ =", "__moduleData__="),
    cards=(
        Cards(
            name="[data-qa-locator=product-item]",
            card='[data-qa-locator="product-item"][data-item-id]',
            title=".RfADt a[title], a[title]",
            title_attribute="title",
            price=".ooOxS, [class*=price]",
            pictures="img[type=product], .picture-wrapper img",
        ),
    ),
)
