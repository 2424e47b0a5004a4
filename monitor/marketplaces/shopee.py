"""Shopee: the answers of its own API as a browser received them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.document import Document
from monitor.marketplaces.prices import iso_code
from monitor.marketplaces.reading import Found
from monitor.marketplaces.tables import Records, TableSite
from monitor.marketplaces.text import clean_text
from monitor.marketplaces.urls import host_of, on_host

# The country's host by the currency of its prices, for data that does not tell where it is from.
_HOSTS = {
    "IDR": "co.id",
    "PHP": "ph",
    "SGD": "sg",
    "MYR": "com.my",
    "THB": "co.th",
    "VND": "vn",
    "BRL": "com.br",
    "TWD": "tw",
    "MXN": "com.mx",
    "COP": "com.co",
    "CLP": "cl",
}
_CURRENCIES = {f"shopee.{country}": currency for currency, country in _HOSTS.items()}
_ITEMS = Records(
    name="items",
    items="items[?itemid]",
    listing_id="itemid",
    title="name",
    price="price || item_card_display_price.price || display_price.price",
    currency="currency",
    minor_digits=5,
    pictures="[image, images][]",
    seller_id="shopid",
    seller_name="shop_name || shop_data.shop_name",
    aliases="join('.', [to_string(shopid), to_string(itemid)])",
    total="total_count",
)


class Shopee(TableSite):
    """Shopee. A listing's address needs the shop's number beside its own."""

    def record(self, page: Document, entry: Mapping[str, Any], layout: Records) -> Found | None:
        """The listing, on the host of the page or of its currency."""
        item = _flat(entry)
        own = host_of(page.address)
        country = _HOSTS.get(iso_code(item.get("currency")) or "", "ph")
        host = next((known for known in self.hosts if on_host(own, {known})), f"shopee.{country}")
        item["currency"] = item.get("currency") or (_CURRENCIES.get(own) if own == host else None)
        images = f"https://down-{host.rpartition('.')[2]}.img.susercontent.com/file/{{}}"
        one = super().record(page, item, replace(layout, picture=images))
        if one is None:
            return None
        url = f"https://{host}/product/{clean_text(item.get('shopid'))}/{one.listing.listing_id}"
        return Found(one.listing._replace(url=url), one.sources)


def _flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The item with the parts of newer answers ("item_data", what its card shows) opened, under the older names."""
    parts = (entry.get("item_data"), entry.get("item_card_displayed_asset"))
    item = dict(entry)
    for part in parts:
        item |= part if isinstance(part, dict) else {}
    older = {"itemid": item.get("item_id"), "shopid": item.get("shop_id"), "name": item.get("title")}
    return older | {key: value for key, value in item.items() if value is not None}


MARKETPLACE = Shopee(
    "shopee",
    abilities=Abilities(
        "saved", detail="saved", seller="saved", note="signed requests only: record the visit as a HAR file"
    ),
    hosts=frozenset(f"shopee.{country}" for country in _HOSTS.values()),
    main_host="shopee.ph",
    address=re.compile(r"(?:/product/|-i\.)(?P<shop>\d{3,14})[/.](?P<id>\d{3,16})(?=[/?])"),
    template="https://{host}/product/{shop}/{id}",
    records=(
        _ITEMS,
        replace(_ITEMS, name="items[].item_basic", items="items[].item_basic"),
        replace(
            _ITEMS,
            name="item_card_displayed_asset",
            items="(items || centralize_item_card.item_cards || units[].item)[?item_card_displayed_asset]",
        ),
        replace(
            _ITEMS,
            name="item",
            items="""data.item && merge(data.item, {
                images: data.product_images.images || data.item.images,
                shop_name: data.shop_detailed.name || data.item.shop_name}) || item""",
            total="",
            kind="product",
        ),
    ),
)
