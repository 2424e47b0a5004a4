import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.text import clip, csv_cell, csv_text, link, safe_link, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Plain title, 12 €", "Plain title, 12 €"),
        ("a\nb\tc\x1b[31m", "a␊b␉c␛[31m"),
        ("evil\u202egpj.exe", "evil⟨U+202E⟩gpj.exe"),
        ("no\u200bthing", "no⟨U+200B⟩thing"),
        ("\u3164\ue000\u2028\x85\x7f", "⟨U+3164⟩⟨U+E000⟩⟨U+2028⟩⟨U+0085⟩␡"),
        ("\ud800", "⟨U+D800⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("狐狸 и лиса ثعلب", "狐狸 и лиса ثعلب"),
        ("👩‍🎨 ❤️‍🔥", "👩‍🎨 ❤️‍🔥"),
        ("pass\u200dword", "pass⟨U+200D⟩word"),
        ("\u200d", "⟨U+200D⟩"),
    ],
)
def test_hidden_characters_get_a_visible_mark_and_others_stay(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters()))
def test_shown_text_is_one_line_that_every_encoder_takes(text: str) -> None:
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert shown.encode("utf-8").decode() == shown
    assert visible(shown) == shown


@pytest.mark.parametrize(
    "url",
    ["https://www.ebay.com/itm/1", "http://127.0.0.1:8000/item/7", "https://tr.aliexpress.com/item/1.html?a=b&c=%20"],
)
def test_an_ordinary_address_becomes_a_link(url: str) -> None:
    assert safe_link(url) == url
    assert link(url, "open").startswith('<a href="http')
    assert 'rel="noreferrer noopener"' in link(url, "open")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "data:text/html,x",
        "//evil.example/x",
        "https:///x",
        "/item/1",
        "https://ebay.com@evil.example/",
        "https://ebay.com\\@evil.example/",
        "https://evil.example/\u202egpj",
        "https://evil.example/ x",
        'https://evil.example/"onload=x',
        "java\nscript:alert(1)",
        "https://[::1",
        "https://evil.example:99999/",
        "",
    ],
)
def test_anything_else_is_shown_but_never_a_link(url: str) -> None:
    assert safe_link(url) is None
    assert "<a " not in link(url, "open")
    assert "<" not in link(url, "<b>open</b>")


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\0", " =", "＝", "＋", "－", "＠", "−", "\u200b="]
)
def test_a_cell_that_could_be_a_formula_starts_with_a_quote(start: str) -> None:
    assert csv_cell(f"{start}1+1") == f"'{start}1+1"


def test_an_ordinary_cell_stays_as_it_is() -> None:
    assert csv_cell("Fox pin, 3 = 2") == "Fox pin, 3 = 2"
    assert csv_cell("") == ""


@given(st.text())
def test_every_text_survives_the_guard_and_a_csv_file(text: str) -> None:
    cell = csv_cell(text)
    assert csv_text(cell) == text
    assert cell[:1] not in set("=+-@\t\r\n")
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerow([cell])
    file.seek(0)
    assert next(csv.reader(file)) == [cell]


def test_a_long_text_says_how_much_is_not_shown() -> None:
    assert clip("abc", 3) == "abc"
    assert clip("x" * 40_000, 10) == "xxxxxxxxxx… (+39,990 characters)"
