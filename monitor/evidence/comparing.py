"""The picture that shows a listing beside the work: drawn once from stored bytes in a child, and then evidence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from detectors.errors import DetectorError
from detectors.model import Match, Region
from monitor.daemon import Parts
from monitor.errors import SandboxError
from monitor.evidence.capture import TOOL
from monitor.evidence.exhibit import Exhibit, exhibit
from storage import tables
from storage.errors import NotFound
from storage.evidence import keep_evidence

_logger = logging.getLogger(__name__)


async def draw_comparisons(parts: Parts, alert_ids: Sequence[int], actor: str, tell: Callable[[int], None]) -> None:
    """Draw what no earlier export has drawn yet; each picture becomes an item of its alert's evidence."""
    done = 0
    turns = asyncio.Semaphore(parts.settings.sandbox.children)

    async def draw(alert_id: int) -> None:
        nonlocal done
        async with turns:
            async with parts.database.read() as session:
                one = await exhibit(session, alert_id)
            if one.comparison is None or not _is_of(one.comparison, one):
                await _draw(parts, one, actor)
        done += 1
        tell(done)

    await asyncio.gather(*(draw(alert_id) for alert_id in alert_ids))


async def _draw(parts: Parts, one: Exhibit, actor: str) -> None:
    match = one.drawn
    reference = match and one.reference_of(match)
    if match is None or reference is None:
        return
    try:
        pictures = await parts.blobs.get(reference.sha256), await parts.blobs.get(match.sha256)
        drawn = await parts.sandbox.comparison(*pictures, as_found(match), "JPEG")
    except (NotFound, DetectorError, SandboxError) as error:
        _logger.warning("no comparison drawn", extra={"alert_id": one.view.alert.id, "reason": str(error)})
        return
    alert_id, now = one.view.alert.id, parts.clock.now()
    item = tables.Evidence(
        alert_id=alert_id,
        kind="comparison",
        sha256=await parts.blobs.put(drawn),
        url=one.view.listing.url,
        how="derived",
        seen_at=now,
        about={"reference": reference.sha256, "picture": match.sha256, "match": match.id, "tool": TOOL},
    )
    async with parts.database.write("comparison kept") as session:
        await keep_evidence(session, alert_id, [item], actor, now)


def _is_of(item: tables.Evidence, one: Exhibit) -> bool:
    return one.drawn is not None and item.about.get("match") == one.drawn.id


def as_found(match: tables.Match) -> Match:
    """A stored finding in the product's vocabulary."""
    facts = match.facts
    region, reference_region = (
        Region(name, (left, top, right, bottom))
        for name, left, top, right, bottom in (facts["region"], facts["reference_region"])
    )
    return Match(
        match.work_id,
        match.reference_id,
        match.detector,
        match.version,
        match.threshold,
        match.distance_bits,
        match.score,
        region,
        reference_region,
        facts["orientation"],
        facts["inliers"],
        tuple(facts["placement"]) if facts["placement"] else None,
    )
