"""Avito: the JSON of its own item list, bare or behind its search pages, their cards, and item pages."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from monitor.marketplaces.base import Abilities, Page, ParsedPage
from monitor.marketplaces.document import Document, document, load_json
from monitor.marketplaces.reading import Found, dicts, gone, pieces
from monitor.marketplaces.tables import Cards, Item, Records, TableSite
from monitor.marketplaces.text import one_line

# The state of a page as a string, which is JSON or, before 2025, JSON written as a part of an address.
_STATE = re.compile(r'window\.__(?:preloadedState|initialData)__\s*=\s*("(?:[^"\\]|\\.)*+")')
_SIZE = re.compile(r"^(\d{1,5})x\d{1,5}$")


class Avito(TableSite):
    """Avito. Pictures come in named sizes, of which the largest is kept."""

    def parse(self, page: Page) -> ParsedPage:
        """As the tables say, unless the item's page says that it was taken down.

        Raises:
            LayoutChanged: No table yields a listing.
        """
        whole = document(page)
        closed = None if whole.looks_like_json else whole.tree.css_first("[data-marker='item-view/closed-warning']")
        return gone(self, "closed-warning", one_line(closed.text())) if closed else super().parse(page)

    def record(self, page: Document, entry: Mapping[str, Any], layout: Records) -> Found | None:
        """The listing with each picture's largest size."""
        pictures = [_largest(sizes) for sizes in dicts(entry.get("images"))]
        return super().record(page, {**entry, "pictures": pictures}, layout)

    def _script_data(self, page: Document) -> Iterator[Any]:
        texts = [html.unescape(node.text()) for node in page.tree.css("script[data-mfe-state]")[:100]]
        for node in page.tree.css("script:not([src])"):
            texts += [str(load_json(state) or "") for state in _STATE.findall(node.text())]
        for text in texts:
            data = load_json(unquote(text) if text.startswith("%") else text)
            yield from pieces(data, "items")


def _largest(sizes: Mapping[str, Any]) -> Any:
    widths = {int(match[1]): sizes[key] for key in sizes if (match := _SIZE.match(key))}
    return widths[max(widths)] if widths else None


_ITEMS = Records(
    name="items",
    items="(items || catalog.items)[?urlPath]",
    price="priceDetailed.value",
    price_raw="priceDetailed.fullString",
    pictures="pictures",
    url="urlPath",
    total="totalCount",
)

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
        _ITEMS,
        replace(_ITEMS, name="items[].value", items="(items || catalog.items)[].value | [?urlPath]", total=""),
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
    following="a[data-marker='pagination-button/nextPage'], a[rel~=next][href], link[rel~=next][href]",
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
