"""One page, decoded and parsed once, however many parsers look at it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

import chompjs
from selectolax.lexbor import LexborHTMLParser, LexborNode

from monitor.errors import LayoutChanged
from monitor.marketplaces.base import Page
from monitor.marketplaces.text import decode, one_line
from monitor.marketplaces.urls import absolute, same_site, split

_LARGEST_BYTES = 24 * 2**20  # the largest recording has 2 MB
_UNREAD = frozenset({"script", "style", "noscript", "template", "svg", "-comment", "-text"})
_READ_CHARACTERS = 4000
_MOST_LITERALS = 200  # in one block
_READ_NODES = 20_000
_DEEPEST_ELEMENT = 2000  # 0.1 s to parse; 16,000 take 4 s
# Tags that stay open until they are closed; the others close themselves or their neighbours.
_NESTING_TAG = re.compile(
    r"<(/?)(?!(?:area|base|br|col|dd|dt|embed|hr|img|input|li|link|meta|optgroup|option|p|param|path|source|tbody|td|tfoot"
    r"|th|thead|tr|track|use|wbr)[\s/>])[a-z]",
    re.IGNORECASE,
)
# Keeps other sites' scripts from running an answer.
_GUARD = re.compile(r"\s*(?:for ?\(;;\);|while ?\(1\);|\)]}',?)\s*(?=[{\[])")
_CALL = re.compile(r"\s*(?:/\*\*/\s*)?[A-Za-z_$][\w$.]{0,100}\(\s*(?=[{\[])")
# Written by Chrome ("saved from url=(0042)https://...") and SingleFile ("url: https://...") into the first comment.
_SAVED_FROM = re.compile(
    r"<!--\s*(?:saved from url=\(\d{1,6}\)|Page saved with SingleFile\s+url:\s*)(https?://[^\s>]{1,4000})"
)


@dataclass(frozen=True)
class Document:
    """A page as text, as a tree and as data; each is made when first asked for."""

    url: str
    body: bytes
    content_type: str

    @cached_property
    def text(self) -> str:
        """The decoded page, without NULs, and JSON without what stands around it for a script (a call, a guard)."""
        text = decode(self.body[:_LARGEST_BYTES], self.content_type).replace("\0", "")
        call, guard = _CALL.match(text), _GUARD.match(text)
        if call:
            return text[call.end() : text.rfind(")")]
        return text[guard.end() :] if guard else text

    @cached_property
    def tree(self) -> LexborHTMLParser:
        """The parsed page. Shared: nobody may change it."""
        return LexborHTMLParser(_without_abyss(self.text))

    @cached_property
    def data(self) -> Any:
        """The page as JSON, of several lines of it the first; None where it is none (``null`` included)."""
        if not self.looks_like_json:
            return None
        whole = load_json(self.text)
        return load_json(self.text.lstrip().partition("\n")[0]) if whole is None else whole

    @cached_property
    def looks_like_json(self) -> bool:
        """Whether the first sign is a bracket, as in JSON and not in HTML."""
        return self.text[:200].lstrip().startswith(("{", "["))

    @cached_property
    def address(self) -> str:
        """The page's own address: as fetched, else as the browser that saved it or the page itself notes it."""
        if split(self.url):
            return self.url
        if self.looks_like_json:
            return ""
        saved = _SAVED_FROM.search(self.text[:4096])
        stated = saved[1] if saved else (self.canonical_link or meta(self, "og:url"))
        return stated if stated and split(stated) else ""

    @cached_property
    def base(self) -> str:
        """What the page's relative addresses start from: what ``<base>`` says, on the page's own host, else its own."""
        head = None if self.looks_like_json else self.tree.head
        node = head.css_first("base[href]") if head else None
        stated = absolute(self.address, node.attributes.get("href")) if node else None
        return same_site(stated, self.address) or self.address

    @cached_property
    def canonical_link(self) -> str | None:
        """The absolute address in ``<link rel=canonical>``."""
        link = self.tree.css_first("link[rel=canonical][href]")
        return absolute(self.url, link.attributes.get("href")) if link else None

    @cached_property
    def title(self) -> str:
        """The text of ``<title>``."""
        if self.looks_like_json:
            return ""
        node = self.tree.css_first("head title") or self.tree.css_first("title")
        return one_line(node.text()) if node else ""

    @cached_property
    def visible_text(self) -> str:
        """What a person would read first: at most 4000 characters of the body's text, on one line, without scripts."""
        found: list[str] = []
        length = 0
        for text in _visible_texts(self.tree.body):
            found.append(text)
            length += len(text) + 1
            if length >= _READ_CHARACTERS:
                break
        return " ".join(found)[:_READ_CHARACTERS]

    @cached_property
    def linked_data(self) -> tuple[dict[str, Any], ...]:
        """Every object of the page's JSON-LD blocks, ``@graph`` and top-level lists opened."""
        if self.looks_like_json:
            return tuple(_objects(self.data))
        blocks = self.tree.css('script[type^="application/ld+json" i]')[:200]
        things = [thing for block in blocks for thing in _objects(_linked(block.text()))]
        named = {thing["@id"]: thing for thing in things if isinstance(thing.get("@id"), str)}
        return tuple({key: _resolved(value, named) for key, value in thing.items()} for thing in things)


def document(page: Page) -> Document:
    """The page's document; the same one while the same page is looked at."""
    return _document(page.url, page.body, page.headers.get("content-type", ""))


