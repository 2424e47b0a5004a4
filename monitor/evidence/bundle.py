"""One ZIP of everything kept of some alerts: sheets for people, WARC files, custody, and the program that checks it.

Each byte of it is fixed by its content: files stand in one order, uncompressed, without times of their own. So every
byte that is changed later is one that `verify.py` finds.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from monitor.daemon import Parts
from monitor.errors import EvidenceRefused
from monitor.evidence import sheet, stamps
from monitor.evidence.capture import TOOL, file_ending
from monitor.evidence.comparing import draw_comparisons
from monitor.evidence.exhibit import Exhibit, exhibits, statement
from monitor.evidence.verify import FORMAT, MANIFEST, TOKEN, contents, local_header
from monitor.evidence.warc import warc
from storage import audit, tables
from storage.errors import NotFound
from storage.evidence import EXPORTED, entry_record, item_record, note_custody

_MOST_FILES: Final = 65_000  # of a plain ZIP are 65,535, and its size is under 4 GiB
_LARGEST: Final = 4_000_000_000
_OURS: Final = "comparison"  # drawn by us, as large as all that was captured, and a file of its own: in no WARC
Tell = Callable[[int], None]
More = Callable[[Sequence[Exhibit]], Mapping[str, bytes]]


@dataclass(frozen=True, slots=True)
class Written:
    """An evidence ZIP on disk."""

    path: Path
    manifest_sha256: str
    alerts: int
    files: int
    size: int
    missing: tuple[str, ...]  # what should be in it and was no longer there
    time_stamp: str  # when an authority stamped it, or why none did


async def write_bundle(
    parts: Parts,
    title: str,
    alert_ids: Sequence[int],
    out: Path,
    actor: str,
    tell: Tell = lambda _: None,
    more: More = lambda _: {},
) -> Written:
    """Write the evidence of alerts as one ZIP, and note in each one's custody that it was handed out.

    Args:
        title: Ours, such as "case 3"; it heads the sheets and is what the audit log calls it.
        tell: Told the number of alerts done, each time one is.
        more: Gives further files by name, such as a counsel pack's; they stand at the beginning.

    Raises:
        EvidenceRefused: There is nothing to write, or too much for one ZIP.
        NotFound: An alert is not there.
    """
    if not alert_ids:
        raise EvidenceRefused(f"{title} has no alerts; `bazaarwatch alerts list --state all` shows those there are")
    await draw_comparisons(parts, alert_ids, actor, tell)
    now = parts.clock.now()
    async with parts.database.write("evidence handed out") as session:
        await note_custody(session, alert_ids, now, actor, "handed out", {"for": title})
    async with parts.database.read() as session:
        shown = await exhibits(session, alert_ids)
    out.parent.mkdir(parents=True, exist_ok=True)
    with _Zip(out) as file:
        for name, data in (await asyncio.to_thread(more, shown)).items():
            file.add(name, data)
        missing = await _fill(parts, file, title, shown, now)
        manifest = _manifest(file, title, shown, actor, now)
        file.add(MANIFEST, manifest)
        token, stamped = await stamps.stamp_or_reason(parts, manifest)
        if token:
            file.add(TOKEN, token)
        size = await asyncio.to_thread(file.finish)
    sha256 = hashlib.sha256(manifest).hexdigest()
    heads = {str(one.view.alert.id): one.custody[-1].hash for one in shown}
    async with parts.database.write("evidence export recorded") as session:
        facts = {"manifest_sha256": sha256, "custody": heads}
        await audit.record(session, now, actor, EXPORTED, title, facts)
    return Written(out, sha256, len(shown), len(file.entries), size, tuple(missing), stamped)


async def _fill(parts: Parts, file: _Zip, title: str, exhibits: Sequence[Exhibit], now: datetime) -> list[str]:
    """Every file but the manifest; what was no longer there."""
    file.add("README.txt", _readme(title, exhibits))
    file.add("verify.py", (resources.files("monitor") / "evidence" / "verify.py").read_bytes())
    file.add("index.html", sheet.index_html(title, exhibits, now))
    for number, part in enumerate(sheet.parts(exhibits), 1):
        pictures = {}
        for one in part:
            if one.comparison:
                with suppress(NotFound):
                    pictures[one.view.alert.id] = await parts.blobs.get(one.comparison.sha256)
        file.add(f"sheets-{number}.html", sheet.sheet_html(title, part, pictures, now))
        file.add(f"sheets-{number}.pdf", await asyncio.to_thread(sheet.sheet_pdf, title, part, pictures, now))
    await _add_works(parts, file, exhibits)
    missing: list[str] = []
    for one in exhibits:
        missing += await _add_alert(parts, file, one)
    for name, data in await stamps.rolls_for(parts, [one.custody for one in exhibits]):
        file.add(name, data)
    return missing


async def _add_works(parts: Parts, file: _Zip, exhibits: Sequence[Exhibit]) -> None:
    """Each work's pictures, once."""
    known = {one.view.work.id: one.references for one in exhibits}
    for work_id, references in sorted(known.items()):
        for reference in references:
            with suppress(NotFound):
                data = await parts.blobs.get(reference.sha256)
                file.add(f"work-{work_id}/{reference.sha256}.{file_ending(data)}", data)


