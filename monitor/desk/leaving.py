"""A confirmed complaint leaves with all that goes with it: looked at anew, written once, its evidence enclosed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from monitor.complaints.lifecycle import BEFORE_LEAVING
from monitor.daemon import Parts
from monitor.desk import filing, recheck
from monitor.evidence.recapture import refresh
from storage.complaints import get_complaint
from storage.subjects import alerts_of_complaint

Tell = Callable[[str, int, int], None]  # what is being done, how many listings of it are done, of how many


async def leave(
    parts: Parts,
    complaint_id: int,
    actor: str,
    tell: Tell = lambda *_: None,
    say: Callable[[str], None] = lambda _: None,
    *,
    fresh: bool = True,
    evidence: bool = True,
) -> Path:
    """The folder of a complaint's pack: captured again where it is older than a day, exported, with its evidence.

    The same however it is asked for, and however often: what an earlier call has done stays done.

    Args:
        say: Told in words which listings were not seen on sale, and why.
        fresh: Fetch again what was last captured more than a day ago; a listing that is gone is left out.
        evidence: Put the evidence ZIP into the pack.

    Raises:
        NoticeRefused: Something blocks it; the message lists every problem.
        NotPossible: It waits for a second person, or is over.
        EvidenceRefused: There is too much evidence for one ZIP.
    """
    async with parts.database.read() as session:
        before = (await get_complaint(session, complaint_id)).state in BEFORE_LEAVING
        alert_ids = await alerts_of_complaint(session, complaint_id)
    if before and fresh:
        async for one in refresh(parts, alert_ids, actor, lambda *done: tell("looking again", *done), say):
            if one.outcome == "gone":
                (view,) = await recheck.waiting(parts, complaint_id, [one.alert_id])
                await recheck.look_again(parts, complaint_id, view, actor)
    folder = await filing.export(parts, complaint_id, actor)
    if evidence:
        from monitor.desk.enclosing import enclose  # loads fpdf

        await enclose(parts, complaint_id, actor, lambda done: tell("comparing", done, len(alert_ids)))
    return folder
