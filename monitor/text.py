"""Strangers' text made safe to show and to export: titles, sellers and addresses are hostile input."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from jinja2 import Environment

_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")
_BLANK_LOOKING = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0"
)  # invisible, yet not Cf
_ZERO_WIDTH_JOINER = "\u200d"
_FORMULA_START = frozenset("=+-@\uff1d\uff0b\uff0d\uff20\u2212")  # the fullwidth forms and the true minus work too


def visible(text: str) -> str:
    """The text on one line, with a mark for everything that is hidden or moves other text about.

    Line breaks and control characters become their pictures (␊, ␛); bidirectional controls, zero-width and tag
    characters, fillers and lone surrogates become ⟨U+202E⟩. Joiners inside an emoji stay. Nothing is dropped.
    """
    return _NOT_PLAIN.sub(_mark, text)


def clip(text: str, length: int) -> str:
    """The text if it has at most ``length`` characters, else its beginning and how many more there are."""
    return text if len(text) <= length else f"{text[:length].rstrip()}… (+{len(text) - length:,} characters)"


def safe_link(url: str) -> str | None:
    """The URL if a person may be offered to follow it, else None.

    Only http and https with a host; no credentials, no blanks, backslashes, controls or hidden characters, which
    make an address look like another.
    """
    if visible(url) != url or re.search(r"[\s\\\"<>]", url):
        return None
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return None
    is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return url if is_web and port_is_fine and "@" not in parts.netloc else None


def link(url: str, label: str) -> Markup:
    """An HTML link with the label, or the bare text of both where the URL is no safe link."""
    target = safe_link(url)
    if target is None:
        return escape(visible(label if label == url else f"{label} ({url})"))
    return Markup('<a href="{}" rel="noreferrer noopener" target="_blank">{}</a>').format(target, visible(label))


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: a leading ' is put before what could be one.

    Guarded are cells that begin with ``= + - @`` or their fullwidth forms, with a blank, a control or a hidden
    character, or with ``'`` itself, so that ``csv_text`` gives every text back unchanged.
    """
    return f"'{text}" if text and _is_risky_start(text[0]) else text


def csv_text(cell: str) -> str:
    """The text that ``csv_cell`` guarded."""
    return cell.removeprefix("'")


def utc(at: datetime) -> str:
    """An aware time as people read it, such as 2026-11-21 12:00 UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


@cache
def templates() -> Environment:
    """The pages under ``monitor/templates``: escaped everywhere, and every text shown by ``visible``."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # a daemon at rest does without

    environment = Environment(
        loader=PackageLoader("monitor", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_show,
    )
    environment.globals["link"] = link
    environment.filters["clip"] = clip
    environment.filters["utc"] = utc
    environment.filters["exact"] = escape  # hidden characters as they are: for what is copied out of the page
    return environment


def _show(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _mark(found: re.Match[str]) -> str:
    char = found.group()
    category = unicodedata.category(char)
    if category == "Cc" and ord(char) < 0x20:
        return chr(0x2400 + ord(char))
    if char == "\x7f":
        return "␡"
    if char == _ZERO_WIDTH_JOINER and _joins_emoji(found.string, found.start()):
        return char
    if category[0] == "C" or category in {"Zl", "Zp"} or char in _BLANK_LOOKING:
        return f"⟨U+{ord(char):04X}⟩"
    return char


def _joins_emoji(text: str, position: int) -> bool:
    around = text[position - 1 : position] + text[position + 1 : position + 2]
    return len(around) == 2 and all(unicodedata.category(char) in {"So", "Sk", "Mn"} for char in around)


def _is_risky_start(char: str) -> bool:
    return char == "'" or char in _FORMULA_START or char.isspace() or unicodedata.category(char)[0] == "C"