@lru_cache(maxsize=1)
def _document(url: str, body: bytes, content_type: str) -> Document:
    return Document(url, body, content_type)


def load_json(text: str, *, lenient: bool = False) -> Any:
    """The value of a JSON text, fractions as Decimal; None where it is none or nested beyond reason.

    ``lenient`` also reads a JavaScript literal, and JSON with stray line breaks or trailing commas.
    """
    try:
        return json.loads(text, strict=False, parse_float=Decimal, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        if not lenient:
            return None
    try:
        return chompjs.parse_js_object(text, loader_kwargs={"strict": False, "parse_float": Decimal})
    except (ValueError, RecursionError):
        return None


def script_value(page: Document, assignment: str) -> Any:
    """The literal that a script assigns: ``assignment`` is the text before it, such as ``window.runParams =``.

    The literal's end is found by a JavaScript reader that knows strings, never by a pattern. None if there is none.
    """
    for script in page.tree.css("script:not([src])"):
        source = script.text()
        start = source.find(assignment)
        if start < 0:
            continue
        rest = source[start + len(assignment) :]
        value = load_literal(rest)
        if value:
            return value
    return None


def load_literal(source: str) -> Any:
    """The JavaScript object or list that the text begins with, whatever follows it; None if it does not begin one."""
    text = source.lstrip(" \t\r\n=:(")
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.JSONDecoder(strict=False, parse_float=Decimal).raw_decode(text)[0]
    except (ValueError, RecursionError):
        pass
    try:
        return chompjs.parse_js_object(text, loader_kwargs={"strict": False, "parse_float": Decimal})
    except (ValueError, RecursionError):
        return None


def meta(page: Document, *names: str) -> str:
    """The content of the first ``<meta>`` with one of these names or properties that has any."""
    for name in names:
        for node in page.tree.css(f'meta[property="{name}" i], meta[name="{name}" i], meta[itemprop="{name}"]'):
            content = one_line(node.attributes.get("content"))
            if content:
                return content
    return ""


def one(root: LexborHTMLParser | LexborNode, selector: str, marketplace: str) -> LexborNode:
    """The first node that matches.

    Raises:
        LayoutChanged: None does.
    """
    node = root.css_first(selector)
    if node is None:
        raise LayoutChanged(marketplace, selector)
    return node


def first_text(root: LexborHTMLParser | LexborNode, selector: str) -> str:
    """The text of the first match that has any, on one line; empty if none has."""
    return next(filter(None, (one_line(node.text()) for node in root.css(selector))), "") if selector else ""


def first_attribute(root: LexborHTMLParser | LexborNode, selector: str, *names: str) -> str:
    """The first non-empty of these attributes of the first match that has one."""
    for node in root.css(selector):
        for name in names:
            value = (node.attributes.get(name) or "").strip()
            if value:
                return value
    return ""


def _without_abyss(text: str) -> str:
    """The text up to where elements nest deeper than any page's: Lexbor's time grows with the square of the depth."""
    if text.count("<") - text.count("</") <= _DEEPEST_ELEMENT:  # fewer elements than the depth: most pages
        return text
    depth = 0
    for tag in _NESTING_TAG.finditer(text):
        depth = max(0, depth - 1) if tag[1] else depth + 1
        if depth > _DEEPEST_ELEMENT:
            return text[: tag.start()]
    return text


def _visible_texts(body: LexborNode | None) -> Iterator[str]:
    """The texts of a body in page order; stops after a bounded number of nodes, whatever the page does."""
    node = body.first_child if body is not None else None
    for _ in range(_READ_NODES):
        if node is None:
            return
        tag = node.tag
        if tag == "-text":
            text = " ".join((node.text_content or "")[: 2 * _READ_CHARACTERS].replace("\u200b", " ").split())
            if text:
                yield text
        child = node.first_child if tag not in _UNREAD else None
        while child is None and node is not None:
            child = node.next
            if child is None:
                node = node.parent
                if node is None or node.tag == "body":
                    return
        node = child


def _linked(text: str) -> Any:
    """The value of a JSON-LD block, as shops write it: escaped as HTML, several in a row, each word with a prefix."""
    plain = (text if '"' in text else html.unescape(text)).replace('"schema:', '"')
    value = load_json(plain)
    return _literals(plain) if value is None else value


def _literals(text: str) -> list[Any]:
    """Every JavaScript object or list in a text; none where it holds what is none."""
    try:
        values: Iterable[Any] = chompjs.parse_js_objects(text, loader_kwargs={"strict": False, "parse_float": Decimal})
        return list(islice(values, _MOST_LITERALS))
    except (ValueError, RecursionError):
        return []


def _resolved(value: Any, named: Mapping[str, dict[str, Any]]) -> Any:
    """The thing that stands elsewhere on the page, where only its name is given; of a list each."""
    if isinstance(value, list):
        return [_resolved(entry, named) for entry in value if not isinstance(entry, list)]
    if isinstance(value, dict) and value.keys() == {"@id"} and isinstance(value["@id"], str):
        return named.get(value["@id"], value)
    return value


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for entry in value[:1000]:
            yield from _objects(entry)
    elif isinstance(value, dict):
        graph = value.get("@graph")
        if isinstance(graph, list | dict):
            yield from _objects(graph)
        else:
            yield value
