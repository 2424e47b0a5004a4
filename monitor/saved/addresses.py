"""Lists of listing addresses: one a line, or the column of a table that holds them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence

from monitor.marketplaces import canonical

_ADDRESS = re.compile(r"\s*(?:https?://|www\.)\S", re.IGNORECASE)
_LINKED = re.compile(r"=HYPERLINK\(\s*\"(https?://[^\"]{1,4000})\"", re.IGNORECASE)
_DELIMITERS = (",", ";", "\t", "|")
_TRIED_ROWS = 200
_MOST_LINES = 100_000
_MOST_COLUMNS = 100
_LONGEST_CELL = 4096

Row = Sequence[str]


def is_address(text: str) -> bool:
    """Whether the text begins like a web address."""
    return _ADDRESS.match(text) is not None


def addresses_in_text(text: str) -> list[str]:
    """The lines of a list, or the cells of the column that holds addresses; empty if the text has none.

    Every line of a list counts and every filled cell below a column's heading: what is no address is for the caller
    to report.
    """
    lines = [line for line in text.splitlines() if line.strip()][:_MOST_LINES]
    if not any(is_address(line) or "://" in line for line in lines):
        return []
    tables = [_rows(lines, delimiter) for delimiter in _DELIMITERS]
    tables = [table for table in tables if _is_table(table)]
    if not tables:
        return [line.strip() for line in lines]
    return addresses_in_tables(tables[:1])


def _rows(lines: Iterable[str], delimiter: str) -> list[Row]:
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return []


def _is_table(rows: Sequence[Row]) -> bool:
    """Whether most rows have as many cells as the first, and more than one: an address may hold a delimiter itself."""
    tried = rows[:_TRIED_ROWS]
    if not tried or len(tried[0]) < 2:
        return False
    return sum(len(row) == len(tried[0]) for row in tried) * 10 >= len(tried) * 8


def addresses_in_tables(tables: Sequence[Sequence[Row]]) -> list[str]:
    """The filled cells of the column with the most listing addresses, from its first address on."""
    best: tuple[tuple[int, int], list[str]] = ((0, 0), [])
    for rows in tables:
        width = min(max((len(row) for row in rows[:_TRIED_ROWS]), default=0), _MOST_COLUMNS)
        for column in range(width):
            cells = [cell for cell in (_cell(row, column) for row in rows) if cell]
            tried = cells[:_TRIED_ROWS]
            worth = sum(canonical(cell) is not None for cell in tried), sum(map(is_address, tried))
            if worth > best[0]:
                first = next(at for at, cell in enumerate(cells) if is_address(cell))
                best = worth, cells[first if first <= 1 else 0 :]
    return best[1]


def _cell(row: Row, column: int) -> str:
    return row[column].strip()[:_LONGEST_CELL] if column < len(row) else ""


def addresses_in_workbook(file: str) -> list[str]:
    """The same of a spreadsheet (XLSX), all its sheets looked at. Runs in a limited child.

    Raises:
        ImportRefused: It is no spreadsheet.
    """
    from monitor.saved.sheets import sheets_of

    return addresses_in_tables([[[_linked(cell) for cell in row] for row in rows] for rows in sheets_of(file)])


def _linked(text: str) -> str:
    linked = _LINKED.match(text)
    return linked[1] if linked else text
