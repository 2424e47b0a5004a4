"""Measures on which score each work's false matches start: on crawled pictures, the other works, generated ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from detectors.calibration import Calibration, weaknesses
from detectors.errors import DetectorError
from detectors.judge import judge
from monitor.compare import find_matches
from monitor.errors import SandboxError
from monitor.innocents import generated
from storage.tables import Threshold
from storage.thresholds import set_thresholds, unmatched_pictures
from storage.works import list_works, references

if TYPE_CHECKING:
    from monitor.daemon import Parts

ENOUGH: Final = 1_000  # crawled pictures from which on nothing needs to be generated


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A work's measured score, and how it came about."""

    work_id: int
    title: str
    threshold: float
    nearest: float
    weak: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """All works' scores, and on how many pictures they were measured."""

    works: tuple[Calibrated, ...]
    crawled: int
    catalogue: int
    made: int

    @property
    def provisional(self) -> bool:
        """Whether generated pictures stand in for crawled ones."""
        return self.made > 0


async def calibrate(
    parts: Parts, actor: str, most: int, seed: int, advance: Callable[[int, int], None] = lambda _done, _of: None
) -> Measured:
    """Measure, store and tell: `judge` goes by it from now on, in every process.

    Args:
        most: Pictures to measure on, the owner's own not counted; generated ones fill up what was not crawled.
        seed: Of the generated ones.
        advance: Told after each picture how many are done, of how many.
    """
    async with parts.database.read() as session:
        rows = await references(session)
        titles = {one.work.id: one.work.title for one in await list_works(session)}
        crawled = await unmatched_pictures(session, most)
    index, measured = await parts.works.index(), Calibration()
    of = len(rows) + most

    async def compare(picture: bytes, shown: int | None = None) -> None:
        try:
            matches = await find_matches(parts.sandbox, index, picture, look_up=parts.works.look_up)
            measured.add(judge(matches, least=0.0), shown)
        except (DetectorError, SandboxError):
            measured.pictures += 1  # what cannot be examined never alerts
        advance(measured.pictures, of)

    for reference in rows:
        await compare(await parts.blobs.get(reference.sha256), reference.work_id)
    for sha256 in crawled:
        await compare(await parts.blobs.get(sha256))
    made = max(0, most - len(crawled)) if len(crawled) < ENOUGH else 0
    stock = generated(made, seed)
    for _ in range(made):
        await compare(await asyncio.to_thread(next, stock))
    weak = weaknesses(measured, {row.id: await parts.works.description(row) for row in rows})
    now = parts.clock.now()
    limits = [
        Threshold(
            work_id=work_id,
            score=measured.threshold(work_id),
            unmatched=measured.pictures,
            provisional=made > 0,
            measured_at=now,
        )
        for work_id in titles
    ]
    result = [
        Calibrated(
            work_id,
            title,
            measured.threshold(work_id),
            measured.nearest.get(work_id, 0.0),
            tuple(f"{row.file_name}: {weak[row.id]}" for row in rows if row.work_id == work_id and weak[row.id]),
        )
        for work_id, title in titles.items()
    ]
    async with parts.database.write("thresholds measured") as session:
        await set_thresholds(session, limits, weak, now, actor)
    return Measured(tuple(result), len(crawled), len(rows), made)