async def _add_alert(parts: Parts, file: _Zip, one: Exhibit) -> list[str]:
    """One alert's folder: findings, custody, items, WARC, pictures."""
    missing, archived, listed, written = [], [], [], dict[str, bytes]()
    for item in one.items:
        try:
            data = await parts.blobs.get(item.sha256)
        except NotFound as error:
            missing.append(f"{one.folder}: {item.kind}: {error}")
            listed.append({"record": item_record(item), "files": [], "in_warc": False, "missing": str(error)})
            continue
        name, in_warc = _file_name(one.folder, item, data), item.kind != _OURS
        archived += [(item, data)] if in_warc else []
        written |= {name: data} if name else {}
        listed.append({"record": item_record(item), "files": [name] if name else [], "in_warc": in_warc})
    file.add(f"{one.folder}/findings.json", _json(_findings(one)))
    file.add(f"{one.folder}/custody.jsonl", _lines([entry_record(entry) for entry in one.custody]))
    file.add(f"{one.folder}/items.json", _json(listed))
    file.add(f"{one.folder}/record.warc.gz", await asyncio.to_thread(warc, one.view.alert.id, archived))
    for name, data in sorted(written.items()):
        file.add(name, data)
    return missing


def _file_name(folder: str, item: tables.Evidence, data: bytes) -> str | None:
    """Where an item is also a file of its own; a stranger's page is only inside the WARC, where nothing runs it."""
    if item.kind == "page":
        return None
    ending = "json" if item.kind == "facts" else file_ending(data)
    return f"{folder}/{item.kind}-{item.sha256}.{ending}"


def _findings(one: Exhibit) -> dict[str, Any]:
    alert = one.view.alert
    return {
        "alert": alert.id,
        "listing": dict(one.listing_rows()),
        "work": dict(one.work_rows()) | {"id": one.view.work.id},
        "references": {str(row.id): row.sha256 for row in one.references},
        "confidence": alert.confidence,
        "priority": {"level": alert.priority, "score": alert.score},
        "reasons": alert.reasons,
        "raised_at": alert.raised_at.isoformat(),
        "decision": one.decision(),
        "complaints": list(one.complaints),
        "matches": [
            {
                "detector": f"{match.detector} {match.version}",
                "reference": match.reference_id,
                "picture": match.sha256,
                "distance_bits": match.distance_bits,
                "score": match.score,
                "threshold": match.threshold,
                "found_at": match.found_at.isoformat(),
                **match.facts,
            }
            for match in one.matches
        ],
    }


def _manifest(file: _Zip, title: str, exhibits: Sequence[Exhibit], actor: str, now: datetime) -> bytes:
    return _json(
        {
            "format": FORMAT,
            "tool": TOOL,
            "title": title,
            "made_at": now.isoformat(),
            "made_by": actor,
            "alerts": [
                {
                    "alert": one.view.alert.id,
                    "folder": one.folder,
                    "items": len(one.items),
                    "custody": {"length": len(one.custody), "head": one.custody[-1].hash},
                }
                for one in exhibits
            ],
            "rolls": [name for name in file.listed if name.startswith("time-stamps/") and name.endswith(".json")],
            "files": [{"path": name, **facts} for name, facts in file.listed.items()],
        }
    )


def _readme(title: str, exhibits: Sequence[Exhibit]) -> bytes:
    text = (resources.files("monitor") / "evidence" / "README.txt").read_text("utf-8")
    return text.format(title=title, about=statement(exhibits), tool=TOOL).encode()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, indent=1).encode() + b"\n"


def _lines(values: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(value, sort_keys=True)}\n" for value in values).encode()


class _Zip:
    """A ZIP that appears whole or not at all.

    Written here, byte by byte as `verify.py` expects: the constants that zipfile writes differ between versions of
    Python, and a check of every byte cannot.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO
        self.entries: list[tuple[bytes, int, int, int]] = []
        self.listed: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix="new-", suffix=".zip")
        self._temporary = Path(name)
        self._file = os.fdopen(handle, "wb")
        return self

    def add(self, name: str, data: bytes) -> None:
        """One more file; the same name again is the same file."""
        if name in self.listed:
            return
        offset, crc = self._file.tell(), zlib.crc32(data)
        if len(self.entries) >= _MOST_FILES or offset + len(data) > _LARGEST:
            raise EvidenceRefused("this is too much for one ZIP: export it by case, complaint or alert")
        self._file.write(local_header(name.encode("ascii"), crc, len(data)) + data)
        self.entries.append((name.encode("ascii"), crc, len(data), offset))
        self.listed[name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    def finish(self) -> int:
        """Make it durable under its name; how many bytes it has."""
        self._file.write(contents(self.entries))
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._file.close()
        self._temporary.replace(self._path)
        return size

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)
