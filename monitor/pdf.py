"""The one door to PDF: text in every script, facts, tables and pictures on A4 pages. No network, no file is written.

Strangers' text is hostile: it is shown by `monitor.text.visible`, wrapped wherever it must be, and never cut. The fonts
are those of the package weblate-fonts (SIL Open Font License): Source Sans for Latin, Cyrillic and Greek; Kurinto Sans
for the other scripts, loaded where a text needs it; uharfbuzz shapes and orders right-to-left text.
"""

from __future__ import annotations

import io
import logging
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import resources
from itertools import groupby
from typing import Final

from fpdf import FPDF
from fpdf.bidi import BidiParagraph, auto_detect_base_direction
from fpdf.enums import MethodReturnValue, TextDirection, XPos, YPos
from fpdf.fonts import TTFFont

from monitor.about import VERSION
from monitor.text import clip, utc, visible

logging.getLogger("fontTools").setLevel(logging.ERROR)  # it tells how it makes each font smaller

_MARGIN_MM: Final = 15.0
_LABEL_MM: Final = 42.0
_TEXT_PT: Final = 9.5
_HEADING_PT: Final = {1: 17.0, 2: 12.5, 3: 10.5}
_FOOT_PT: Final = 7.5
_FOOT_RIGHT_MM: Final = 50.0
_FOOT_CHARS: Final = 100
_LINE: Final = 1.35  # of the font's size
_MM_PER_PT: Final = 25.4 / 72
_INK: Final = (30, 30, 34)
_SOFT: Final = (105, 105, 112)
_RULE: Final = (205, 205, 210)
_HEAD_FILL: Final = (240, 240, 243)
_LATIN, _WORLD = "latin", "world"
_FILES: Final = {  # under the package's fonts
    (_LATIN, ""): "source-sans/ttf/SourceSans3-Regular.ttf",
    (_LATIN, "B"): "source-sans/ttf/SourceSans3-Semibold.ttf",
    (_WORLD, ""): "kurinto/ttf/KurintoSans-Rg.ttf",
    ("sc", ""): "kurinto/ttf/KurintoSansSC-Rg.ttf",
    ("tc", ""): "kurinto/ttf/KurintoSansTC-Rg.ttf",
    ("jp", ""): "kurinto/ttf/KurintoSansJP-Rg.ttf",
    ("kr", ""): "kurinto/ttf/KurintoSansKR-Rg.ttf",
}
_CJK: Final = ("sc", "kr", "jp", "tc")
_EAST_ASIAN: Final = (
    *((0x1100, 0x11FF), (0x2E80, 0xA4CF), (0xA960, 0xD7FF), (0xF900, 0xFAFF), (0xFE30, 0xFE4F), (0xFF00, 0xFFEF)),
    (0x20000, 0x323AF),
)
_FIRST_SHAPED: Final = 0x0530  # Armenian; Latin, Greek and Cyrillic stand before it
_WIDEST_MM: Final = 3.4  # of one character in a table
_LINES_OF_A_ROW: Final = 40
_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_CELL_MM: Final = (0.9, 1.2)  # around a cell's text, above and beside it
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL"})  # classes of characters
_SHAPING_TABLES: Final = ("GSUB", "GPOS", "GDEF")


