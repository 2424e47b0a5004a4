"""Reading of nodes that every page needs: text without its hidden parts, pictures with their lazy sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import chain, islice

from selectolax.lexbor import LexborHTMLParser, LexborNode

from monitor.marketplaces.text import one_line

# Where pages keep a picture until it scrolls into view, before ``src``, which is a placeholder then.
_LAZY = (
    "data-defer-load",
    "data-old-hires",
    "data-zoom-image",
    "data-original",
    "data-lazy-src",
    "data-lazy",
    "data-src",
)
_SETS = ("srcset", "data-srcset")
_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)[wx]")
_LONGEST_SET = 20_000
_ODD = frozenset((*_LAZY, *_SETS))
# What stands in a picture's place until it is loaded, and what is no address at all.
_IDLE_PARTS = (
    "s_1x2.gif",
    "pixel.gif",
    "blank.gif",
    "spacer.gif",
    "transparent-pixel",
    "placeholder",
    "loading.gif",
    "1x1.",
)
_IDLE = re.compile(r"^\s*(?:data:|$)|" + "|".join(map(re.escape, _IDLE_PARTS)))
_PLAIN_SOURCES = re.compile(r"(?:[/h][!-~]*\n)*+[/h][!-~]*")  # none of them is empty, padded or "data:"

_BLOCKS = "br, dd, div, dt, h1, h2, h3, h4, h5, h6, li, p, td"  # a browser begins a new line there
_MOST_BLOCKS = 200
_MOST_CARDS = 2000
_MOST_IN_CARDS = 20_000
_DEEP_IN_CARD = 8
_SEGMENTS = 500
_SEGMENT_CHARACTERS = 100_000


def text_without(node: LexborNode, hidden: str) -> str:
    """The node's text on one line, without what ``hidden`` matches inside it; words of two blocks stay two words."""
    if node.css_first(f"{hidden}, {_BLOCKS}") is None:
        return one_line(node.text())
    copy = LexborHTMLParser(node.html or "")
    for part in copy.css(hidden):
        part.decompose()
    for block in copy.css(_BLOCKS)[:_MOST_BLOCKS]:
        block.insert_before(" ")
        block.insert_after(" ")
    return one_line(copy.body.text()) if copy.body else ""


class Cards:
    """The cards of a page, and what stands in each: a selector is run once over the page instead of once a card.

    Reading a selector takes as long as finding what it selects in a card, and a page may show hundreds.
    """

    def __init__(self, root: LexborHTMLParser | LexborNode, selector: str) -> None:
        self._root = root
        self.nodes = root.css(selector)[:_MOST_CARDS]
        self._ids = [card.mem_id for card in self.nodes]
        self._are_siblings = len({_id_of(card.parent) for card in self.nodes}) == 1

    def css(self, selector: str) -> list[list[LexborNode]]:
        """What the selector finds inside each of the cards, in page order; a list for each of ``nodes``."""
        nodes = self._root.css(selector)[:_MOST_IN_CARDS]
        return [[node] for node in nodes] if self._are_one_in_each(nodes) else self._by_card(nodes)

    def first(self, selector: str) -> Sequence[LexborNode | None]:
        """The first that the selector finds in each of the cards."""
        nodes = self._root.css(selector)[:_MOST_IN_CARDS]
        if self._are_one_in_each(nodes):
            return nodes
        return [inside[0] if inside else None for inside in self._by_card(nodes)]

    def _are_one_in_each(self, nodes: list[LexborNode]) -> bool:
        """Whether there is one in each card, all equally deep, as most pages have it."""
        if not self._are_siblings or len(nodes) != len(self.nodes):
            return False
        around = nodes
        for _ in range(_DEEP_IN_CARD):
            around = [above for node in around if (above := node.parent) is not None]
            if around and around[0].mem_id == self._ids[0]:
                return [node.mem_id for node in around] == self._ids
        return False

    def _by_card(self, nodes: list[LexborNode]) -> list[list[LexborNode]]:
        found: dict[int, list[LexborNode]] = {}
        for node in nodes:
            for card in self._cards_of(node.parent):
                found.setdefault(card, []).append(node)
        return [found.get(card, []) for card in self._ids]

    def _cards_of(self, node: LexborNode | None) -> tuple[int, ...]:
        """The cards around something in this node; what is on the way up is asked once."""
        passed: list[int] = []
        cards: tuple[int, ...] = ()
        while node is not None:
            known = self._around.get(node.mem_id)
            if known is not None:
                cards = known
                break
            passed.append(node.mem_id)
            node = node.parent
        self._around.update(dict.fromkeys(passed, cards))
        return cards

    @cached_property
    def _around(self) -> dict[int, tuple[int, ...]]:
        """By a node: the cards that it is in or is, the innermost first; what is asked for is added."""
        ids = frozenset(self._ids)
        return {card.mem_id: (card.mem_id, *_cards_above(card, ids)) for card in self.nodes}


