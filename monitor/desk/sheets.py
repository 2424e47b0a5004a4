"""The sheet in which a person considers many listings at leisure: written, filled in anywhere, read back."""

from __future__ import annotations

import csv
import io

from monitor.daemon import Parts
from monitor.desk import filing
from monitor.desk.dossier import Stored, considered_sha256, load
from monitor.errors import NoticeRefused
from monitor.text import csv_cell, csv_text, utc

_SHOWN = ("listing", "work", "title", "url", "seller", "price", "finding", "last_seen_live")
_FILLED = ("fair_use", "exhaustion", "authorised_seller", "live_now", "leave_out", "note")
_FACTS = "facts"  # the hash of what was shown: a listing that changed since has to be considered anew
_YES = frozenset({"yes", "y", "x", "1", "true", "ja", "si", "oui", "是"})
_LARGEST = 20_000_000


def write_sheet(stored: Stored) -> bytes:
    """A row for each listing of a draft, with empty columns to fill in, as CSV that spreadsheets open.

    ``fair_use``, ``exhaustion`` and ``authorised_seller`` take a yes each: considered. ``live_now`` takes a yes where
    the person saw it on sale; ``leave_out`` the reason why it is left out; ``note`` what led to the conclusion.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow((*_SHOWN, *_FILLED, _FACTS))
    for target in stored.draft.targets:
        price = "" if target.price is None else f"{target.price:f} {target.currency or ''}".strip()
        shown = (
            f"#{target.alert_id}",
            stored.draft.work.title,
            target.title,
            target.url,
            target.seller_name or "",
            price,
            target.match.reason,
            utc(target.last_seen_live_at) if target.last_seen_live_at else "",
        )
        writer.writerow([csv_cell(text) for text in (*shown, *[""] * len(_FILLED), considered_sha256(target))])
    return file.getvalue().encode("utf-8-sig", "replace")


async def apply_sheet(parts: Parts, complaint_id: int, person: str, data: bytes) -> list[str]:
    """Take over what a person filled in; what could not be taken over, a line each.

    Raises:
        NoticeRefused: It is no sheet of a complaint.
    """
    rows = _rows(data)
    stored = await load(parts, complaint_id)
    targets = {target.alert_id: target for target in stored.draft.targets}
    problems, considered, out = [], [], []
    for line, row in enumerate(rows, start=2):
        number = row["listing"].lstrip("#")
        target = targets.get(int(number)) if number.isascii() and number.isdigit() else None
        if target is None:
            problems.append(f"line {line}: {row['listing']!r} is no listing of complaint {complaint_id} now")
        elif row["leave_out"]:
            out.append((target.alert_id, row["leave_out"]))
        elif not any(row[name] for name in _FILLED):
            continue
        elif row[_FACTS] != considered_sha256(target):
            problems.append(f"line {line}: #{target.alert_id} has changed since the sheet was written: write a new one")
        elif missing := [name for name in _FILLED[:3] if row[name].casefold() not in _YES]:
            problems.append(f"line {line}: #{target.alert_id}: {', '.join(missing)} has no yes")
        else:
            considered.append((target.alert_id, row["note"], row["live_now"].casefold() in _YES))
    for why in dict.fromkeys(why for _, why in out):
        alike = [alert_id for alert_id, given in out if given == why]
        await filing.leave_out(parts, complaint_id, alike, person, why)
    for note, live in dict.fromkeys((note, live) for _, note, live in considered):
        alike = [alert_id for alert_id, *rest in considered if rest == [note, live]]
        await filing.consider(parts, complaint_id, person, alike, note, seen=live)
    return problems


def _rows(data: bytes) -> list[dict[str, str]]:
    if len(data) > _LARGEST:
        raise NoticeRefused(f"the sheet is larger than {_LARGEST // 1_000_000} MB")
    text = data.decode("utf-8-sig", "replace")
    separator = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise NoticeRefused(f"the sheet is no CSV: {error}") from None
    wanted = {"listing", *_FILLED, _FACTS}
    if not rows or not wanted <= set(rows[0]):
        raise NoticeRefused("that is no sheet of `bazaarwatch complaints sheet`: its columns are missing")
    return [{name: csv_text((row[name] or "").strip()) for name in wanted} for row in rows]
