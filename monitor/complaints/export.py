"""A confirmed complaint as files to paste, to send and to note answers in. Pure: the same input, the same bytes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor.complaints import sheet, table
from monitor.complaints.abuse_report import abuse_report
from monitor.complaints.base import Confirmation, Draft, Pack, Problem
from monitor.complaints.form import advice, fill, recipient
from monitor.complaints.letter import letter, to_mail, to_pdf, to_text
from monitor.complaints.policy import Policy
from monitor.complaints.preflight import preflight
from monitor.errors import NoticeRefused
from monitor.text import templates, visible

URL_FILE = "urls-1.txt"


def export_pack(draft: Draft, confirmation: Confirmation | None, policy: Policy, now: datetime) -> Pack:
    """The submission pack of one confirmed complaint.

    To paste: ``urls-1.txt`` (canonical addresses, one a line), ``fields.txt``, ``fields.html`` and ``fields.json``
    (what goes into each field of the form). To attach or send: ``notice.txt``, ``notice.pdf``, for routes by mail
    ``notice.eml``, for hosts ``xarf-0001.json`` and so on. To keep: ``listings.csv`` and ``listings.xlsx`` (a row a
    target, no live formula), ``listings.json`` (the same, unguarded and whole), ``policy.json`` (the rules that
    decided). To note the answer in: ``status.csv`` and ``status.xlsx``. ``manifest.json`` has the SHA-256 and size
    of each. Nothing is cut silently.

    Args:
        now: Aware; the time at which it leaves.

    Raises:
        NoticeRefused: Something blocks it; the message lists every problem, a line each.
    """
    found = preflight(draft, policy, now, confirmation)
    problems = [problem for problem in found if problem.blocking]
    if confirmation is None or problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise NoticeRefused(f"complaint {draft.number} cannot leave:\n{listed}")
    rows = table.rows_of(draft, confirmation, policy, now)
    statuses = sheet.status_rows(draft)
    fields = _fields(draft, policy, confirmation.person)
    notice = letter(draft, confirmation, policy)
    files = {
        URL_FILE: _text(target.url for target in draft.targets),
        "fields.txt": _text(_sheet(draft, policy, fields)),
        "fields.html": _page(draft, confirmation, policy, fields, found),
        "fields.json": _json(_facts(draft, confirmation, policy, fields, now)),
        "notice.txt": to_text(notice).encode("utf-8", "replace"),
        "notice.pdf": to_pdf(notice),
        "listings.csv": table.csv_bytes(table.COLUMNS, rows),
        "listings.xlsx": table.xlsx_bytes(table.COLUMNS, rows, now),
        "listings.json": _json_rows(rows),
        "status.csv": table.csv_bytes(sheet.COLUMNS, statuses),
        "status.xlsx": table.xlsx_bytes(sheet.COLUMNS, statuses, now, editable=sheet.EDITABLE, sheet="status"),
        "policy.json": _json(policy.model_dump(mode="json", by_alias=True)),
    }
    files |= _reports(draft, policy, now)
    if policy.routes[draft.route].channel.value == "email":
        attached = {
            name: ("application/pdf" if name.endswith(".pdf") else "application/json", data)
            for name, data in files.items()
            if name == "notice.pdf" or name.startswith("xarf-")
        }
        files["notice.eml"] = to_mail(draft, confirmation, policy, now, attached)
    files["manifest.json"] = _json(_manifest(draft, policy, rows, files, now))
    return Pack(_folder_name(draft.number), files)


def _reports(draft: Draft, policy: Policy, now: datetime) -> dict[str, bytes]:
    """The reports for programs, one a target, where the route takes them."""
    if not policy.routes[draft.route].xarf:
        return {}
    at, content = table.utc_text(now), draft.content_sha256
    made = (abuse_report(draft, target, at, content) for target in draft.targets)
    return {f"xarf-{place:04}.json": _json(report) for place, report in enumerate(made, start=1) if report}


def _fields(draft: Draft, policy: Policy, signer: str) -> list[tuple[str, str]]:
    """The platform's labels and what goes there, in the form's order; the addresses by their file's name."""
    return [
        (field.rule.label, URL_FILE if field.rule.key == "urls" else field.value)
        for field in fill(draft, policy, signer)
    ]


def _sheet(draft: Draft, policy: Policy, fields: list[tuple[str, str]]) -> list[str]:
    heading = (
        f"Complaint {draft.number}: {len(draft.targets)} listings, {policy.title}, {policy.routes[draft.route].title}"
    )
    lines = [heading, *(f"{label}: {' '.join(value.split())}" for label, value in fields)]
    return [visible(line) for line in lines]


def _page(
    draft: Draft,
    confirmation: Confirmation,
    policy: Policy,
    fields: list[tuple[str, str]],
    found: Sequence[Problem],
) -> bytes:
    html = (
        templates()
        .get_template("fields.html")
        .render(
            draft=draft,
            confirmation=confirmation,
            policy=policy,
            route=policy.routes[draft.route],
            recipient=recipient(draft, policy),
            fields=fields,
            cautions=[*(problem.message for problem in found), *advice(draft, policy)],
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
        "exported_at": table.utc_text(now),
        "content_sha256": draft.content_sha256,
        "work": {"id": draft.work.work_id, "title": draft.work.title, "reference_sha256": draft.work.reference_sha256},
        "right": draft.right.to_wire(),
        "reason": draft.reason,
        "fields": dict(fields),
        "listings": len(draft.targets),
        "confirmation": confirmation.to_wire(),
        "unconfirmed": sorted(policy.unconfirmed()),
    }


def _manifest(
    draft: Draft, policy: Policy, rows: list[dict[str, str]], files: Mapping[str, bytes], now: datetime
) -> dict[str, Any]:
    return {
        "complaint": draft.number,
        "content_sha256": draft.content_sha256,
        "policy": policy.label,
        "exported_at": table.utc_text(now),
        "listings": len(rows),
        "notes": list(table.long_cells(rows)),
        "files": {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
        },
    }


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def _json_rows(rows: Sequence[Mapping[str, str]]) -> bytes:
    """A list with a row a line: many times faster than indented, which only Python's own encoder can do."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f"[\n{lines}\n]\n".encode("utf-8", "replace")


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def _folder_name(number: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "_", f"complaint-{number}")
