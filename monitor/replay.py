"""Judges past verdicts anew, from the stored bytes, with the detectors of today: what an upgrade would change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.errors import DetectorError
from detectors.judge import SHIPPED, judge
from detectors.model import Match, Region
from monitor.compare import find_matches
from monitor.errors import SandboxError
from storage import tables
from storage.errors import NotFound
from storage.tables import Alert

if TYPE_CHECKING:
    from detectors.works import WorksIndex
    from monitor.daemon import Parts
    from monitor.models import Models


@dataclass(frozen=True, slots=True)
class Replayed:
    """One alert's verdict then and now.

    Attributes:
        before, after: The score by the stored findings, and by those of today; None where nothing can be judged.
        differing: Findings whose numbers are not the stored ones, each told.
        change: "same", "numbers", "confidence", "gone" (nobody would be asked) or the reason why it cannot be replayed.
    """

    alert_id: int
    work_id: int
    before: float
    after: float | None
    before_confidence: str
    after_confidence: str | None
    differing: tuple[str, ...]
    change: str


async def replay(parts: Parts, alert_ids: Sequence[int], advance: Callable[[], None] = lambda: None) -> list[Replayed]:
    """Judge the listings of some alerts anew; nothing is changed.

    Each is compared with the references that there were when it was judged: the same version gives the same numbers.
    """
    indexes: dict[frozenset[int], tuple[WorksIndex, Models]] = {}
    done = []
    for alert_id in alert_ids:
        async with parts.database.read() as session:
            alert = await session.get_one(Alert, alert_id)
            stored = await _stored(session, alert)
            then = await _references(session, stored) if stored else []
        key = frozenset(row.id for row in then)
        if key not in indexes:
            indexes = {
                key: (await _index(parts, then), await parts.works.models(then))
            }  # alerts come in order of time: one at a time is enough
        done.append(await _replayed(parts, alert, stored, *indexes[key]))
        advance()
    return done


async def _stored(session: AsyncSession, alert: Alert) -> list[tables.Match]:
    """The findings behind an alert, the oldest first: of several versions the newest counts."""
    of_alert = select(tables.Match).where(
        tables.Match.listing_key == alert.listing_key, tables.Match.work_id == alert.work_id
    )
    return list(await session.scalars(of_alert.order_by(tables.Match.id)))


async def _references(session: AsyncSession, stored: Sequence[tables.Match]) -> list[tables.Reference]:
    """The references that were watched when these findings were made."""
    when = max(row.found_at for row in stored)
    watched = select(tables.Reference).join(tables.Work).where(tables.Reference.added_at <= when)
    alive = watched.where(tables.Work.removed_at.is_(None) | (tables.Work.removed_at > when))
    return list(await session.scalars(alive.order_by(tables.Reference.id)))


async def _index(parts: Parts, rows: Sequence[tables.Reference]) -> WorksIndex:
    from detectors.works import WorksIndex

    index = WorksIndex()
    for row in rows:
        index.add(row.work_id, row.id, await parts.works.description(row))
    return index


async def _replayed(
    parts: Parts, alert: Alert, stored: Sequence[tables.Match], index: WorksIndex, models: Models
) -> Replayed:
    if not stored:
        return Replayed(alert.id, alert.work_id, 0.0, None, alert.confidence, None, (), "its findings were not kept")
    old = {_key(row.sha256, match): match for row in stored for match in (as_match(row),)}
    (before,) = judge(list(old.values()), least=0.0)
    then = (alert.id, alert.work_id, before.score)
    new: dict[tuple[str, str, int], Match] = {}
    try:
        for sha256, judged in dict.fromkeys((row.sha256, row.facts.get("judged") or row.sha256) for row in stored):
            picture = await parts.blobs.get(judged)
            found = await find_matches(parts.sandbox, index, picture)
            found += await models.matches(parts.sandbox, picture)
            new.update({_key(sha256, match): match for match in found if match.work_id == alert.work_id})
    except (NotFound, DetectorError, SandboxError) as error:
        return Replayed(*then, None, alert.confidence, None, (), f"cannot be replayed: {error}")
    verdicts = judge(list(new.values()), least=0.0)
    after = verdicts[0] if verdicts else None
    differing = tuple(_told(key, old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key))
    gone = after is None or after.score < SHIPPED
    change = "gone" if gone else "confidence" if after and after.confidence != before.confidence else ""
    return Replayed(
        *then,
        after.score if after else None,
        before.confidence.value,
        after.confidence.value if after else None,
        differing,
        change or ("numbers" if differing else "same"),
    )


def as_match(row: tables.Match) -> Match:
    """The stored finding as the detector made it."""
    facts: dict[str, Any] = row.facts
    region, reference_region = (Region(name, tuple(box)) for name, *box in (facts["region"], facts["reference_region"]))
    return Match(
        row.work_id,
        row.reference_id,
        row.detector,
        row.version,
        row.threshold,
        row.distance_bits,
        row.score,
        region,
        reference_region,
        facts["orientation"],
        facts["inliers"],
        tuple(facts["placement"]) if facts["placement"] else None,
    )


def _key(sha256: str, match: Match) -> tuple[str, str, int]:
    return sha256, match.detector, match.reference_id


def _told(key: tuple[str, str, int], before: Match | None, after: Match | None) -> str:
    return f"{key[1]} of reference {key[2]}: {_numbers(before)} before, {_numbers(after)} now"


def _numbers(match: Match | None) -> str:
    if match is None:
        return "nothing"
    measure = f"{match.distance_bits} bits" if match.distance_bits is not None else f"score {match.score:g}"
    return f"{measure} (version {match.version})"
