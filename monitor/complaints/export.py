"""A confirmed complaint as files to paste into a platform's form. Pure: the same input gives the same bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from monitor.complaints.base import Confirmation, Draft, Pack, Target
from monitor.complaints.form import fill, reason_code
from monitor.complaints.policy import Policy
from monitor.complaints.preflight import preflight
from monitor.errors import NoticeRefused
from monitor.text import csv_cell, templates, visible

URL_FILE = "urls-1.txt"
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
_SPREADSHEET_CELL_CHARS = 32_767  # Excel and LibreOffice show no more of one cell


def export_pack(draft: Draft, confirmation: Confirmation | None, policy: Policy, now: datetime) -> Pack:
    """The submission pack of one confirmed complaint.

    Its files: ``urls-1.txt`` (canonical addresses, one a line), ``fields.txt``, ``fields.html`` and ``fields.json``
    (what goes into each field of the portal's form), ``listings.csv`` (a row a listing: UTF-8 with byte order mark,
    every cell quoted, no live formula) and ``listings.json`` (the same, unguarded), ``manifest.json`` (the SHA-256
    and size of each). Nothing is cut.

    Args:
        now: Aware; the time at which it leaves.

    Raises:
        NoticeRefused: Something blocks it; the message lists every problem, a line each.
    """
    problems = [problem for problem in preflight(draft, policy, now, confirmation) if problem.blocking]
    if confirmation is None or problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise NoticeRefused(f"complaint {draft.number} cannot leave:\n{listed}")
    rows = [_row(target, draft, confirmation, policy, now) for target in draft.targets]
    fields = _fields(draft, policy, confirmation.person)
    files = {
        URL_FILE: _text(target.url for target in draft.targets),
        "fields.txt": _text(_sheet(draft, policy, fields)),
        "fields.html": _page(draft, confirmation, policy, fields),
        "fields.json": _json(_facts(draft, confirmation, policy, fields, now)),
        "listings.csv": _csv(rows),
        "listings.json": _json(rows),
    }
    files["manifest.json"] = _json(_manifest(draft, rows, files, now))
    return Pack(_folder_name(draft.number), files)


def _row(target: Target, draft: Draft, confirmation: Confirmation, policy: Policy, now: datetime) -> dict[str, str]:
    match, reason = target.match, policy.reasons[draft.reason].value
    known: dict[str, object] = {
        "complaint_id": draft.number,
        "batch_no": 1,
        "platform": draft.platform,
        "site": draft.site,
        "account_label": draft.account,
        "right_kind": draft.right.kind,
        "right_number": draft.right.stated_number,
        "right_title": draft.right.title,
        "right_holder": draft.right.holder,
        "right_jurisdiction": " ".join(draft.right.jurisdictions),
        "reason": draft.reason,
        "reason_platform_code": reason_code(draft, policy) or reason.label,
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
        "first_seen_at": _time(target.first_seen_at),
        "captured_at": _time(target.captured_at),
        "capture_sha256": target.evidence_sha256[0],
        "evidence_files": " ".join(target.evidence_sha256),
        "statements": " ".join(f"{one.name}@{one.version}" for one in draft.statements),
        "signer": confirmation.person,
        "approved_by": confirmation.person,
        "approved_at": _time(confirmation.at),
        "exported_at": _time(now),
        "state": "exported",
        "notes": match.reason,
    }
    return {column: "" if (value := known.get(column)) is None else str(value) for column in COLUMNS}


def _fields(draft: Draft, policy: Policy, signer: str) -> list[tuple[str, str]]:
    """The platform's labels and what goes there, in the form's order; the addresses by their file's name."""
    return [
        (field.rule.label, URL_FILE if field.rule.key == "urls" else field.value)
        for field in fill(draft, policy, signer)
    ]


def _sheet(draft: Draft, policy: Policy, fields: list[tuple[str, str]]) -> list[str]:
    heading = f"Complaint {draft.number}: {len(draft.targets)} listings, {policy.title}, {policy.portal}"
    lines = [heading, *(f"{label}: {' '.join(value.split())}" for label, value in fields)]
    return [visible(line) for line in lines]


def _page(draft: Draft, confirmation: Confirmation, policy: Policy, fields: list[tuple[str, str]]) -> bytes:
    html = (
        templates()
        .get_template("fields.html")
        .render(
            draft=draft,
            confirmation=confirmation,
            policy=policy,
            fields=fields,
            url_file=URL_FILE,
            urls="\n".join(target.url for target in draft.targets),
        )
    )
    return html.encode("utf-8", "replace")


def _facts(
    draft: Draft, confirmation: Confirmation, policy: Policy, fields: list[tuple[str, str]], now: datetime
) -> dict[str, Any]:
    return {
        "complaint": draft.number,
        "platform": draft.platform,
        "policy_version": policy.version,
        "policy_sha256": policy.sha256,
        "site": draft.site,
        "route": draft.route,
        "exported_at": _time(now),
        "content_sha256": draft.content_sha256,
        "work": {"id": draft.work.work_id, "title": draft.work.title, "reference_sha256": draft.work.reference_sha256},
        "right": draft.right.to_wire(),
        "reason": draft.reason,
        "fields": dict(fields),
        "listings": len(draft.targets),
        "confirmation": confirmation.to_wire(),
        "unconfirmed": sorted(policy.unconfirmed()),
    }


def _manifest(draft: Draft, rows: list[dict[str, str]], files: Mapping[str, bytes], now: datetime) -> dict[str, Any]:
    long_cells = [
        f"listings.csv row {number}, {column}: {len(value):,} characters; spreadsheets show only "
        f"{_SPREADSHEET_CELL_CHARS:,}, the file and listings.json hold all"
        for number, row in enumerate(rows, start=2)
        for column, value in row.items()
        if len(value) > _SPREADSHEET_CELL_CHARS
    ]
    return {
        "complaint": draft.number,
        "content_sha256": draft.content_sha256,
        "exported_at": _time(now),
        "listings": len(rows),
        "notes": long_cells,
        "files": {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
        },
    }


def _csv(rows: list[dict[str, str]]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([csv_cell(row[column]) for column in COLUMNS] for row in rows)
    return file.getvalue().encode("utf-8-sig", "replace")


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _folder_name(number: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "_", f"complaint-{number}")
