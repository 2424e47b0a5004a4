"""The picture that shows a listing beside the work: drawn once from stored bytes in a child, and then evidence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from detectors.errors import DetectorError
from detectors.model import Match, Region
from monitor.daemon import Parts
from monitor.errors import SandboxError
from monitor.evidence.capture import TOOL
from monitor.evidence.exhibit import Exhibit, exhibits
from storage import tables
from storage.errors import NotFound
from storage.evidence import drawn_of, keep_evidence

_logger = logging.getLogger(__name__)

_KEPT_TOGETHER: Final = 24  # drawings a transaction: what a crash makes again takes a second
_Key = tuple[str, str, str]  # the hashes of both pictures, and the detector that placed one in the other


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What is to be drawn, and the alerts whose listings show it."""

    match: tables.Match
    key: _Key
    shown_by: list[Exhibit]


async def compared(
    parts: Parts, alert_ids: Sequence[int], actor: str, tell: Callable[[int], None] = lambda _: None
) -> list[Exhibit]:
    """Alerts with everything kept of them, after what nobody has drawn yet was drawn: it is kept with each too.

    Listings that show the same picture share one drawing, whichever export made it.

    Args:
        tell: Told the number of alerts done, each time some are.
    """
    async with parts.database.read() as session:
        shown = await exhibits(session, alert_ids)
        waiting = _waiting(shown)
        items = await drawn_of(session, {one.key[1] for one in waiting})
    drawn = {_key_of(item.about): item.sha256 for item in items}
    done = len(shown) - sum(len(one.shown_by) for one in waiting)
    tell(done)

    async def finish(one: _Drawing) -> list[tables.Evidence]:
        nonlocal done
        sha256 = await _again(parts, drawn.get(one.key)) or await _draw(parts, one)
        done += len(one.shown_by)
        tell(done)
        return [_item(parts, one, exhibit, sha256) for exhibit in one.shown_by] if sha256 else []

    for start in range(0, len(waiting), _KEPT_TOGETHER):
        some = await asyncio.gather(*map(finish, waiting[start : start + _KEPT_TOGETHER]))
        async with parts.database.write("comparisons kept") as session:
            await keep_evidence(session, [item for made in some for item in made], actor, parts.clock.now())
    if not waiting:
        return shown
    async with parts.database.read() as session:
        return await exhibits(session, alert_ids)


def _waiting(shown: Sequence[Exhibit]) -> list[_Drawing]:
    """What has to be drawn, each once."""
    found = dict[_Key, _Drawing]()
    for one in shown:
        match = one.drawn
        reference = match and one.reference_of(match)
        if match is None or reference is None or _has_it(one, match):
            continue
        key = reference.sha256, match.sha256, _by(match)
        found.setdefault(key, _Drawing(match, key, [])).shown_by.append(one)
    return list(found.values())


def _has_it(one: Exhibit, match: tables.Match) -> bool:
    return one.comparison is not None and one.comparison.about.get("match") == match.id


def _by(match: tables.Match) -> str:
    return f"{match.detector} {match.version}"


def _key_of(about: dict[str, Any]) -> _Key:
    return about["reference"], about["picture"], about["by"]


async def _again(parts: Parts, sha256: str | None) -> str | None:
    """An earlier drawing, stored anew so that no purge takes it meanwhile; None where there is none any more."""
    if sha256 is None:
        return None
    try:
        return await parts.blobs.put(await parts.blobs.get(sha256))
    except NotFound:
        return None


async def _draw(parts: Parts, one: _Drawing) -> str | None:
    """The hash of a stored drawing; None, and a line in the log, where it cannot be drawn."""
    reference, picture, _ = one.key
    try:
        pictures = await parts.blobs.get(reference), await parts.blobs.get(picture)
        drawn = await parts.sandbox.comparison(*pictures, as_found(one.match), "JPEG")
    except (NotFound, DetectorError, SandboxError) as error:
        alert_ids = [exhibit.view.alert.id for exhibit in one.shown_by]
        _logger.warning("no comparison drawn", extra={"alert_ids": alert_ids, "reason": str(error)})
        return None
    return await parts.blobs.put(drawn)


def _item(parts: Parts, one: _Drawing, exhibit: Exhibit, sha256: str) -> tables.Evidence:
    reference, picture, by = one.key
    match = exhibit.drawn
    return tables.Evidence(
        alert_id=exhibit.view.alert.id,
        kind="comparison",
        sha256=sha256,
        url=exhibit.view.listing.url,
        how="derived",
        seen_at=parts.clock.now(),
        about={"reference": reference, "picture": picture, "by": by, "match": match and match.id, "tool": TOOL},
    )


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
