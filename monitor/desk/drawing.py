"""The evidence of a confirmed complaint, drawn before it is asked for: then its export copies what is stored."""

from __future__ import annotations

import logging

from monitor.daemon import Parts
from monitor.desk.enclosing import title_of
from monitor.evidence.capture import TOOL
from monitor.evidence.comparing import compared
from monitor.evidence.recapture import stale
from monitor.evidence.sections import Section, packed, sections
from storage import tables
from storage.drawings import drawings, due_drawings, forget_drawings, keep_drawings, note_drawn
from storage.subjects import alerts_of_complaint

_logger = logging.getLogger(__name__)


async def draw_evidence(parts: Parts, complaint_id: int) -> None:
    """Draw what the evidence ZIP of a complaint holds and nobody has drawn yet; safe to do twice, and at once.

    What another look brought within a day becomes evidence first, as it would when the complaint leaves.
    """
    async with parts.database.read() as session:
        if complaint_id not in await due_drawings(session):  # it left, or changed, since it was queued
            return
        alert_ids = await alerts_of_complaint(session, complaint_id)
    await stale(parts, alert_ids, TOOL)
    split = sections(title_of(complaint_id), await compared(parts, alert_ids, TOOL))
    keys = [one.key for one in split]
    async with parts.database.read() as session:
        stored = await drawings(session, keys)
    for key, section in zip(keys, split, strict=True):
        if key not in stored:
            await _keep(parts, complaint_id, key, section)
    async with parts.database.write("evidence drawn ahead") as session:
        await forget_drawings(session, complaint_id, but=keys)
        await note_drawn(session, complaint_id, parts.clock.now())
    _logger.info("evidence drawn ahead", extra={"complaint_id": complaint_id, "listings": len(alert_ids)})


async def _keep(parts: Parts, complaint_id: int, key: str, section: Section) -> None:
    """Store one section, unless something of it is no longer there: then its export says so."""
    missing, rows = list[str](), list[tables.Drawing]()
    async for piece in packed(parts, section, parts.clock.now(), missing):
        sha256 = await parts.blobs.put(piece.data)
        row = tables.Drawing(complaint_id=complaint_id, key=key, position=len(rows), sha256=sha256)
        row.files = [list(one) for one in piece.files]
        rows.append(row)
    if not missing:
        async with parts.database.write("section drawn ahead") as session:
            await keep_drawings(session, rows)
