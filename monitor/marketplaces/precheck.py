"""What a page may not hold because parsing it would take minutes or gigabytes: looked for before any parser starts.

Linear in the page and cheap beside parsing. What slips through still meets the child's limits of time and memory.
"""

from __future__ import annotations

import re

# Lexbor's time grows with the square of each (selectolax issue 221, lexbor issue 340; measured in test_precheck.py);
# depth is cut by ``document``. Recorded pages have at most 30,000 tags, 60 attributes and 600 options.
_MOST_TAGS = 400_000
_MOST_ATTRIBUTES = 5000
_MOST_OPTIONS = 5000
_MOST_FORMATS = 200  # open at once, each unlike the others; HTML's own rule limits equal ones to three
_LONG_PIECE = re.compile(rb"<[a-z][^<]{%d,}" % (2 * _MOST_ATTRIBUTES))
_HEAD = re.compile(rb"<[a-z](?:[^>=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')?)*+")  # never looks at a sign twice
_QUOTED = re.compile(rb"=\s*+(?:\"[^\"]*+\"|'[^']*+')")
_ATTRIBUTE = re.compile(rb"[\s/][^\s=/]")
_NAMES = rb"(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)"
_FORMAT = re.compile(rb"<(/?)" + _NAMES + rb"((?:[\s/][^<>]{0,200})?)>")
_OPENED_FORMAT = re.compile(rb"<" + _NAMES + rb"[\s/]")


def unreadable(body: bytes) -> str | None:
    """Why this page is not parsed; None for every page that people make."""
    if body[:200].lstrip()[:1] in (b"{", b"["):  # JSON's own reader refuses what nests too deep
        return None
    tags = body.count(b"<")
    if tags > _MOST_TAGS:
        return f"the page has more than {_MOST_TAGS} tags"
    text = body.lower()
    if _has_long_piece(text) and any(_attributes(piece[0]) > _MOST_ATTRIBUTES for piece in _LONG_PIECE.finditer(text)):
        return f"a tag of the page has more than {_MOST_ATTRIBUTES} attributes"
    if tags > _MOST_OPTIONS and text.count(b"<option") > _MOST_OPTIONS:
        return f"the page has more than {_MOST_OPTIONS} options"
    if tags > _MOST_FORMATS and len(_OPENED_FORMAT.findall(text)) > _MOST_FORMATS and _has_many_formats(text):
        return f"more than {_MOST_FORMATS} kinds of formatting are open at once"
    return None


def _has_long_piece(text: bytes) -> bool:
    """Whether a piece may be too long: such a one has no tag begin in one of the places where that is looked for."""
    return any(
        text.find(b"<", at, at + _MOST_ATTRIBUTES) < 0
        for at in range(0, len(text) - _MOST_ATTRIBUTES + 1, _MOST_ATTRIBUTES)
    )


def _attributes(piece: bytes) -> int:
    """How many attributes the tag has that a piece of a page begins with."""
    head = _HEAD.match(piece)
    if not head or head.end() <= 2 * _MOST_ATTRIBUTES:
        return 0
    return len(_ATTRIBUTE.findall(_QUOTED.sub(b" ", head[0])))


def _has_many_formats(text: bytes) -> bool:
    opened = 0
    kinds: set[bytes] = set()
    for tag in _FORMAT.finditer(text):
        if tag[1]:
            opened = max(0, opened - 1)
        elif tag[2].strip():
            opened += 1
            kinds.add(tag[0])
            if opened > _MOST_FORMATS and len(kinds) > _MOST_FORMATS:
                return True
    return False