def _id_of(node: LexborNode | None) -> int:
    return node.mem_id if node else 0


def _cards_above(node: LexborNode, ids: Container[int]) -> Iterator[int]:
    around = node.parent
    while around is not None:
        if around.mem_id in ids:
            yield around.mem_id
        around = around.parent


def image_sources(root: LexborHTMLParser | LexborNode, selector: str = "img") -> list[str]:
    """The sources of the images, as written, lazy ones first, placeholders left out; each once, in page order."""
    return sources_of(root.css(selector)[:200])


def sources_of(images: Iterable[LexborNode]) -> list[str]:
    """`image_sources` of images that are known."""
    sources = [source for node in images for source in _sources(node.attributes)]
    return list(dict.fromkeys(sources)) if len(sources) > 1 else sources


def sources_in_each(cards: Sequence[Sequence[LexborNode]]) -> list[list[str]]:
    """`sources_of` each card's images; where every card shows one, and plainly, they are looked at together."""
    if all(len(images) == 1 for images in cards):
        stated = [images[0].attributes for images in cards]
        shown = [attributes.get("src") or "" for attributes in stated]
        together = "\n".join(shown)
        plain = _ODD.isdisjoint(chain.from_iterable(stated)) and _PLAIN_SOURCES.fullmatch(together)
        if plain and together.count("\n") == len(shown) - 1 and not any(part in together for part in _IDLE_PARTS):
            return [[source] for source in shown]
    return [sources_of(images) for images in cards]


def linked_pictures(
    root: LexborHTMLParser | LexborNode, links: str, listing_id: Callable[[str], str | None]
) -> dict[str, list[str]]:
    """By listing id: the sources of the images inside links to that listing."""
    found: dict[str, list[str]] = {}
    for link in root.css(links)[:3000]:
        known = listing_id(link.attributes.get("href") or "")
        sources = image_sources(link) if known else []
        if known and sources:
            found.setdefault(known, []).extend(sources)
    return found


def _sources(attributes: Mapping[str, str | None]) -> list[str]:
    if _ODD.isdisjoint(attributes):
        source = attributes.get("src")
        return [source.strip()] if source and not _IDLE.search(source) else []
    candidates = [attributes[name] for name in (*_LAZY, "src") if name in attributes]
    candidates += [_largest(attributes[name] or "") for name in _SETS if name in attributes]
    return [source.strip() for source in candidates if source and not _IDLE.search(source)]


def _largest(candidates: str) -> str:
    """The address in a ``srcset`` with the largest width or density; a comma inside an address belongs to it."""
    sizes: list[tuple[float, str]] = []
    url = ""
    for word in candidates[:_LONGEST_SET].split():
        if url:  # then the word is its size, and what follows a comma the next address
            stated, _, following = word.partition(",")
            size = _SIZE.fullmatch(stated)
            sizes.append((float(size[1]) if size else 1.0, url))
            url = following.lstrip(",")
        else:
            url = word.lstrip(",")
        if url.endswith(","):
            sizes.append((1.0, url.rstrip(",")))
            url = ""
    if url:
        sizes.append((1.0, url))
    return max(sizes, key=lambda size: size[0], default=(0.0, ""))[1]


def segments(text: str, attribute: str, prefix: str = "") -> dict[str, str]:
    """The raw HTML between tags that carry an attribute, by its value behind ``prefix``, however it is quoted.

    For cards that are links holding links: an HTML5 parser tears such a card into siblings, its raw text is whole.
    Pieces with one value are joined.
    """
    found: dict[str, str] = {}
    starts: list[tuple[int, str]] = []
    for carried in islice(_attribute(attribute).finditer(text), _MOST_IN_CARDS):
        value = carried[1] or carried[2] or carried[3] or ""
        if value.startswith(prefix) and len(starts) < _SEGMENTS:
            starts.append((text.rfind("<", 0, carried.start()), value.removeprefix(prefix)))
    stops = [*(start for start, _ in starts[1:]), len(text)]
    for (start, value), stop_before in zip(starts, stops, strict=False):
        stop = min(stop_before, start + _SEGMENT_CHARACTERS)
        found[value] = found.get(value, "") + text[max(0, start) : stop]
    return found


@cache
def _attribute(name: str) -> re.Pattern[str]:
    value = r"""(?:"([^"<>]{0,300})"|'([^'<>]{0,300})'|([^\s"'<>=`]{1,300}))"""
    return re.compile(rf"(?<=\s){re.escape(name)}\s{{0,9}}=\s{{0,9}}{value}")
