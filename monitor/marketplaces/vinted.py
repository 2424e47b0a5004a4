"""Vinted on every national host: the catalogue's JSON. Its picture addresses are signed and never rewritten.

It is not asked for: the undocumented catalogue answers only to the cookie of a page opened before, and after some
twenty requests refuses, or silently goes on with stale results, which would pass for a search that found nothing new.
"""

from __future__ import annotations

import re
from dataclasses import replace

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.tables import Records, TableSite

_COUNTRIES = "fr de co.uk com es it nl be pl pt lt cz sk hu at lu ro se dk fi gr hr ie si ee lv"


_ITEMS = Records(
    name="catalog/items",
    items="items[?user]",
    total="pagination.total_entries",
    price="price.amount || price",
    currency="price.currency_code || currency",
    pictures="[photo.full_size_url, photo.url, photos[].full_size_url][]",
    seller_id="user.id",
    seller_name="user.login",
    seller_url="user.profile_url",
    url="url || path",
)

MARKETPLACE = TableSite(
    "vinted",
    abilities=Abilities("saved", detail="saved", note="needs a session: record the visit as a HAR file"),
    hosts=frozenset(f"vinted.{country}" for country in _COUNTRIES.split()),
    address=re.compile(r"/items/(?P<id>\d{4,14})(?=[-/?])"),
    template="https://www.{host}/items/{id}",
    hint="its catalogue answers its own pages only",
    main_host="vinted.com",
    records=(_ITEMS, replace(_ITEMS, name="items/<id>", items="item", total="", kind="product")),
)
