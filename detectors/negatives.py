"""Whether what looks like a work is rather a picture that must not match: a stock background, a licensed lookalike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from detectors import outline
from detectors.describe import Description
from detectors.features import Features
from detectors.model import Match, Region
from detectors.works import FEATURES, WorksIndex

_AS_MANY: Final = 0.8  # a compressed picture of a thing has some fewer points than the clean one


def explained(
    description: Description,
    matches: Sequence[Match],
    works: WorksIndex,
    negatives: WorksIndex,
    of_work: Mapping[int, int | None],
) -> dict[int, int]:
    """The works of which a picture shows no more than a negative reference explains, with that negative's id.

    The rule: each detector that found the work finds the negative at least as well, in that very place. A copy that
    lies on a stock background, or beside one, is thus a copy: where it was found, there is nothing of the background.

    Args:
        description: The picture's.
        matches: What ``works`` found on it.
        negatives: Holds each negative reference under its id as if it were a work.
        of_work: By negative: the one work it holds for, or None for all.
    """
    others = _by_work(negatives.matches(description))
    found = {}
    for work_id, own in _by_work(matches).items() if others else ():
        asked = {number for number in others if of_work.get(number) in (None, work_id)}
        asked &= _nearer_by_hashes(own, others) & _nearer_by_outline(own, others)
        if any(match.detector == FEATURES for match in own):
            asked &= _nearer_by_features(description, work_id, own, works, negatives)
        if asked:
            found[work_id] = min(asked)
    return found


def _nearer_by_hashes(own: Sequence[Match], others: Mapping[int, Sequence[Match]]) -> set[int]:
    """The negatives that are nearer by every hash of every region that came near the work."""
    near = {(m.detector, m.region): m.distance_bits for m in own if m.distance_bits is not None}
    return {
        number
        for number, theirs in others.items()
        if all(
            any(m.detector == detector and m.region == region and (m.distance_bits or 0) <= bits for m in theirs)
            for (detector, region), bits in near.items()
        )
    }


def _nearer_by_outline(own: Sequence[Match], others: Mapping[int, Sequence[Match]]) -> set[int]:
    """The negatives whose lines run along the picture's at least as well as the work's do."""
    wanted = _outlined(own)
    return {number for number, theirs in others.items() if _outlined(theirs) >= wanted}


def _outlined(matches: Sequence[Match]) -> float:
    return max((match.score or 0.0 for match in matches if match.detector == outline.NAME), default=0.0)


def _nearer_by_features(
    description: Description, work_id: int, own: Sequence[Match], works: WorksIndex, negatives: WorksIndex
) -> set[int]:
    """The negatives of which as many points agree, counting only the points where the work was found."""
    best = max((match for match in own if match.detector == FEATURES), key=lambda match: match.score or 0.0)
    if works.shortlist([best]):
        return set()  # its points are not held: rather a person looks once more than that a copy is set aside
    inside = _within(description, best.region)
    wanted = max((_agreeing(match) for match in works.matches(inside) if match.work_id == work_id), default=0.0)
    return {match.work_id for match in negatives.matches(inside) if _agreeing(match) > _AS_MANY * wanted}


def _agreeing(match: Match) -> float:
    return (match.score or 0.0) if match.detector == FEATURES else 0.0


def _within(description: Description, region: Region) -> Description:
    """What of a description lies in a region: its points alone."""
    points, (width, height) = description.features.points, description.scale
    left, top, right, bottom = region.box
    x, y = points[:, 0] / width, points[:, 1] / height
    inside = np.flatnonzero((x >= left) & (x <= right) & (y >= top) & (y <= bottom))
    kept = Features(points[inside], description.features.descriptors[inside])
    return replace(description, fingerprints=(), features=kept)


def _by_work(matches: Iterable[Match]) -> dict[int, list[Match]]:
    found: dict[int, list[Match]] = {}
    for match in matches:
        found.setdefault(match.work_id, []).append(match)
    return found