class Document:
    """A PDF under way. The same calls with the same values give the same bytes.

    Args:
        title: Shown in the reader's window and at the foot of each page.
        at: Aware; the document's time, also at the foot.
        language: BCP 47, for screen readers.
    """

    def __init__(self, title: str, at: datetime, language: str = "en") -> None:
        self._title, self._time = visible(title), utc(at)
        self._pdf = _Pages(self)
        self._pdf.set_creation_date(at.astimezone(UTC))
        self._pdf.set_title(self._title)
        self._pdf.set_producer(f"Bazaarwatch {VERSION}")
        self._pdf.set_lang(language)
        self._pdf.set_margins(_MARGIN_MM, _MARGIN_MM)
        self._pdf.set_auto_page_break(True, _MARGIN_MM + 4)
        self._shaped = False
        self._load(_LATIN)
        self._load(_LATIN, "B")
        self._pdf.add_page()

    def page(self) -> None:
        """Begin a new page."""
        self._pdf.add_page()

    def heading(self, text: str, level: int = 1) -> None:
        """A heading of level 1 to 3, kept together with what follows it."""
        if self._pdf.will_page_break(30.0):
            self._pdf.add_page()
        self._space(2.0 if level > 1 else 0.0)
        self._write(text, _HEADING_PT[level], bold=True)
        self._space(1.0)

    def paragraph(self, text: str, *, soft: bool = False) -> None:
        """Text with its line breaks; ``soft`` in grey, for what explains."""
        for line in text.splitlines() or [""]:
            self._write(line, _TEXT_PT, colour=_SOFT if soft else _INK)
        self._space(1.5)

    def addresses(self, lines: Iterable[str]) -> None:
        """Lines such as addresses, by the thousand: plain ASCII needs no shaping, which takes most of the time."""
        for line in lines:
            self._pdf.set_text_shaping(not line.isascii())
            self._write(line, _TEXT_PT)
        self._pdf.set_text_shaping(True)
        self._space(1.5)

    def facts(self, rows: Iterable[tuple[str, str]]) -> None:
        """Labels with their values, a row each."""
        shown = [(label, value) for label, value in rows if value]
        if shown:
            self._table(shown, widths=(_LABEL_MM, self._pdf.epw - _LABEL_MM), labels=True)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[float] = ()) -> None:
        """A table whose headings come again on each page.

        Args:
            widths: The columns' shares of the page; equal where empty.
        """
        shares = tuple(widths) or (1.0,) * len(headings)
        self._table(rows, [self._pdf.epw * share / sum(shares) for share in shares], headings=headings)

    def picture(self, data: bytes, *, alt: str = "", width_mm: float = 0.0) -> None:
        """A PNG or JPEG that this program encoded itself, as wide as the page unless told otherwise.

        Raises:
            ValueError: It is neither.
        """
        if not data.startswith(_PICTURES):
            raise ValueError("a picture in a PDF must be a PNG or JPEG")
        self._pdf.image(io.BytesIO(data), w=width_mm or self._pdf.epw, alt_text=visible(alt) or None)
        self._space(2.0)

    def to_bytes(self) -> bytes:
        """The whole document."""
        for font in self._pdf.fonts.values():
            if isinstance(font, TTFFont):  # what is written is shaped already; making these smaller takes seconds
                for name in _SHAPING_TABLES:
                    if name in font.ttfont:
                        del font.ttfont[name]
        return bytes(self._pdf.output())

    def write_foot(self) -> None:
        """The line at the foot of a page; called once for each."""
        shaped = self._shaped  # a page may end within a table
        self._pdf.set_y(-_MARGIN_MM)
        left = self._pdf.epw - _FOOT_RIGHT_MM
        title = self._drawable(clip(self._title, _FOOT_CHARS))
        self._style(title, _FOOT_PT, colour=_SOFT)
        while self._pdf.get_string_width(title) > left:
            title = f"{title[: len(title) * 9 // 10]}…"
        if _runs_right_to_left(title):
            self._directed(title, auto_detect_base_direction(title), 4)
        else:
            self._pdf.cell(left, 4, title)
        self._pdf.set_y(-_MARGIN_MM)
        self._pdf.set_x(self._pdf.l_margin + left)
        self._style("", _FOOT_PT, colour=_SOFT)
        self._pdf.cell(_FOOT_RIGHT_MM, 4, f"{self._time} · {self._pdf.page_no()} / {{nb}}", align="R")
        self._shape(shaped)

    def _write(self, text: str, size_pt: float, *, bold: bool = False, colour: tuple[int, int, int] = _INK) -> None:
        shown = self._drawable(text)
        self._style(shown, size_pt, bold=bold, colour=colour)
        height = size_pt * _MM_PER_PT * _LINE
        if self._family(shown) != _LATIN:
            self._world(shown, self._pdf.epw, height)
            return
        for line in self._lines(shown, self._pdf.epw - 2 * self._pdf.c_margin) or [""]:
            if self._pdf.will_page_break(height):
                self._pdf.add_page()
            self._line(line, self._pdf.l_margin + self._pdf.c_margin, self._pdf.get_y(), height)
            self._space(height)

    def _lines(self, text: str, width_mm: float) -> list[str]:
        """Latin text in the current font, broken to a width: at blanks, and within a word that is wider.

        fpdf2's own breaking measures each line anew for each letter, which was nine tenths of a sheet's time.
        """
        lines, line, used = list[str](), "", 0.0
        for word in re.findall(r" *[^ ]+| +$", text):
            wide = self._width_mm(word)
            if used + wide <= width_mm:
                line, used = line + word, used + wide
                continue
            if line:
                lines.append(line)
            line, used = "", 0.0
            for char in word.lstrip(" "):
                wide = self._width_mm(char)
                if used + wide > width_mm and line:
                    lines.append(line)
                    line, used = "", 0.0
                line, used = line + char, used + wide
        return [*lines, line] if line else lines

    def _width_mm(self, text: str) -> float:
        font = self._pdf.current_font
        assert font is not None  # noqa: S101 - one is set before anything is written
        return font.get_text_width(text, self._pdf.font_size_pt, None)[1] * _MM_PER_PT

    def _line(self, text: str, x: float, y: float, height: float) -> None:
        """One line of Latin text, its top left corner given, standing where fpdf2's own cells have it."""
        self._pdf.text(x, y + 0.5 * height + 0.3 * self._pdf.font_size, text)

    def _table(
        self,
        rows: Iterable[Sequence[str]],
        widths: Sequence[float],
        headings: Sequence[str] = (),
        *,
        labels: bool = False,
    ) -> None:
        self._pdf.set_draw_color(*_RULE)
        if headings:
            self._row(headings, widths, bold=True)
        for row in rows:
            for part in _parts([self._drawable(text) for text in row], widths):
                self._row(part, widths, headings, labels=labels)
        self._space(2.0)

    def _row(
        self,
        row: Sequence[str],
        widths: Sequence[float],
        headings: Sequence[str] = (),
        *,
        bold: bool = False,
        labels: bool = False,
    ) -> None:
        """One row of a table; where it begins a page, its headings before it."""
        pdf, line_mm = self._pdf, _TEXT_PT * _MM_PER_PT * _LINE
        cells = []
        for column, (text, width) in enumerate(zip(row, widths, strict=True)):
            heavy, inner = bold or (labels and column == 0), width - 2 * _CELL_MM[1]
            self._style(text, _TEXT_PT, bold=heavy)
            plain = self._family(text) == _LATIN
            lines = self._lines(text, inner) if plain else self._shaped_lines(text, inner, line_mm)
            cells.append((text, heavy, inner, plain, lines))
        height = max([len(lines) for *_, lines in cells] + [1]) * line_mm + 2 * _CELL_MM[0]
        if pdf.will_page_break(height):
            pdf.add_page()
            if headings:
                self._row(headings, widths, bold=True)
        x, y = pdf.l_margin, pdf.get_y()
        if bold:
            pdf.set_fill_color(*_HEAD_FILL)
            pdf.rect(x, y, pdf.epw, height, style="F")
        for (text, heavy, inner, plain, lines), width in zip(cells, widths, strict=True):
            self._style(text, _TEXT_PT, bold=heavy)
            if plain:
                for at, line in enumerate(lines):
                    self._line(line, x + _CELL_MM[1], y + _CELL_MM[0] + at * line_mm, line_mm)
            else:
                pdf.set_xy(x + _CELL_MM[1] - pdf.c_margin, y + _CELL_MM[0])
                self._world(text, inner + 2 * pdf.c_margin, line_mm)
            x += width
        pdf.line(pdf.l_margin, y + height, pdf.l_margin + pdf.epw, y + height)
        pdf.set_xy(pdf.l_margin, y + height)

    def _world(self, text: str, width_mm: float, line_mm: float) -> None:
        """Text that the Latin font alone cannot draw, from here on; then at the left margin, below it.

        fpdf2 2.8.9 names the font within a line that begins with a letter of another one, and takes it as named for the
        lines that follow, which then come out in whatever was used before: so a blank names it before each line.
        """
        pdf, x = self._pdf, self._pdf.get_x()
        mixed = _runs_right_to_left(text)
        whole = self._shaped and not mixed
        lines = [text] if whole else self._shaped_lines(text, width_mm - 2 * pdf.c_margin, line_mm)
        for line in lines:
            if pdf.will_page_break(line_mm):
                pdf.add_page()
            pdf.text(x, pdf.get_y(), " ")
            pdf.set_x(x)
            if mixed:
                self._directed(line, auto_detect_base_direction(text), line_mm)
            else:
                pdf.multi_cell(width_mm, line_mm, line, align="L", new_x=XPos.LEFT, new_y=YPos.NEXT)
            pdf.set_x(x)
        pdf.set_x(pdf.l_margin)

    def _directed(self, line: str, base: TextDirection, line_mm: float) -> None:
        """One line of which some runs from right to left, from here on.

        fpdf2 2.8.9 puts a number within such text beside it instead, where the line as a whole runs to the right.
        """
        pdf, right_mm = self._pdf, self._pdf.get_x() + self._pdf.c_margin
        for run, direction in _as_seen(line, base):
            pdf.set_text_shaping(True, direction=direction)
            wide = pdf.get_string_width(run)
            pdf.set_x(right_mm - pdf.c_margin)
            pdf.cell(wide + 2 * pdf.c_margin, line_mm, run)
            right_mm += wide
        pdf.set_text_shaping(True)
        pdf.set_y(pdf.get_y() + line_mm)

    def _shaped_lines(self, text: str, width_mm: float, line_mm: float) -> list[str]:
        width_mm += 2 * self._pdf.c_margin
        found = self._pdf.multi_cell(width_mm, line_mm, text, align="L", dry_run=True, output=MethodReturnValue.LINES)
        assert isinstance(found, list)  # noqa: S101 - as LINES asks
        return found

    def _style(self, text: str, size_pt: float, *, bold: bool = False, colour: tuple[int, int, int] = _INK) -> None:
        family = self._family(text)
        self._shape(_is_shaped(text))
        self._pdf.set_font(family, "B" if bold and family == _LATIN else "", size_pt)
        self._pdf.set_text_color(*colour)

    def _shape(self, shaped: bool) -> None:
        """Shape and order the text that follows, or not.

        To find where lines break fpdf2 shapes letter by letter, which is nine tenths of a page's time: so only
        right-to-left and connected scripts are shaped.
        """
        self._shaped = shaped
        self._pdf.set_text_shaping(shaped)

    def _space(self, height_mm: float) -> None:
        self._pdf.set_y(self._pdf.get_y() + height_mm)

    def _drawable(self, text: str) -> str:
        """The text on one line; what no font has becomes its number, such as ⟨U+1F600⟩."""
        shown = visible(text)
        rare = set(shown) - self._characters(_LATIN)
        if not rare:
            return shown
        self._load(_WORLD)
        rare -= self._characters(_WORLD)
        for name in _CJK:
            if not rare:
                break
            if any(map(_is_east_asian, rare)):
                self._load(name)
                rare -= self._characters(name)
        return "".join(f"⟨U+{ord(char):04X}⟩" if char in rare else char for char in shown)

    def _family(self, text: str) -> str:
        return _LATIN if self._characters(_LATIN).issuperset(text) else _WORLD

    def _characters(self, family: str) -> set[str]:
        return self._pdf.known.get(family, set())

    def _load(self, family: str, style: str = "") -> None:
        if f"{family}{style}" in self._pdf.fonts:
            return
        path = resources.files("weblate_fonts") / "static" / "weblate_fonts" / _FILES[family, style]
        with resources.as_file(path) as file:
            self._pdf.add_font(family, style, file)
            if family == _WORLD:
                self._pdf.add_font(family, "B", file)  # its bold face would cost a second a document
        font = self._pdf.fonts[f"{family}{style}"]
        if isinstance(font, TTFFont):
            self._pdf.known[family] = {chr(code) for code in font.cmap}
        if family in _CJK:
            self._pdf.set_fallback_fonts([name for name in _CJK if name in self._pdf.known], exact_match=False)


