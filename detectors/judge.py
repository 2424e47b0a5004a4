"""From findings to a conclusion about each work, with reasons that a person can check."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from detectors import layout, lettering, logos, outline, shape
from detectors.model import WHOLE, Confidence, Match, Verdict

_HASH_BITS: Final = 256
SHIPPED: Final = 0.78  # from this score on a person is asked to look; docs/detection.md has recall and false alerts
_SURE: Final = 0.86
_PER_OUTLINE: Final = 10.8  # with 12 three more of 750 innocents alert, and 2 more of 720 copies are found
_PER_SHAPE: Final = 2.0
_PER_LAYOUT: Final = 14.0
_MOST_FOR_A_LAYOUT: Final = 2.0  # among few works a lead is soon large
_PER_MARK: Final = 6.5  # a word mark written out, or a logo, is shown to a person on its own, as medium
_PER_LOGO_POINT: Final = 0.05  # beyond those that make it a finding: the order in which people look
_PER_HASH: Final = 3.0  # a perfect one alone stays below the shipped score: it can be forged (promise S19)
# Points agree but the outlines around them do not: a part is shared (clip art, a motif, a frame), not the design.
# Tried on a benchmark set and on the demo bazaar, whose innocents share parts with works: of 38 false alerts 5 stayed,
# 2 of 144 copies fell below the shipped score.
_OUTLINE_OF_A_WHOLE: Final = 0.62  # at 0.58 two more of 750 innocents alerted, and 1 more of 720 copies was found
FEATURES_OF_A_WHOLE: Final = 22.0  # more agreeing points than any shared part gave
# Or fewer that lie far apart: of a copy bent on cloth or half covered by a hand the outlines do not agree. Of 4,500
# innocents (seeds 1 to 3) none had more than 6.1, all of them near together; of the demo bazaar's, one 7.5, far apart.
_FEATURES_FAR_APART: Final = 10.0
_FAR_APART: Final = 0.1  # of the reference: the box around the points that agree
_MOST_FOR_A_PART: Final = 6.0  # just below the shipped score
_PLAIN_FOR_A_PART: Final = 5.0  # from there on more evidence still ranks a part before others, ever closer to the most
_DOUBT: Final = 4.0  # evidence that brings the score to 1 - 1/e


_SHIPPED_FOR_ALL: Final[Mapping[int, float]] = {}


def judge(
    matches: Sequence[Match], least: float = SHIPPED, thresholds: Mapping[int, float] = _SHIPPED_FOR_ALL
) -> list[Verdict]:
    """One verdict for each work among a listing's findings, the surest first.

    A work's score is 1 - exp(-evidence / 4), where the detectors' best findings add up. More or stronger findings
    never lower it. ``high`` takes two detectors: a picture can be made to fool one hash (promise S19).

    Args:
        matches: Of all pictures of one listing, in any order.
        least: Verdicts with a lower score are left out.
        thresholds: By work, where innocent pictures come nearer than ``least``; only ever asks for more.
    """
    by_work: dict[int, list[Match]] = defaultdict(list)
    for match in matches:
        by_work[match.work_id].append(match)
    verdicts = [_verdict(work_id, found) for work_id, found in by_work.items()]
    kept = (v for v in verdicts if v.score >= max(least, thresholds.get(v.work_id, 0.0)))
    return sorted(kept, key=lambda verdict: (-verdict.score, verdict.work_id))


def evidence(match: Match) -> float:
    """How much a finding says, from 0 on; findings of different detectors add up.

    The features' score counts as it is, an outline's by what it has over unrelated pictures, a hash's by how far it
    stays below its radius. Weights: tried on 1,540 pictures, see docs/detection.md.
    """
    if match.distance_bits is not None:
        return _PER_HASH * max(0.0, 1.0 - match.distance_bits / max(match.threshold, 1.0))
    if match.score is None:
        return 0.0
    if match.detector == lettering.NAME:
        return _PER_MARK * match.score
    if match.detector == logos.NAME:
        return _PER_MARK + _PER_LOGO_POINT * (match.score - match.threshold)
    if match.detector == outline.NAME:
        return _PER_OUTLINE * max(0.0, match.score - match.threshold)
    if match.detector == shape.NAME:
        return _PER_SHAPE * max(0.0, match.score - match.threshold)
    if match.detector == layout.NAME:
        return min(_MOST_FOR_A_LAYOUT, _PER_LAYOUT * max(0.0, match.score - match.threshold))
    return max(0.0, match.score)


def _verdict(work_id: int, matches: Iterable[Match]) -> Verdict:
    ordered = sorted(matches, key=lambda match: (-evidence(match), match.detector, match.reference_id))
    best: dict[str, float] = {}
    for match in ordered:
        best.setdefault(match.detector, evidence(match))
    score = round(1.0 - math.exp(-_total(best, ordered) / _DOUBT), 6)
    return Verdict(
        work_id,
        _confidence(score, len({"features" if name == logos.NAME else name for name in best})),
        score,
        tuple(ordered),
        tuple(_reason(match) for match in ordered),
    )


def _total(best: Mapping[str, float], matches: Iterable[Match]) -> float:
    whole = any(_of_a_whole(match) for match in matches)
    written, small = best.get(lettering.NAME, 0.0), best.get(logos.NAME, 0.0)
    drawn = sum(best.values()) - written - small
    return written + max(small, drawn if whole else _of_a_part(drawn))


def _of_a_whole(match: Match) -> bool:
    """Whether a finding says by itself that more than a part is shared."""
    score = match.score or 0.0
    if match.detector == outline.NAME:
        return score >= _OUTLINE_OF_A_WHOLE
    if match.detector != "features":
        return False
    left, top, right, bottom = match.reference_region.box
    spread = (right - left) * (bottom - top)
    return score >= (_FEATURES_FAR_APART if spread >= _FAR_APART else FEATURES_OF_A_WHOLE)


def _of_a_part(drawn: float) -> float:
    beyond, room = max(0.0, drawn - _PLAIN_FOR_A_PART), _MOST_FOR_A_PART - _PLAIN_FOR_A_PART
    return min(drawn, _PLAIN_FOR_A_PART) + room * (1.0 - math.exp(-beyond / room / 8))


def _confidence(score: float, detectors: int) -> Confidence:
    if score >= _SURE and detectors >= 2:
        return Confidence.HIGH
    return Confidence.MEDIUM if score >= SHIPPED else Confidence.LOW


def _reason(match: Match) -> str:
    where = "" if match.region == WHOLE else f", in the picture's {match.region.name}"
    turned = "" if match.orientation == 0 else f", {_turn(match.orientation)}"
    if match.distance_bits is not None:
        measure = f"{match.distance_bits} of {_HASH_BITS} bits differ, up to {match.threshold:g} count"
    else:
        agreeing = "" if match.inliers is None else f"{match.inliers} points agree on one placement, "
        measure = f"{agreeing}score {match.score or 0.0:.3g}, from {match.threshold:g} on it counts"
    return f"{match.detector} {match.version} finds reference {match.reference_id}{where}{turned}: {measure}"


def _turn(orientation: int) -> str:
    degrees = orientation % 4 * 90
    parts = ["mirrored"] if orientation >= 4 else []
    return " and ".join(parts + ([f"turned by {degrees} degrees"] if degrees else []))
