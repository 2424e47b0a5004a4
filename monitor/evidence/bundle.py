"""One ZIP of everything kept of some alerts: sheets for people, WARC files, custody, and the program that checks it.

Each byte of it is fixed by its content: files stand in one order, uncompressed, without times of their own. So every
byte that is changed later is one that `verify.py` finds.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from monitor.daemon import Parts
from monitor.errors import EvidenceRefused
from monitor.evidence import stamps
from monitor.evidence.archive import Archive, Packed
from monitor.evidence.capture import TOOL, file_ending
from monitor.evidence.comparing import compared
from monitor.evidence.exhibit import Exhibit, statement
from monitor.evidence.pages import index_html
from monitor.evidence.sections import Section, as_json, draw, sections
from monitor.evidence.verify import FORMAT, MANIFEST, TOKEN
from storage import audit, tables
from storage.drawings import drawings
from storage.errors import NotFound
from storage.evidence import EXPORTED, custody_by_alert, entry_record, note_custody

_logger = logging.getLogger(__name__)
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
    shown = await compared(parts, alert_ids, actor, tell)
    now = parts.clock.now()
    async with parts.database.write("evidence handed out") as session:
        added = await note_custody(session, alert_ids, now, actor, "handed out", {"for": title})
    shown = await _with_chains(parts, shown, added)
    out.parent.mkdir(parents=True, exist_ok=True)
    with Archive(out) as file:
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
    return Written(out, sha256, len(shown), len(file.listed), size, tuple(missing), stamped)


async def _with_chains(parts: Parts, shown: Sequence[Exhibit], added: Mapping[int, tables.Custody]) -> list[Exhibit]:
    """The exhibits with their custody up to the entry that was just added."""
    longer = {one.view.alert.id: (*one.custody, added[one.view.alert.id]) for one in shown}
    if any(chain[-1].position != len(chain) for chain in longer.values()):  # another one's entry came between
        async with parts.database.read() as session:
            longer = {key: tuple(chain) for key, chain in (await custody_by_alert(session, list(longer))).items()}
    return [replace(one, custody=longer[one.view.alert.id]) for one in shown]


async def _fill(parts: Parts, file: Archive, title: str, exhibits: Sequence[Exhibit], now: datetime) -> list[str]:
    """Every file but the manifest; what was no longer there."""
    file.add("README.txt", _readme(title, exhibits))
    file.add("verify.py", (resources.files("monitor") / "evidence" / "verify.py").read_bytes())
    split = sections(title, exhibits)
    file.add("index.html", index_html(title, split, now))
    await _add_works(parts, file, exhibits)
    for one in exhibits:
        file.add(f"{one.folder}/custody.jsonl", _lines([entry_record(entry) for entry in one.custody]))
    missing = await _add_sections(parts, file, split, now)
    for name, data in await stamps.rolls_for(parts, [one.custody for one in exhibits]):
        file.add(name, data)
    return missing


async def _add_sections(parts: Parts, file: Archive, split: Sequence[Section], now: datetime) -> list[str]:
    """Each section, copied where it was drawn ahead; what was no longer there."""
    keys = [one.key for one in split]
    async with parts.database.read() as session:
        ahead = await drawings(session, keys)
    missing = list[str]()

    def reading(key: str) -> asyncio.Future[list[Packed]]:
        return asyncio.ensure_future(asyncio.to_thread(_packed, parts, ahead.get(key, ())))

    coming = reading(keys[0])
    try:
        for section, following in zip(split, [*keys[1:], ""], strict=True):
            packed, coming = await coming, reading(following)  # read and checked while the one before is written
            for piece in packed:
                await asyncio.to_thread(file.append, piece)
            if not packed:
                async for name, data in draw(parts, section, now, missing):
                    file.add(name, data)
    finally:
        coming.cancel()
    return missing


def _packed(parts: Parts, pieces: Sequence[tables.Drawing]) -> list[Packed]:
    """A section's stored pieces; none where one is lost or damaged."""
    found = list[Packed]()
    for piece in pieces:
        files = tuple((name, crc, size, sha256) for name, crc, size, sha256 in piece.files)
        found.append(Packed(parts.blobs.raw(piece.sha256) or b"", files))
        if not found[-1].is_whole():
            _logger.warning("evidence drawn anew", extra={"lost": piece.sha256})
            return []
    return found


async def _add_works(parts: Parts, file: Archive, exhibits: Sequence[Exhibit]) -> None:
    """Each work's pictures, once."""
    known = {one.view.work.id: one.references for one in exhibits}
    for work_id, references in sorted(known.items()):
        for reference in references:
            with suppress(NotFound):
                data = await parts.blobs.get(reference.sha256)
                file.add(f"work-{work_id}/{reference.sha256}.{file_ending(data)}", data)


def _manifest(file: Archive, title: str, exhibits: Sequence[Exhibit], actor: str, now: datetime) -> bytes:
    return as_json(
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
                    "complaints": list(one.complaints),
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


def _lines(values: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(value, sort_keys=True)}\n" for value in values).encode()
