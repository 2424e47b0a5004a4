from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from monitor.complaints.base import Draft, Target
from monitor.complaints.sheet import COLUMNS, EDITABLE, StatusRow, csv_rows, read_status_sheet, status_rows
from monitor.complaints.table import csv_bytes, xlsx_bytes
from monitor.saved.sheets import sheets_of


@pytest.fixture
def cells(draft: Draft) -> list[list[str]]:
    """The sheet of the draft, as cells."""
    return [list(COLUMNS), *([row[name] for name in COLUMNS] for row in status_rows(draft))]


def fill(cells: list[list[str]], line: int, **values: str) -> list[list[str]]:
    for name, value in values.items():
        cells[line][COLUMNS.index(name)] = value
    return cells


def test_only_rows_in_which_something_was_noted_come_back(cells: list[list[str]]) -> None:
    noted = fill(cells, 2, platform_status="Listing removed", decided_at="2026-12-01", external_ref="CN-77")
    assert read_status_sheet(noted).rows == (
        StatusRow(
            row=3,
            complaint_id="C-17",
            listing_id="1005000000002",
            url="https://www.aliexpress.com/item/1005000000002.html",
            platform="alibaba_ipp",
            site="aliexpress",
            external_ref="CN-77",
            platform_status="Listing removed",
            decided_at=datetime(2026, 12, 1, 12, tzinfo=UTC),
        ),
    )
    assert (read_status_sheet(noted).untouched, read_status_sheet(noted).problems) == (1, ())


def test_a_sheet_just_written_says_nothing(draft: Draft) -> None:
    sheet = read_status_sheet(csv_rows(csv_bytes(COLUMNS, status_rows(draft))))
    assert (sheet.rows, sheet.problems, sheet.untouched) == ((), (), 2)


def test_a_sheet_edited_in_a_spreadsheet_program_reads_back(draft: Draft, now: datetime, tmp_path: Path) -> None:
    file = tmp_path / "status.xlsx"
    titled = replace(draft, targets=(replace(draft.targets[0], title="=1+1"), draft.targets[1]))
    file.write_bytes(xlsx_bytes(COLUMNS, status_rows(titled), now, editable=EDITABLE, sheet="status"))
    book = openpyxl.load_workbook(file)
    page = book.active
    assert page is not None
    page.cell(2, COLUMNS.index("platform_status") + 1, "Unable to process")
    page.cell(2, COLUMNS.index("decided_at") + 1, datetime(2026, 12, 2, 9, 30))  # noqa: DTZ001  as a person types it
    page.cell(3, COLUMNS.index("external_ref") + 1, 12345678)
    book.save(file)
    first, second = read_status_sheet(sheets_of(str(file))[0]).rows
    assert (first.platform_status, first.decided_at) == ("Unable to process", datetime(2026, 12, 2, 9, 30, tzinfo=UTC))
    assert (second.external_ref, second.listing_id) == ("12345678", "1005000000002")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_form_in_which_spreadsheets_save_csv_is_read(
    cells: list[list[str]], encoding: str, delimiter: str
) -> None:
    noted = fill(cells, 1, platform_status="已删除", note="=1+1")
    text = "\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in noted)
    (row,) = read_status_sheet(csv_rows(text.encode(encoding))).rows
    assert (row.platform_status, row.note) == ("已删除", "=1+1")


def test_columns_may_stand_in_any_order_among_others(cells: list[list[str]]) -> None:
    noted = fill(cells, 1, platform_status="In progress")
    shuffled = [["mine", *reversed(row)] for row in noted]
    (row,) = read_status_sheet(shuffled).rows
    assert (row.complaint_id, row.listing_id, row.platform_status) == ("C-17", "1005000000001", "In progress")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"decided_at": "soon"}, "decided_at: 'soon' is no day"),
        ({"note": "x", "complaint_id": ""}, "must stay as they were"),
        ({"note": "x", "listing_id": "", "url": ""}, "must stay as they were"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_the_others_are_kept(
    cells: list[list[str]], values: dict[str, str], said: str
) -> None:
    sheet = read_status_sheet(fill(fill(cells, 1, **values), 2, platform_status="In progress"))
    assert [row.row for row in sheet.rows] == [3]
    assert len(sheet.problems) == 1
    assert sheet.problems[0].startswith("row 2")
    assert said in sheet.problems[0]


def test_a_listing_noted_twice_is_told_and_its_first_row_stands(cells: list[list[str]]) -> None:
    noted = fill(fill(cells, 1, note="a"), 2, note="b", listing_id="1005000000001")
    sheet = read_status_sheet(noted)
    assert [row.note for row in sheet.rows] == ["a"]
    assert sheet.problems == ("row 3: the same listing as row 2; keep one of them",)


@pytest.mark.parametrize("cells", [[], [["a", "b"]], [["complaint_id", "platform_status"]]])
def test_another_table_is_refused_naming_the_columns(cells: list[list[str]]) -> None:
    sheet = read_status_sheet(cells)
    assert sheet.rows == ()
    assert "no column" in sheet.problems[0]


def test_a_thousand_listings_have_a_row_each(draft: Draft, target: Callable[..., Target]) -> None:
    many = replace(draft, targets=tuple(target(number) for number in range(1_000)))
    assert len(csv_rows(csv_bytes(COLUMNS, status_rows(many)))) == 1_001
