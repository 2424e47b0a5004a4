"""Spreadsheets (XLSX) as rows of text. Runs in a limited child."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import islice

_MOST_ROWS = 100_000
_MOST_COLUMNS = 100

Row = Sequence[str]


def sheets_of(file: str) -> list[list[Row]]:
    """The rows of every sheet, formulas as they are written.

    Raises:
        ImportRefused: It is no spreadsheet.
    """
    from zipfile import BadZipFile

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    from monitor.errors import ImportRefused

    try:
        book = load_workbook(file, read_only=True, data_only=False)
        return [
            [
                [_text(value) for value in row[:_MOST_COLUMNS]]
                for row in islice(sheet.iter_rows(values_only=True), _MOST_ROWS)
            ]
            for sheet in book.worksheets
        ]
    except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError, SyntaxError) as error:
        raise ImportRefused(f"no spreadsheet ({type(error).__name__}: {error})") from None


def _text(value: object) -> str:
    """A cell as a person typed it: a day without an hour, a whole number without a point."""
    if isinstance(value, datetime) and not (value.hour or value.minute or value.second):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
