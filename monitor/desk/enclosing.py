"""The evidence of a complaint's listings, put into its pack: once, whole or not at all."""

from __future__ import annotations

import asyncio
from pathlib import Path

from monitor.daemon import Parts
from monitor.desk.folders import PACKS
from monitor.errors import NoticeRefused
from monitor.evidence.bundle import Tell, write_bundle
from storage.complaints import get_complaint
from storage.drawings import forget_drawings
from storage.subjects import alerts_of_complaint

EVIDENCE = "evidence.zip"


async def enclose(parts: Parts, complaint_id: int, actor: str, tell: Tell = lambda _: None) -> Path:
    """The evidence ZIP in an exported complaint's pack, written if it is not there.

    It has a manifest of its own, which the audit log knows: the pack's manifest was sealed before it.

    Raises:
        NoticeRefused: The complaint was not exported.
        EvidenceRefused: There is too much for one ZIP.
    """
    async with parts.database.read() as session:
        row = await get_complaint(session, complaint_id)
        alert_ids = await alerts_of_complaint(session, complaint_id)
    if not row.pack or not row.pack_sha256:
        raise NoticeRefused(f"complaint {complaint_id} has no pack: export it first")
    file = parts.settings.data_dir / row.pack / EVIDENCE
    if not await asyncio.to_thread(file.is_file):
        made = parts.settings.data_dir / PACKS / f"new-{file.parent.name}.zip"
        await write_bundle(parts, title_of(complaint_id), alert_ids, made, actor, tell)
        await asyncio.to_thread(made.replace, file)
        async with parts.database.write("drawings given up") as session:
            await forget_drawings(session, complaint_id)
    return file


def title_of(complaint_id: int) -> str:
    """What the evidence of a complaint is headed."""
    return f"complaint {complaint_id}"
