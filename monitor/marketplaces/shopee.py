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
_ITEMS = Records(
    name="items",
    items="items[?itemid]",
    listing_id="itemid",
    title="name",
    currency="currency",
    minor_digits=5,
    pictures="[image, images][]",
    seller_id="shopid",
    seller_name="shop_name",
    aliases="join('.', [to_string(shopid), to_string(itemid)])",
    total="total_count",
)


class Shopee(TableSite):
    """Shopee. A listing's address needs the shop's number beside its own."""

    def record(self, page: Document, entry: Mapping[str, Any], layout: Records) -> Found | None:
        """The listing, on the host of the page or of its currency."""
        own = host_of(page.address)
        country = _HOSTS.get(iso_code(entry.get("currency")) or "", "ph")
        host = next((known for known in self.hosts if on_host(own, {known})), f"shopee.{country}")
        images = f"https://down-{host.rpartition('.')[2]}.img.susercontent.com/file/{{}}"
        one = super().record(page, entry, replace(layout, picture=images))
        if one is None:
            return None
        url = f"https://{host}/product/{clean_text(entry.get('shopid'))}/{one.listing.listing_id}"
        return Found(one.listing._replace(url=url), one.sources)


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
        replace(_ITEMS, name="item", items="data.item || item", total="", kind="product"),
    ),
)
