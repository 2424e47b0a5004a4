"""Avito: the JSON of its own item list, the cards of its search pages, and item pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.document import Document
from monitor.marketplaces.reading import Found, dicts
from monitor.marketplaces.tables import Cards, Item, Records, TableSite

_SIZE = re.compile(r"^(\d{1,5})x\d{1,5}$")


class Avito(TableSite):
    """Avito. Pictures come in named sizes, of which the largest is kept."""

    def record(self, page: Document, entry: Mapping[str, Any], layout: Records) -> Found | None:
        """The listing with each picture's largest size."""
        pictures = [_largest(sizes) for sizes in dicts(entry.get("images"))]
        return super().record(page, {**entry, "pictures": pictures}, layout)


def _largest(sizes: Mapping[str, Any]) -> Any:
    widths = {int(match[1]): sizes[key] for key in sizes if (match := _SIZE.match(key))}
    return widths[max(widths)] if widths else None


MARKETPLACE = Avito(
    "avito",
    abilities=Abilities(
        "rendered saved",
        detail="rendered saved",
        language="ru",
        note="refuses plain requests; its answers in HAR files are read",
    ),
    hosts=frozenset({"avito.ru"}),
    address=re.compile(r"avito\.ru(?P<path>/[^?]*_(?P<id>\d{6,14}))/?\?"),
    template="https://www.avito.ru{path}",
    records=(
        Records(
            name="items",
            items="items[?urlPath]",
            price="priceDetailed.value",
            price_raw="priceDetailed.fullString",
            pictures="pictures",
            url="urlPath",
            total="totalCount",
        ),
    ),
    cards=(
        Cards(
            name="[data-marker=item]",
            card="[data-marker=item][data-item-id]",
            title="[itemprop=name], [data-marker=item-title]",
            price="[data-marker=item-price]",
        ),
    ),
    currency="RUB",
    items=(
        # By the marks that its public readers go by from 2021 to 2026; no recorded page exists.
        Item(
            name="[data-marker^=item-view]",
            title="[data-marker='item-view/title-info'], h1[itemprop=name]",
            price="[data-marker='item-view/item-price']",
            pictures=("[data-marker='image-frame/image-wrapper'] img", "[data-marker='image-preview/item'] img"),
            seller="a[data-marker='seller-link/link'], [data-marker='seller-info/name']",
        ),
    ),
)
