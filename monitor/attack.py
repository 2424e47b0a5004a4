"""Attacks the operator's own works with the edits that sellers make, to tell what would slip through."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from detectors.errors import DetectorError
from detectors.model import Confidence
from monitor.compare import find_matches
from monitor.demo.edits import EVERY_EDIT
from monitor.errors import SandboxError
from monitor.innocents import jpeg
from storage.works import references

if TYPE_CHECKING:
    from monitor.daemon import Parts

_SIDE_PX = 600
_MARGIN_LEVELS = 12


@dataclass(frozen=True, slots=True)
class Attack:
    """One edit of one work: whether the detectors still find the work in it, and how surely."""

    edit: str
    work_id: int
    found: bool
    confidence: Confidence | None
    score: float


async def attack(
    parts: Parts, work_ids: Sequence[int], edits: Sequence[str], seed: int, advance: Callable[[], None] = lambda: None
) -> list[Attack]:
    """Edit each work's first reference in each way and look for the work in the result; the same for a seed.

    Raises:
        DetectorError: A reference can no longer be decoded.
    """
    done = []
    async with parts.database.read() as session:
        first = {row.work_id: row.sha256 for row in reversed(await references(session))}
    for work_id in work_ids:
        picture = await parts.sandbox.thumbnail(await parts.blobs.get(first[work_id]), _SIDE_PX)
        design = await asyncio.to_thread(_cut_out, picture)
        for edit in edits:
            copy = await asyncio.to_thread(_edited, design, edit, f"{edit} {work_id} {seed}")
            done.append(await _tried(parts, edit, work_id, copy))
            advance()
    return done


def _edited(design: Image.Image, edit: str, seed: str) -> bytes:
    return jpeg(EVERY_EDIT[edit](design, Random(seed)))


async def _tried(parts: Parts, edit: str, work_id: int, copy: bytes) -> Attack:
    try:
        works = parts.works
        matches = await find_matches(parts.sandbox, await works.index(), copy, look_up=works.look_up)
    except (DetectorError, SandboxError):
        return Attack(edit, work_id, False, None, 0.0)
    for verdict in await parts.works.judge(matches):
        if verdict.work_id == work_id:
            return Attack(edit, work_id, True, verdict.confidence, verdict.score)
    return Attack(edit, work_id, False, None, 0.0)


def _cut_out(picture: bytes) -> Image.Image:
    """RGBA without its white margins, as who copies a design cuts it out."""
    drawn = Image.open(io.BytesIO(picture)).convert("RGB")
    marked = drawn.copy()
    hole = (1, 254, 3)
    for corner in ((0, 0), (drawn.width - 1, 0), (0, drawn.height - 1), (drawn.width - 1, drawn.height - 1)):
        if min(drawn.getpixel(corner)) >= 255 - _MARGIN_LEVELS:  # type: ignore[arg-type]
            ImageDraw.floodfill(marked, corner, hole, thresh=2 * _MARGIN_LEVELS)
    import numpy as np

    alpha = np.where((np.asarray(marked) == hole).all(axis=2), 0, 255).astype(np.uint8)
    drawn.putalpha(Image.fromarray(alpha))
    return drawn
