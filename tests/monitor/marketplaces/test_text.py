from __future__ import annotations

import pytest

from monitor.marketplaces.text import clean_text, decode, one_line


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<meta charset=gbk><p>苹果".encode("gbk"), ""),
        ("<p>苹果".encode("gbk"), "text/html; charset=GBK"),
        ("<p>苹果".encode("gbk"), 'text/html; charset="gb2312"'),
        ('<script src="x?charset=utf-8"></script><meta charset="gbk"><p>苹果'.encode("gbk"), ""),
        ('<meta http-equiv="Content-Type" content="text/html; charset=gb2312"><p>苹果'.encode("gbk"), ""),
        ('<html lang="zh-CN"><p>苹果'.encode("gbk"), ""),
        ("<p>苹果".encode(), ""),
        ("<p>苹果".encode(), "text/html; charset=iso-8859-1"),
        ("<meta charset=gbk><p>苹果".encode("gbk"), "text/html; charset=utf-8"),
        ("\ufeff<p>苹果".encode(), "text/html; charset=gbk"),
        ("\ufeff<p>苹果".encode("utf-16-le"), ""),
        ("<p>苹果".encode(), "text/html; charset=zlib"),
    ],
)
def test_a_page_decodes_by_what_its_bytes_bear_out(body: bytes, content_type: str) -> None:
    assert decode(body, content_type).endswith("<p>苹果")


def test_one_broken_byte_spoils_one_character_only() -> None:
    assert decode(b"<meta charset=utf-8>caf\xc3\xa9 \xff!") == "<meta charset=utf-8>café \ufffd!"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("<b>Red</b> pin &amp; <img src=x onerror=alert(1)>badge", "Red pin & badge"),
        ("a\x00b\u202ec\ud800d\u200be", "abcde"),
        ("a\r\n\tb", "a b"),
        ("I <3 pins", "I <3 pins"),
        ("two  spaces", "two  spaces"),
        (12, "12"),
        (None, ""),
        (True, ""),
        ({"a": 1}, ""),
    ],
)
def test_clean_text_keeps_only_what_a_person_reads(value: object, text: str) -> None:
    assert clean_text(value) == text


def test_one_line_shows_white_space_as_a_browser_does() -> None:
    assert one_line("  two \n  spaces ") == "two spaces"


def test_a_title_is_bounded() -> None:
    assert len(clean_text("x" * 10**6)) == 2000
