"""A filled status sheet applied: what a platform said of each listing, read back from the sheet of a pack."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.complaints.sheet import StatusRow, csv_rows, read_status_sheet
from monitor.daemon import Parts
from monitor.desk.following import hand_in, record_status
from monitor.errors import ImportRefused, MonitorError
from storage.complaints import TargetView, get_complaint, targets_of
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
    """Apply a status sheet; the same sheet again changes nothing.

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
    for rows in _alike(sheet.rows):
        try:
            changed, same, told = await _apply(parts, rows, actor)
        except (MonitorError, StorageError) as error:
            changed, same, told = 0, 0, [f"{_place(rows)}: {error}"]
        applied, unchanged, problems = applied + changed, unchanged + same, problems + told
    return Imported(applied, unchanged, tuple(problems))


def _alike(rows: Iterable[StatusRow]) -> Iterable[Sequence[StatusRow]]:
    """The rows that say the same of listings of one complaint, together: hundreds are then one step."""
    found = dict[object, list[StatusRow]]()
    for row in rows:
        said = row.complaint_id, row.external_ref, row.platform_status, row.reason, row.decided_at
        found.setdefault(said, []).append(row)
    return found.values()


async def _apply(parts: Parts, rows: Sequence[StatusRow], actor: str) -> tuple[int, int, list[str]]:
    """Apply rows that say the same; how many said something new, how many did not, what a person should know."""
    first = rows[0]
    number = _OURS.fullmatch(first.complaint_id)
    if number is None:
        raise NotFound(f"{first.complaint_id!r} is no complaint of ours; leave the column as it was written")
    complaint_id, words, reason = int(number[1]), first.platform_status, first.reason
    async with parts.database.read() as session:
        complaint = await get_complaint(session, complaint_id)
        views = await targets_of(session, complaint_id)
    named, unknown = _named(rows, views)
    told = [f"row {row.row}: complaint {complaint_id} has no listing {row.listing_id or row.url}" for row in unknown]
    is_new = bool(named and complaint.state == "exported" and first.external_ref)
    if is_new:
        await hand_in(parts, complaint_id, actor, first.external_ref)
    known = [(one.target.platform_status, one.target.platform_reason) == (words, reason) for one in named]
    fresh = [one.alert.id for one, is_known in zip(named, known, strict=True) if words and not is_known]
    if fresh:
        at = first.decided_at
        notes = await record_status(parts, complaint_id, words, actor, alert_ids=fresh, reason=reason, at=at)
        told += [f"{_place(rows)}: {note}" for note in notes if "unconfirmed source" not in note]
    changed = max(len(fresh), int(is_new))
    return changed, len(named) - changed, told


def _named(rows: Iterable[StatusRow], views: Iterable[TargetView]) -> tuple[list[TargetView], list[StatusRow]]:
    """The listings that rows name by the marketplace's number or by address; the rows that name none, or several."""
    by_name = dict[str, list[TargetView]]()
    for view in views:
        for name in {view.listing.listing_id, view.listing.url}:
            by_name.setdefault(name, []).append(view)
    named, unknown = list[TargetView](), list[StatusRow]()
    for row in rows:
        found = {one.target.id: one for name in (row.listing_id, row.url) for one in by_name.get(name, ())}
        if len(found) == 1:
            named += found.values()
        else:
            unknown.append(row)
    return named, unknown


def _place(rows: Sequence[StatusRow]) -> str:
    return f"row {rows[0].row}" + (f" and {len(rows) - 1} that say the same" if len(rows) > 1 else "")
