"""A filled status sheet applied: what a platform said of each listing, read back from the sheet of a pack."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

from monitor.complaints.sheet import StatusRow, csv_rows, read_status_sheet
from monitor.daemon import Parts
from monitor.desk.following import hand_in, record_status
from monitor.errors import ImportRefused, MonitorError
from storage.complaints import get_complaint, targets_of
from storage.errors import NotFound, StorageError

_OURS = re.compile(r"\s*(?:C-)?(\d{1,12})\s*", re.IGNORECASE)
_LARGEST = 20_000_000


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a sheet's rows: applied, saying nothing new, or in the problems, a line each."""

    applied: int
    unchanged: int
    problems: tuple[str, ...]


async def import_sheet(parts: Parts, file: Path, actor: str) -> Imported:
    """Apply a status sheet, row by row; the same sheet again changes nothing.

    A row of a complaint that was exported and not yet recorded as handed in records that too, by its external_ref.

    Raises:
        ImportRefused: The file is too large.
        SandboxError: Reading a spreadsheet broke a limit.
    """
    if (await asyncio.to_thread(file.stat)).st_size > _LARGEST:
        raise ImportRefused(f"{file} is larger than {_LARGEST // 1_000_000} MB")
    is_book = file.suffix.lower() in {".xlsx", ".xlsm"}
    cells = await parts.sandbox.rows(file) if is_book else csv_rows(await asyncio.to_thread(file.read_bytes))
    sheet = await asyncio.to_thread(read_status_sheet, cells)
    applied, unchanged, problems = 0, 0, list(sheet.problems)
    for row in sheet.rows:
        try:
            changed, notes = await _apply(parts, row, actor)
        except (MonitorError, StorageError) as error:
            problems.append(f"row {row.row}: {error}")
            continue
        applied += changed
        unchanged += not changed
        problems += [f"row {row.row}: {note}" for note in notes]
    return Imported(applied, unchanged, tuple(problems))


async def _apply(parts: Parts, row: StatusRow, actor: str) -> tuple[bool, list[str]]:
    """Apply one row; whether it said anything new, and what a person should know."""
    number = _OURS.fullmatch(row.complaint_id)
    if number is None:
        raise NotFound(f"{row.complaint_id!r} is no complaint of ours; leave the column as it was written")
    complaint_id = int(number[1])
    async with parts.database.read() as session:
        complaint = await get_complaint(session, complaint_id)
        views = await targets_of(session, complaint_id)
    named = [
        one for one in views if row.listing_id == one.listing.listing_id or (row.url and row.url == one.listing.url)
    ]
    if len(named) != 1:
        raise NotFound(f"complaint {complaint_id} has no listing {row.listing_id or row.url}")
    target = named[0].target
    fresh = complaint.state == "exported" and row.external_ref
    if fresh:
        await hand_in(parts, complaint_id, actor, row.external_ref)
    if not row.platform_status or (target.platform_status, target.platform_reason) == (row.platform_status, row.reason):
        return bool(fresh), []
    notes = await record_status(
        parts,
        complaint_id,
        row.platform_status,
        actor,
        alert_ids=[named[0].alert.id],
        reason=row.reason,
        at=row.decided_at,
    )
    return True, [note for note in notes if "unconfirmed source" not in note]
