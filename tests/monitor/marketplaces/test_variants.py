"""Pages that differ from the recorded ones as the next visit's may: the same listings are read from them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from detectors.model import Outcome
from monitor.marketplaces import parse
from monitor.marketplaces.base import Page
from monitor.marketplaces.html import image_sources, segments
from monitor.marketplaces.rescue import own_item
from tests.monitor.marketplaces.test_recordings import _READABLE

_SCRIPT = re.compile(rb"(<script\b.*?</script\s*>|<style\b.*?</style\s*>|<!--.*?-->)", re.DOTALL | re.IGNORECASE)
_VALUE = rb"(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>=`]+)"
_TAG = re.compile(rb"<([a-zA-Z][a-zA-Z0-9-]*)((?:\s+[^\s=<>\"'/]+(?:\s*=\s*" + _VALUE + rb")?)+)(\s*/?)>")
_ATTRIBUTE = re.compile(rb"\s+([^\s=<>\"'/]+)(?:\s*=\s*(" + _VALUE + rb"))?")
_DATA = re.compile(rb"(<script\b[^>]*(?:application/json|ld\+json)[^>]*>)(.*?)(?=</script)", re.DOTALL | re.IGNORECASE)
_BLOCK = rb"(?:div|dl|dt|dd|h[1-6]|li|ol|p|section|tbody|td|tr|ul)"
_BETWEEN_BLOCKS = re.compile(rb"(?<=>)\s+(?=</?" + _BLOCK + rb"\b)|(?<=</div>)\s+(?=<)", re.IGNORECASE)
_PIXEL = b'"data:image/gif;base64,R0lGODlhAQABAAAAACw="'
Attributes = list[tuple[bytes, bytes | None]]


def _outside_scripts(change: Callable[[bytes], bytes], body: bytes) -> bytes:
    return b"".join(part if at % 2 else change(part) for at, part in enumerate(_SCRIPT.split(body)))


def _each_tag(change: Callable[[bytes, Attributes], Attributes]) -> Callable[[bytes], bytes]:
    def tag(match: re.Match[bytes]) -> bytes:
        known: Attributes = [(one[1], one[2]) for one in _ATTRIBUTE.finditer(match[2])]
        written = [b" " + name + (b"=" + value if value else b"") for name, value in change(match[1].lower(), known)]
        return b"<" + match[1] + b"".join(written) + match[3] + b">"

    return lambda body: _outside_scripts(lambda text: _TAG.sub(tag, text), body)


def _quoted_otherwise(_tag: bytes, known: Attributes) -> Attributes:
    return [(name, b"'" + v[1:-1] + b"'" if v and v[:1] == b'"' and b"'" not in v else v) for name, v in known]


def _with_more_classes(_tag: bytes, known: Attributes) -> Attributes:
    return [(name, b'"x0 ' + v.strip(b"\"'") + b' y-1"' if name == b"class" and v else v) for name, v in known]


def _loaded_late(tag: bytes, known: Attributes) -> Attributes:
    names = {name for name, _ in known}
    if tag != b"img" or b"src" not in names or names & {b"data-src", b"data-original", b"srcset"}:
        return known
    return [one for name, v in known for one in ([(name, _PIXEL), (b"data-src", v)] if name == b"src" else [(name, v)])]


def _each_data(change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    def written(text: bytes) -> bytes:
        try:
            return json.dumps(change(json.loads(text)), indent=1).replace("</", "<\\/").encode()
        except ValueError:
            return text

    def changed(body: bytes) -> bytes:
        if body.lstrip()[:1] in (b"{", b"["):
            return written(body)
        return _DATA.sub(lambda found: found[1] + written(found[2]), body)

    return changed


def _backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _backwards(value[key]) for key in reversed(value)}
    return [_backwards(entry) for entry in value] if isinstance(value, list) else value


_CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "attributes in another order": _each_tag(lambda _tag, known: known[::-1]),
    "other quotes": _each_tag(_quoted_otherwise),
    "more classes": _each_tag(_with_more_classes),
    "pictures loaded late": _each_tag(_loaded_late),
    "data in another order": _each_data(_backwards),
    "more data": _each_data(lambda value: {**value, "_test": {"a": [1]}} if isinstance(value, dict) else value),
    "no space between blocks": lambda body: _outside_scripts(lambda text: _BETWEEN_BLOCKS.sub(b"", text), body),
    "other line breaks": lambda body: body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
}
_FIRST = {row["site"]: row for row in reversed(_READABLE)}  # of each site


def _tries() -> Iterator[Any]:
    """Every change of every recording; two changes of one recording a site are tried in each check."""
    sites = list(_FIRST)
    for row in _READABLE:
        for at, change in enumerate(_CHANGES):
            turn = (at - sites.index(row["site"])) % len(_CHANGES)
            marks = () if row is _FIRST[row["site"]] and turn < 2 else (pytest.mark.soak,)
            yield pytest.param(row, change, marks=marks, id=f"{row['file']}: {change}")


@pytest.mark.parametrize(("row", "change"), list(_tries()))
def test_a_recording_written_otherwise_says_the_same(shared: Path, row: dict[str, Any], change: str) -> None:
    body = (shared / "fixtures" / "marketplaces" / row["file"]).read_bytes()
    changed = _CHANGES[change](body)
    if changed == body:
        return
    as_recorded, otherwise = parse(Page("", body), row["site"]), parse(Page("", changed), row["site"])
    assert (otherwise.outcome, otherwise.reason) == (Outcome.OK, "")
    assert otherwise.listings == as_recorded.listings


@pytest.mark.parametrize("name", ["data", "result", "payload"])
@pytest.mark.parametrize("site", ["avito", "mercari-jp", "shopee", "vinted", "wildberries"])
def test_an_envelope_around_an_answer_changes_nothing(shared: Path, site: str, name: str) -> None:
    body = (shared / "fixtures" / "marketplaces" / _FIRST[site]["file"]).read_bytes()
    around = json.dumps({"status": 200, name: {"data": json.loads(body)}}).encode()
    known = parse(Page("", body), site).listings
    assert known
    assert parse(Page("", around), site).listings == known


_OWN = "https://www.walmart.com/ip/Luna-Moth-Pin/123456789?athbdg=L1200"
_LINKED = """<script type="application/ld+json">{"@type": "Product", "name": "Luna Moth Pin", "image": "/p/1.jpg",
"url": "%s", "offers": {"price": "12.50", "priceCurrency": "USD"}}</script>"""
_GRAPH = """<meta property="og:type" content="product.item"><meta property="og:title" content="Luna Moth Pin">
<meta property="og:url" content="%s"><meta property="og:image" content="https://i5.walmartimages.com/1.jpg?odnHeight=9">
<meta property="product:price:amount" content="12.50"><meta property="product:price:currency" content="USD">"""
_ELEMENTS = """<div itemscope itemtype="https://schema.org/Product"><h2 itemprop="name">Luna Moth Pin</h2>
<link itemprop="url" href="%s"><img itemprop="image" src="data:image/gif;base64,R0" data-src="/p/1.jpg">
<span itemprop="offers" itemscope itemtype="https://schema.org/Offer"><meta itemprop="price" content="12.50">
<meta itemprop="priceCurrency" content="USD"></span></div>"""


def _unknown_layout(described: str, url: str) -> Page:
    body = f"{described % url}<p>{'A pin. ' * 400}</p>"
    return Page(_OWN, f"<html><head><title>Luna Moth Pin</title></head><body>{body}</body></html>".encode())


@pytest.mark.parametrize("described", [_LINKED, _GRAPH, _ELEMENTS], ids=["json-ld", "open-graph", "microdata"])
def test_an_item_page_in_an_unknown_layout_is_read_by_what_it_says_for_search_engines(described: str) -> None:
    answer = parse(_unknown_layout(described, _OWN), "walmart")
    assert (answer.outcome, answer.kind) == (Outcome.OK, "product")
    (listing,) = answer.listings
    assert (listing.marketplace, listing.listing_id) == ("walmart", "123456789")
    assert (listing.url, listing.title) == ("https://www.walmart.com/ip/123456789", "Luna Moth Pin")
    assert (str(listing.price), listing.currency) == ("12.50", "USD")
    assert len(listing.image_urls) == 1
    assert listing.seller is None


@pytest.mark.parametrize("described", [_LINKED, _GRAPH, _ELEMENTS], ids=["json-ld", "open-graph", "microdata"])
def test_another_item_that_a_page_describes_is_not_taken_for_its_own(described: str) -> None:
    answer = parse(_unknown_layout(described, "https://www.walmart.com/ip/987654321"), "walmart")
    assert (answer.outcome, answer.listings) == (Outcome.DRIFT, ())


def test_a_search_page_in_an_unknown_layout_stays_a_layout_change() -> None:
    page = _unknown_layout(_LINKED, _OWN)
    answer = parse(Page("https://www.walmart.com/search?q=pin", page.body), "walmart")
    assert answer.outcome is Outcome.DRIFT


@pytest.mark.parametrize(
    ("written", "source"),
    [
        ('srcset="/a._SR300,200_.jpg 1x, /b._SR600,400_.jpg 2x"', "/b._SR600,400_.jpg"),
        ('data-srcset="/a.jpg 100w,/b.jpg 800w,\n/c.jpg 400w"', "/b.jpg"),
        ('srcset="/a.jpg, /b.jpg 1.5x"', "/b.jpg"),
        ('srcset="/a.jpg"', "/a.jpg"),
    ],
)
def test_of_a_set_of_pictures_the_largest_counts(written: str, source: str) -> None:
    from selectolax.lexbor import LexborHTMLParser

    assert image_sources(LexborHTMLParser(f"<img {written}>")) == [source]


@pytest.mark.parametrize("text", ["<a data-key=x1>1</a>", "<a data-key='x1'>1</a>", '<a  data-key = "x1">1</a>'])
def test_cards_in_raw_text_are_found_however_their_mark_is_quoted(text: str) -> None:
    assert segments(f"<div>{text}</div>", "data-key", "x") == {"1": f"{text}</div>"}


def test_nothing_is_rescued_from_json() -> None:
    from monitor.marketplaces import MARKETPLACES

    assert own_item(MARKETPLACES["walmart"], Page(_OWN, b"{}")) is None
