"""Bytes to text, and text to a line a person may read. Bounded and total: every input gives a value."""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Sequence

from selectolax.lexbor import LexborHTMLParser

# Labels (WHATWG Encoding Standard) to Python codecs. Nothing else is ever looked up: Python's codec table also holds
# compressors and file-reading codecs.
_CODECS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "windows-1252": "cp1252",
    "iso-8859-2": "iso-8859-2",
    "iso-8859-9": "cp1254",
    "iso-8859-15": "iso-8859-15",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "cp1251": "cp1251",
    "windows-1253": "cp1253",
    "windows-1254": "cp1254",
    "windows-1255": "cp1255",
    "windows-1256": "cp1256",
    "windows-1257": "cp1257",
    "windows-1258": "cp1258",
    "windows-874": "cp874",
    "tis-620": "cp874",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5hkscs",
    "big5-hkscs": "big5hkscs",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "utf-16": "utf-16-le",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_LANGUAGES = {"zh": "gb18030", "ja": "cp932", "ko": "cp949", "ru": "cp1251", "uk": "cp1251", "pl": "iso-8859-2"}
_HEAD_BYTES = 8192  # where a declaration is looked for; the standard asks for the first 1024
_CHARSETS = re.compile(rb"charset\s*+=\s*+[\"']?\s*+([^\s\"'/>;]*+)")  # in lower case: ten times as fast
_LONG_HEAD_BYTES = 2**19  # a page whose bytes are no UTF-8 declares itself somewhere: Tmall after 155 KB of scripts
_TITLE_CHARACTERS = 2000
# Controls, lone surrogates, zero-width and direction marks: invisible, and trouble in logs, SQL and terminals.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2060\ufeff\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_LINE_BREAKS = re.compile(r"[\t\r\n\x0b\x0c\x1c-\x1f\x85\u2028\u2029]+")
_MARKUP = re.compile(r"<[a-zA-Z/!]")


def decode(body: bytes, content_type: str = "") -> str:
    """The text of a page: byte order mark, HTTP charset, ``<meta>``, then its language decide, in this order.

    A declaration that the bytes contradict gives way to the next one; only then are bytes replaced by U+FFFD.
    """
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace")
    text = _as_utf8(body)
    if text is not None and _says_utf8(body[:_HEAD_BYTES], content_type):
        return text
    codecs_tried = _candidates(body[:_HEAD_BYTES], content_type)
    if codecs_tried[0] == "utf-8" and text is None:
        codecs_tried = _candidates(body[:_LONG_HEAD_BYTES], content_type)
    for codec in codecs_tried:
        try:
            return body.decode(codec)
        except UnicodeDecodeError:
            continue
    return min((body.decode(codec, "replace") for codec in codecs_tried), key=lambda text: text.count("\ufffd"))


def _as_utf8(body: bytes) -> str | None:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _says_utf8(head: bytes, content_type: str) -> bool:
    """Whether nothing that looks like a declaration says anything else: then none need be told from mere text."""
    declared = {_label(charset.decode("latin-1")) for charset in _CHARSETS.findall(head.lower())}
    return (declared | {_label(_charset(content_type))}) <= {"", "utf-8", "utf8"}


def _candidates(start: bytes, content_type: str) -> list[str]:
    head = LexborHTMLParser(start.decode("latin-1").replace("\0", " "))
    declared = [_charset(content_type)]
    for meta in head.css("meta[charset], meta[http-equiv]"):
        attributes = meta.attributes
        declared.append(attributes.get("charset") or _charset(attributes.get("content") or ""))
    found = [_CODECS[label] for label in (_label(name) for name in declared) if label in _CODECS]
    if all(codec.startswith(("cp125", "iso-8859")) for codec in found):
        found.insert(0, "utf-8")  # one-byte sets decode everything; bytes that happen to be UTF-8 are UTF-8
    root = head.css_first("html")
    language = ((root.attributes.get("lang") if root else None) or "")[:2].lower()
    return list(dict.fromkeys([*found, "utf-8", *([_LANGUAGES[language]] if language in _LANGUAGES else [])]))


def _charset(content_type: str) -> str:
    return content_type.lower().partition("charset=")[2].partition(";")[0]


def _label(name: str | None) -> str:
    return (name or "").strip(" \t\r\n\"'").lower()


def clean_text(value: object) -> str:
    """One line without markup, entities, control characters or lone surrogates; at most 2000 characters.

    Runs of plain spaces stay as sent: in data they are data. ``""`` for anything but a string or an integer.
    """
    if not isinstance(value, str):
        whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**30
        return str(value) if whole else ""
    if value.isprintable() and "&" not in value and "<" not in value:
        return value[:_TITLE_CHARACTERS]
    text = value[: 4 * _TITLE_CHARACTERS]
    if "&" in text:
        text = html.unescape(text)
    if _MARKUP.search(text):
        text = _without_markup(text)
    return _UNSEEN.sub("", _LINE_BREAKS.sub(" ", text))[:_TITLE_CHARACTERS]


def one_line(value: object) -> str:
    """As ``clean_text``, with every run of white space as one space, as a browser would show it."""
    return " ".join(clean_text(value).split())


def lines(values: Sequence[str]) -> Sequence[str]:
    """`one_line` of each; a page's texts are mostly plain, and then looked at together."""
    whole = " ".join(values)
    plain = whole.isprintable() and not ("&" in whole or "<" in whole or "  " in whole) and whole == whole.strip()
    if plain and max(map(len, values), default=0) <= _TITLE_CHARACTERS:
        return values
    return [one_line(value) for value in values]


def _without_markup(text: str) -> str:
    tree = LexborHTMLParser(_UNSEEN.sub("", text))
    for hidden in tree.css("script, style, template"):
        hidden.decompose()
    return tree.body.text() if tree.body else ""
