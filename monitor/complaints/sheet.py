"""The sheet in which a person notes what a platform answered, written with a complaint and read back. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from monitor.complaints.base import Draft
from monitor.text import csv_text, visible

KEYS = ("complaint_id", "listing_id", "url", "platform", "site", "title")
EDITABLE = ("external_ref", "platform_status", "reason", "decided_at", "note")
COLUMNS = (*KEYS, *EDITABLE)
_MOST_ROWS = 100_000
_TIME_FORMS = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%Y/%m/%d", "%Y/%m/%d %H:%M")


@dataclass(frozen=True, slots=True)
class StatusRow:
    """What a person noted of one listing; texts as they were typed, ``decided_at`` aware UTC."""

    row: int  # in the file, from 1
    complaint_id: str
    listing_id: str
    url: str
    platform: str
    site: str
    external_ref: str = ""
    platform_status: str = ""
    reason: str = ""
    decided_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was read: the rows in which something was filled in, and what could not be read, a line each."""

    rows: tuple[StatusRow, ...]
    problems: tuple[str, ...]
    untouched: int  # rows without any note


def status_rows(draft: Draft) -> list[dict[str, str]]:
    """One row per target with the cells to fill in left empty; read the platform's words into ``platform_status``."""
    empty = dict.fromkeys(EDITABLE, "")
    return [
        {
            "complaint_id": draft.number,
            "listing_id": target.listing_id,
            "url": target.url,
            "platform": draft.platform,
            "site": draft.site,
            "title": target.title,
        }
        | empty
        for target in draft.targets
    ]


def csv_rows(data: bytes) -> list[list[str]]:
    """The cells of a CSV file as spreadsheets save it: UTF-8 or UTF-16, by comma, semicolon or tab; unguarded."""
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    text = data.decode(encoding, "replace")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    csv.field_size_limit(1 << 24)
    return [[csv_text(cell) for cell in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]


def read_status_sheet(cells: Iterable[Sequence[str]]) -> Sheet:
    """What was noted in a status sheet.

    Columns are found by their names in the first row, in any order; others may stand between them.

    Args:
        cells: The rows, of ``csv_rows`` or of a spreadsheet's first sheet.
    """
    rows = iter(cells)
    names = [cell.strip().casefold() for cell in next(rows, ())]
    missing = [name for name in ("complaint_id", "platform_status") if name not in names]
    if missing or not {"listing_id", "url"} & set(names):
        wanted = ", ".join(missing or ("listing_id or url",))
        return Sheet((), (f"row 1: no column {wanted}; a status sheet has {', '.join(COLUMNS)}",), 0)
    found: list[StatusRow] = []
    problems: list[str] = []
    untouched = 0
    seen: dict[tuple[str, str], int] = {}
    for number, cell_texts in enumerate(rows, start=2):
        if number > _MOST_ROWS:
            problems.append(f"row {number}: a status sheet has at most {_MOST_ROWS:,} rows; split it")
            break
        values = {name: cell.strip() for name, cell in zip(names, cell_texts, strict=False)}
        if not any(values.get(name) for name in EDITABLE):
            untouched += any(values.values())
            continue
        row, problem = _read(number, values)
        key = (row.complaint_id, row.listing_id or row.url)
        if first := seen.get(key):
            problem = f"row {number}: the same listing as row {first}; keep one of them"
        if problem:
            problems.append(problem)
        else:
            seen[key] = number
            found.append(row)
    return Sheet(tuple(found), tuple(problems), untouched)


def _read(number: int, values: dict[str, str]) -> tuple[StatusRow, str]:
    decided, problem = None, ""
    if told := values.get("decided_at"):
        decided = _time(told)
        if decided is None:
            problem = f"row {number}, decided_at: {visible(told)!r} is no day; write it as 2026-12-31"
    named = {name: values.get(name, "") for name in COLUMNS if name not in {"title", "decided_at"}}
    if not named["complaint_id"] or not (named["listing_id"] or named["url"]):
        problem = f"row {number}: complaint_id and listing_id must stay as they were written"
    return StatusRow(row=number, decided_at=decided, **named), problem


def _time(text: str) -> datetime | None:
    """A day or time in one of the common forms, taken as UTC where no zone is told; a bare day is its noon."""
    found = None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        for form in _TIME_FORMS:
            try:
                found = datetime.strptime(text, form)  # noqa: DTZ007  the zone follows
                break
            except ValueError:
                continue
    if found is None:
        return None
    if found.tzinfo is None and found.time() == time() and ":" not in text:
        found = found.replace(hour=12)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
