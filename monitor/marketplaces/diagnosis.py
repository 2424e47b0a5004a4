"""What each key of a described marketplace finds on one page: for the person who writes the description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from monitor.marketplaces.base import Page
from monitor.marketplaces.described import CardsDescription, DescribedSite, Description, RecordsDescription
from monitor.marketplaces.document import Document, document
from monitor.marketplaces.html import image_sources
from monitor.marketplaces.reading import dicts
from monitor.marketplaces.tables import find
from monitor.marketplaces.text import one_line

_EXAMPLE = 80
_CARD_KEYS = ("title", "price", "seller")
_RECORD_KEYS = (
    "listing_id",
    "title",
    "price",
    "price_raw",
    "currency",
    "pictures",
    "seller_id",
    "seller_name",
    "seller_url",
    "url",
)


def diagnose(site: DescribedSite, page: Page) -> list[dict[str, Any]]:
    """A row for each selector and expression: its key, itself, in how many of the listings it finds something, a value.

    Rows of one card, item or record count against those that were found; the first row of each says how many.
    """
    whole = document(page)
    description = site.description
    if description is None:
        return []
    rows = [*_of_json(site, whole, description.records)]
    if not whole.looks_like_json:
        rows += _of_cards(site, whole, description.cards)
        rows += _of_items(whole, description)
    return rows


def _of_cards(site: DescribedSite, page: Document, cards: Sequence[CardsDescription]) -> Iterator[dict[str, Any]]:
    for at, one in enumerate(cards):
        nodes = page.tree.css(one.card)[:2000]
        yield _row(f"cards[{at}].card", one.card, [str(number) for number in range(len(nodes))], len(nodes), count=True)
        ids = [known[0] for known in (site.card_identity(page, node, site.cards[at]) for node in nodes) if known]
        where = f"attribute {one.id_attribute}" if one.id_attribute else f"{one.link} and listing.address"
        yield _row(f"cards[{at}].link", where, ids, len(nodes))
        for key in _CARD_KEYS:
            selector = getattr(one, key)
            if selector:
                attribute = one.title_attribute if key == "title" else ""
                yield _row(f"cards[{at}].{key}", selector, _texts(nodes, selector, attribute), len(nodes))
        pictures = [sources[0] for sources in (image_sources(node, one.pictures) for node in nodes) if sources]
        yield _row(f"cards[{at}].pictures", one.pictures, pictures, len(nodes))


def _of_items(page: Document, description: Description) -> Iterator[dict[str, Any]]:
    for at, one in enumerate(description.items):
        for key in ("title", "price", "seller", "listing_id"):
            selector = getattr(one, key)
            if selector:
                attribute = one.id_attribute if key == "listing_id" else ""
                yield _row(f"items[{at}].{key}", selector, _texts([page.tree], selector, attribute), 1)
        for selector in one.pictures:
            yield _row(f"items[{at}].pictures", selector, image_sources(page.tree, selector)[:1], 1)


def _of_json(site: DescribedSite, page: Document, records: Sequence[RecordsDescription]) -> Iterator[dict[str, Any]]:
    pieces = [page.data] if page.looks_like_json else list(site.script_data(page))
    for at, one in enumerate(records):
        found = (_entries(one, piece) for piece in pieces)
        entries = next(filter(None, found), [])
        yield _row(f"records[{at}].items", one.items, [str(number) for number in range(len(entries))], 1, count=True)
        for key in _RECORD_KEYS:
            path = getattr(one, key)
            if path:
                values = [value for value in (find(path, entry) for entry in entries) if value not in (None, "", [])]
                yield _row(f"records[{at}].{key}", path, [str(value) for value in values], len(entries))


def _entries(one: RecordsDescription, data: Any) -> list[Mapping[str, Any]]:
    items = find(one.items, data)
    return [items] if isinstance(items, dict) and one.kind == "product" else list(dicts(items)[:2000])


def _texts(nodes: Sequence[LexborNode | LexborHTMLParser], selector: str, attribute: str) -> list[str]:
    found = []
    for node in nodes:
        for inner in node.css(selector):
            text = one_line(inner.attributes.get(attribute)) if attribute else one_line(inner.text())
            if text:
                found.append(text)
                break
    return found


def _row(key: str, finder: str, values: Sequence[str], of: int, *, count: bool = False) -> dict[str, Any]:
    example = "" if count or not values else values[0][:_EXAMPLE]
    return {
        "key": key,
        "looks_at": finder,
        "found": len(values),
        "of": len(values) if count else of,
        "example": example,
    }
