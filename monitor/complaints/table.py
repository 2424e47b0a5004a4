"""One row per target as CSV, XLSX and JSON: no live formula, nothing cut silently. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import xlsxwriter  # type: ignore[import-untyped]

from monitor.complaints.base import Confirmation, Draft, Target
from monitor.complaints.form import reason_code
from monitor.complaints.policy import Policy
from monitor.text import csv_cell

COLUMNS = (  # complaint-platforms.md, A.6
    *("complaint_id", "submission_id", "batch_no", "platform", "site", "account_label", "external_ref"),
    *("right_kind", "right_number", "right_title", "right_holder", "right_jurisdiction"),
    *("reason", "reason_platform_code", "target_kind", "listing_id", "url", "url_canonical"),
    *("seller_id", "seller_name", "title", "price", "currency"),
    *("matched_work_id", "match_method", "match_distance", "infringing_element", "explanation", "language"),
    *("test_buy_order", "first_seen_at", "captured_at", "capture_sha256", "evidence_files"),
    *("statements", "signer", "approved_by", "approved_at", "exported_at"),
    *("state", "platform_status", "decided_at", "removed_verified_at", "reappeared_at", "notes"),
)
CELL_CHARS = 32_767  # Excel and LibreOffice take no more in one cell
_LONGER = " … ({more:,} more characters: see {column} in listings.json)"

Row = Mapping[str, str]


def rows_of(draft: Draft, confirmation: Confirmation, policy: Policy, now: datetime) -> list[dict[str, str]]:
    """The complaint's targets under ``COLUMNS``, unguarded and whole."""
    code = reason_code(draft, policy) or policy.reasons[draft.reason].value.label
    return [_row(target, draft, confirmation, code, now) for target in draft.targets]


def csv_bytes(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    """UTF-8 with byte order mark, every cell quoted and guarded by ``csv_cell``."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([csv_cell(row[column]) for column in columns] for row in rows)
    return file.getvalue().encode("utf-8-sig", "replace")


def xlsx_bytes(
    columns: Sequence[str], rows: Sequence[Row], now: datetime, *, editable: Sequence[str] = (), sheet: str = "listings"
) -> bytes:
    """A workbook of one sheet of texts: no formula, no link, no number that loses its zeros.

    Args:
        now: Its date of making; the same input gives the same bytes.
        editable: Columns that a person fills in; the others are shaded.
    """
    file = io.BytesIO()
    safe = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(file, safe) as book:
        book.set_properties({"created": now.astimezone(UTC).replace(tzinfo=None), "title": sheet})
        page = book.add_worksheet(sheet)
        bold = book.add_format({"bold": True, "bottom": 1})
        shaded = book.add_format({"font_color": "#5c6570"}) if editable else None
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)
        for at, column in enumerate(columns):
            page.set_column(at, at, 40 if column in {"url", "url_canonical", "title", "explanation"} else 16)
            page.write_string(0, at, column, bold)
        for line, row in enumerate(rows, start=1):
            for at, column in enumerate(columns):
                if row[column]:
                    style = None if column in editable else shaded
                    page.write_string(line, at, _fitting(row[column], column), style)
    return file.getvalue()


def long_cells(rows: Sequence[Row]) -> Iterator[str]:
    """What a spreadsheet cannot hold whole, a line each."""
    for number, row in enumerate(rows, start=2):
        for column, value in row.items():
            if len(value) > CELL_CHARS:
                yield (
                    f"row {number}, {column}: {len(value):,} characters; a spreadsheet's cell holds {CELL_CHARS:,}, "
                    "listings.csv and listings.json hold all"
                )


def _fitting(text: str, column: str) -> str:
    """The text as a cell can hold it; what is left out is told in the cell itself."""
    if text.isascii() and len(text) <= CELL_CHARS:
        return text
    plain = text.encode("utf-8", "replace").decode()
    units = len(plain.encode("utf-16-le")) // 2  # what spreadsheets count
    if units <= CELL_CHARS:
        return plain
    kept = plain.encode("utf-16-le")[: 2 * (CELL_CHARS - 120)].decode("utf-16-le", "ignore")
    return kept + _LONGER.format(more=len(plain) - len(kept), column=column)


def _row(target: Target, draft: Draft, confirmation: Confirmation, code: str, now: datetime) -> dict[str, str]:
    match = target.match
    known: dict[str, object] = {
        "complaint_id": draft.number,
        "submission_id": draft.submission_id,
        "batch_no": draft.batch,
        "platform": draft.platform,
        "site": draft.site,
        "account_label": draft.account,
        "right_kind": draft.right.kind,
        "right_number": draft.right.stated_number,
        "right_title": draft.right.title,
        "right_holder": draft.right.holder,
        "right_jurisdiction": " ".join(draft.right.jurisdictions),
        "reason": draft.reason,
        "reason_platform_code": code,
        "target_kind": target.kind,
        "listing_id": target.listing_id,
        "url": target.url_original,
        "url_canonical": target.url,
        "seller_id": target.seller_id,
        "seller_name": target.seller_name,
        "title": target.title,
        "price": None if target.price is None else f"{target.price:f}",
        "currency": target.currency,
        "matched_work_id": target.work_id,
        "match_method": f"{match.detector} {match.version}",
        "match_distance": match.distance_bits if match.distance_bits is not None else match.score,
        "infringing_element": target.infringing_element,
        "explanation": draft.explanation,
        "language": draft.language,
        "test_buy_order": draft.reason_facts.get("order_numbers"),
        "first_seen_at": utc_text(target.first_seen_at),
        "captured_at": utc_text(target.captured_at),
        "capture_sha256": target.evidence_sha256[0],
        "evidence_files": " ".join(target.evidence_sha256),
        "statements": " ".join(f"{one.name}@{one.version}" for one in draft.statements),
        "signer": confirmation.person,
        "approved_by": confirmation.approved_by or confirmation.person,
        "approved_at": utc_text(confirmation.approved_at or confirmation.at),
        "exported_at": utc_text(now),
        "state": "exported",
        "notes": match.reason,
    }
    return {column: "" if (value := known.get(column)) is None else str(value) for column in COLUMNS}


def utc_text(at: datetime | None) -> str:
    """An aware time as 2026-11-21T12:00:00Z; empty for None."""
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