class _Pages(FPDF):
    """Calls its document for the foot of each page."""

    def __init__(self, document: Document) -> None:
        super().__init__(format="A4")
        self._document = document
        self.known: dict[str, set[str]] = {}

    def footer(self) -> None:
        """Write the foot."""
        self._document.write_foot()


def _parts(row: Sequence[str], widths: Sequence[float]) -> Iterable[list[str]]:
    """The row, as several ones where a cell is too long for one page."""
    fitting = [max(int(width / _WIDEST_MM) * _LINES_OF_A_ROW, _LINES_OF_A_ROW) for width in widths]
    parts = max(-(-len(text) // length) for text, length in zip(row, fitting, strict=True)) or 1
    for part in range(parts):
        yield [text[part * length : (part + 1) * length] for text, length in zip(row, fitting, strict=True)]


def _as_seen(line: str, base: TextDirection) -> Iterable[tuple[str, TextDirection]]:
    """The runs of a line from left to right as they are seen, each to be drawn in its own direction.

    Args:
        base: The direction of the whole text that the line is of.

    Source: Unicode Standard Annex 9, rule L2, applied to runs instead of characters.
    """
    levelled = BidiParagraph(line, base, preserve_bn_chars=True).get_characters_with_embedding_level()
    runs = [
        (level, "".join(char.character for char in chars))
        for level, chars in groupby(levelled, lambda char: char.embedding_level)
    ]
    for level in range(max((level for level, _ in runs), default=0), 0, -1):
        deep = [run[0] >= level for run in runs]
        turned = [
            [run for run, _ in pairs][:: -1 if within else 1]
            for within, pairs in groupby(zip(runs, deep, strict=True), lambda pair: pair[1])
        ]
        runs = [run for group in turned for run in group]
    return [(text, TextDirection.RTL if level % 2 else TextDirection.LTR) for level, text in runs]


def _runs_right_to_left(text: str) -> bool:
    """Whether any letter of a text belongs to a script that does."""
    return not _RIGHT_TO_LEFT.isdisjoint(map(unicodedata.bidirectional, text))


def _is_shaped(text: str) -> bool:
    """Whether the letters of a text change with their neighbours, or run from right to left."""
    return any(ord(char) >= _FIRST_SHAPED and char.isalpha() and not _is_east_asian(char) for char in text)


def _is_east_asian(char: str) -> bool:
    return any(first <= ord(char) <= last for first, last in _EAST_ASIAN)
