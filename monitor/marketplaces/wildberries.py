"""Wildberries: the anonymous JSON of search and card."""

from __future__ import annotations

import re

from monitor.marketplaces.base import Abilities, Pace
from monitor.marketplaces.tables import Records, TableSite

MARKETPLACE = TableSite(
    "wildberries",
    abilities=Abilities(
        "http saved",
        detail="saved",
        language="ru",
        note="its open answers allow few requests; pages are read from HAR files",
    ),
    hosts=frozenset({"wildberries.ru", "wb.ru"}),
    pace=Pace(requests_per_minute=6),  # marketplaces.md 11: search answers 429 within a handful of requests
    search_url="https://search.wb.ru/exactmatch/ru/common/v9/search?dest=-1257786&curr=rub&resultset=catalog&appType=1",
    search_key="query",
    address=re.compile(r"wildberries\.ru/catalog/(?P<id>\d{4,12})(?=[/?])"),
    template="https://www.wildberries.ru/catalog/{id}/detail.aspx",
    currency="RUB",
    records=(
        Records(
            name="products",
            items="(products || data.products)[?supplierId]",
            title="name",
            price="sizes[?price.product] | [0].price.product || salePriceU",
            minor_digits=2,
            pictures="images",
            seller_id="supplierId",
            seller_name="supplier",
            total="total || data.total",
        ),
    ),
)
