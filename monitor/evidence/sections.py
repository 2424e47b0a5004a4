"""The part of an evidence ZIP that is the same whenever it is exported, by sections of a few listings.

A section holds their comparison sheets and what was kept of each. It can be drawn, packed and stored ahead under the
hash of all that it was drawn from; then an export copies its bytes. What grows with each export is not in it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from monitor.daemon import Parts
from monitor.evidence.archive import Packed, pack
from monitor.evidence.capture import TOOL, file_ending
from monitor.evidence.exhibit import Exhibit
from monitor.evidence.pages import sheet_html
from storage import tables
from storage.errors import NotFound
from storage.evidence import item_record

PER_SECTION: Final = 25  # listings: so that their sheet stays under the 5 MB that platforms take
_PIECE: Final = 16_000_000  # bytes from which on what follows is a stored file of its own
_OURS: Final = "comparison"  # drawn by us, as large as all that was captured, and a file of its own: in no WARC


@dataclass(frozen=True, slots=True)
class Section:
    """Some listings of an evidence ZIP.

    Attributes:
        title: The ZIP's.
        number: Which of its sections this is, from 1 on.
    """

    title: str
    number: int
    exhibits: Sequence[Exhibit]

    @property
    def key(self) -> str:
        """The SHA-256 of all that it is drawn from."""
        told = [(_findings(one), [item_record(item) for item in one.items]) for one in self.exhibits]
        told_of = [TOOL, self.title, self.number, told]
        return hashlib.sha256(json.dumps(told_of).encode()).hexdigest()


def sections(title: str, exhibits: Sequence[Exhibit]) -> list[Section]:
    """The sections of an evidence ZIP."""
    starts = range(0, len(exhibits), PER_SECTION)
    return [Section(title, number, exhibits[start : start + PER_SECTION]) for number, start in enumerate(starts, 1)]


async def draw(parts: Parts, section: Section, at: datetime, missing: list[str]) -> AsyncIterator[tuple[str, bytes]]:
    """Each file of a section by name, in the ZIP's order.

    Args:
        at: Now; the sheets say it.
        missing: Grows by what should be among them and is no longer there.
    """
    from monitor.evidence.sheet import sheet_pdf  # loads fpdf, which what is stored needs no more

    pictures = {}
    for one in section.exhibits:
        if one.comparison:
            with suppress(NotFound):
                pictures[one.view.alert.id] = await parts.blobs.get(one.comparison.sha256)
    name, shown = f"sheets-{section.number}", (section.title, section.exhibits, pictures, at)
    yield f"{name}.html", await asyncio.to_thread(sheet_html, *shown)
    yield f"{name}.pdf", await asyncio.to_thread(sheet_pdf, *shown)
    for one in section.exhibits:
        async for name, data in _kept(parts, one, missing):
            yield name, data


async def packed(parts: Parts, section: Section, at: datetime, missing: list[str]) -> AsyncIterator[Packed]:
    """A section packed for storing, in pieces that fit into memory."""
    files, size = list[tuple[str, bytes]](), 0
    async for name, data in draw(parts, section, at, missing):
        files.append((name, data))
        size += len(data)
        if size >= _PIECE:
            yield pack(files)
            files, size = [], 0
    if files:
        yield pack(files)


async def _kept(parts: Parts, one: Exhibit, missing: list[str]) -> AsyncIterator[tuple[str, bytes]]:
    """What was found and kept of one listing: the lists of it, the WARC file, the pictures."""
    from monitor.evidence.warc import warc  # loads warcio

    archived, listed, written = [], [], dict[str, bytes]()
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
    yield f"{one.folder}/findings.json", as_json(_findings(one))
    yield f"{one.folder}/items.json", as_json(listed)
    yield f"{one.folder}/record.warc.gz", await asyncio.to_thread(warc, one.view.alert.id, archived)
    for name, data in sorted(written.items()):
        yield name, data


def _file_name(folder: str, item: tables.Evidence, data: bytes) -> str | None:
    """Where an item is also a file of its own; a stranger's page is only inside the WARC, where nothing runs it."""
    if item.kind == "page":
        return None
    ending = "json" if item.kind == "facts" else file_ending(data)
    return f"{folder}/{item.kind}-{item.sha256}.{ending}"


def _findings(one: Exhibit) -> dict[str, Any]:
    """What was found and decided."""
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


def as_json(value: object) -> bytes:
    """A JSON file."""
    return json.dumps(value, sort_keys=True, indent=1).encode() + b"\n"
