"""When a person should look at an alert: how sure, how harmful, how far-reaching."""

from __future__ import annotations

from typing import Final

from detectors.model import Confidence, Listing, Priority, PriorityLevel, SellerHistory, Verdict

# Points. A sure finding alone is "high"; "urgent" takes a sure finding of a seller caught before.
_CONFIDENCE: Final = {Confidence.HIGH: 45, Confidence.MEDIUM: 25, Confidence.LOW: 5}
_SCORE_POINTS: Final = 15
_OFFERED: Final = 10
_PER_INFRINGEMENT: Final = 5
_PER_ALERT: Final = 3
_MOST_FOR_A_SELLER: Final = 15  # of each of the two kinds
_LICENSED_BEFORE: Final = -10
_LEVELS: Final = ((75, PriorityLevel.URGENT), (55, PriorityLevel.HIGH), (30, PriorityLevel.NORMAL))


def prioritize(verdict: Verdict, listing: Listing, history: SellerHistory) -> Priority:
    """How soon to look, from 0 to 100. Each reason opens with its points, and they add up to the score.

    Stronger evidence, a price, and more infringements or alerts of the seller never lower it.
    """
    parts = [
        (
            _CONFIDENCE[verdict.confidence] + round(_SCORE_POINTS * min(1.0, max(0.0, verdict.score))),
            f"confidence {verdict.confidence}, score {verdict.score:.2f}",
        ),
        *_harm(listing, history),
        *_reach(history),
    ]
    total = sum(points for points, _ in parts)
    if total < 0:
        parts.append((-total, "no priority is below zero"))
        total = 0
    level = next((level for least, level in _LEVELS if total >= least), PriorityLevel.LOW)
    return Priority(level, total, tuple(f"{points:+d} {why}" for points, why in parts))


def _harm(listing: Listing, history: SellerHistory) -> list[tuple[int, str]]:
    parts = []
    if listing.price is not None:
        parts.append((_OFFERED, f"offered for {listing.price} {listing.currency or ''}".rstrip()))
    if history.infringing > 0:
        points = min(_MOST_FOR_A_SELLER, _PER_INFRINGEMENT * history.infringing)
        parts.append((points, f"harm: {history.infringing} listings of this seller were found infringing"))
    elif history.licensed > 0:
        parts.append(
            (_LICENSED_BEFORE, f"{history.licensed} licensed and no infringing listings of this seller so far")
        )
    return parts


def _reach(history: SellerHistory) -> list[tuple[int, str]]:
    if history.alerts <= 0:
        return []
    points = min(_MOST_FOR_A_SELLER, _PER_ALERT * history.alerts)
    return [(points, f"reach: {history.alerts} other alerts on this seller")]
