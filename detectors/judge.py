"""From findings to a conclusion about each work, with reasons that a person can check."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from detectors.model import WHOLE, Confidence, Match, Verdict

_HASH_BITS: Final = 256
_SURE: Final = 0.75  # two findings of this strength by different detectors: both hashes within half their radius


def judge(matches: Sequence[Match]) -> list[Verdict]:
    """One verdict for each work among a listing's findings, the surest first.

    A work's score is the chance that not all its findings are accidents, taking each detector's best finding and the
    detectors as independent. More or stronger findings never lower it. ``high`` takes two detectors: a picture can be
    made to fool one hash (promise S19).
    """
    by_work: dict[int, list[Match]] = defaultdict(list)
    for match in matches:
        by_work[match.work_id].append(match)
    verdicts = [_verdict(work_id, found) for work_id, found in by_work.items()]
    return sorted(verdicts, key=lambda verdict: (-verdict.score, verdict.work_id))


def strength(match: Match) -> float:
    """How far a finding passed its threshold: 0.5 at the threshold, 1 for a perfect one."""
    if match.distance_bits is not None:
        return 1.0 - match.distance_bits / (2 * max(match.threshold, 1.0))
    if match.score is not None:
        return 1.0 - 0.5 * match.threshold / max(match.score, match.threshold)
    return 0.0


def _verdict(work_id: int, matches: Iterable[Match]) -> Verdict:
    ordered = sorted(matches, key=lambda match: (-strength(match), match.detector, match.reference_id))
    best: dict[str, float] = {}
    for match in ordered:
        best.setdefault(match.detector, strength(match))
    doubt = 1.0
    for value in best.values():
        doubt *= 1.0 - value
    return Verdict(
        work_id,
        _confidence(sorted(best.values(), reverse=True)),
        round(1.0 - doubt, 6),
        tuple(ordered),
        tuple(_reason(match) for match in ordered),
    )


def _confidence(strengths: Sequence[float]) -> Confidence:
    if len(strengths) >= 2:
        return Confidence.HIGH if strengths[1] >= _SURE else Confidence.MEDIUM
    return Confidence.MEDIUM if strengths[0] >= _SURE else Confidence.LOW


def _reason(match: Match) -> str:
    where = "" if match.region == WHOLE else f", in the picture's {match.region.name}"
    turned = "" if match.orientation == 0 else f", {_turn(match.orientation)}"
    if match.distance_bits is not None:
        measure = f"{match.distance_bits} of {_HASH_BITS} bits differ, up to {match.threshold:g} count"
    else:
        measure = f"score {match.score or 0.0:.3g}, from {match.threshold:g} on it counts"
    return f"{match.detector} {match.version} finds reference {match.reference_id}{where}{turned}: {measure}"


def _turn(orientation: int) -> str:
    degrees = orientation % 4 * 90
    parts = ["mirrored"] if orientation >= 4 else []
    return " and ".join(parts + ([f"turned by {degrees} degrees"] if degrees else []))
