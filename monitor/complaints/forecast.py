"""What a batch is likely to yield, from what became of those before it; and what to leave out where that is too little.

Pure. Outcomes are told apart by how sure the finding was (requirements N4: a batch that would push a rate over its
bound is held, its weakest rows named; leaving them out clears the hold).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from monitor.complaints.policy import Quality
from monitor.complaints.quality import LEAST_DECIDED, Meter

LEAST_ALIKE: Final = 5  # decided listings of one confidence before they speak for the next ones of it
_NINE_IN_TEN: Final = 1.645  # standard deviations


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of a batch.

    Attributes:
        listings: How many it has.
        upheld, low, high: How many are expected to be upheld; nine in ten such batches have between low and high.
        decided: How many decided listings say so.
        weakest: What has to be left out, by alert, so that no rate is expected beyond its bound; empty where none is.
    """

    listings: int
    upheld: float
    low: int
    high: int
    decided: int
    weakest: tuple[int, ...] = ()

    def __str__(self) -> str:
        told = f"about {self.upheld:.0f} of {self.listings} are likely to be upheld ({self.low} to {self.high})"
        return f"{told}, by {self.decided} decided"


@dataclass(frozen=True, slots=True)
class _Odds:
    """What one more listing like these is likely to come to."""

    upheld: float
    countered: float
    decided: int

    @property
    def variance(self) -> float:
        """Of one listing, without the doubt about the rate itself; never nothing, however well it went so far."""
        share = (self.upheld * self.decided + 1) / (self.decided + 2)
        return share * (1 - share)


def forecast(past: Mapping[str, Meter], batch: Mapping[int, str], rule: Quality) -> Forecast | None:
    """The outcome expected of a batch; None while too few are decided to say.

    Args:
        past: What became of earlier listings of this account and reason, by the confidence of their findings.
        batch: The confidence of each listing's finding, by alert.
    """
    whole = sum(past.values(), Meter())
    if whole.decided < LEAST_DECIDED or not batch:
        return None
    odds = {alert_id: _odds(past.get(confidence, Meter()), whole) for alert_id, confidence in batch.items()}
    kinds: dict[_Odds, int] = {}
    for one in odds.values():
        kinds[one] = kinds.get(one, 0) + 1
    expected = sum(one.upheld for one in odds.values())
    spread = _NINE_IN_TEN * math.sqrt(sum(n * one.variance * (1 + n / one.decided) for one, n in kinds.items()))
    low, high = max(0, math.floor(expected - spread)), min(len(batch), math.ceil(expected + spread))
    return Forecast(len(batch), expected, low, high, whole.decided, _weakest(odds, whole, rule))


def _odds(alike: Meter, whole: Meter) -> _Odds:
    read = alike if alike.decided >= LEAST_ALIKE else whole
    return _Odds(read.upheld / read.decided, read.countered / read.decided, read.decided)


def _weakest(odds: Mapping[int, _Odds], whole: Meter, rule: Quality) -> tuple[int, ...]:
    """The listings that would push a rate beyond its bound, those likeliest to fail first; a closed gate has none."""
    if not _holds((), whole, rule):
        return ()
    doubtful = sorted(odds, key=lambda alert_id: (odds[alert_id].upheld - odds[alert_id].countered, alert_id))
    left = list(doubtful)
    while not _holds([odds[alert_id] for alert_id in left], whole, rule):
        left.pop(0)
    return tuple(doubtful[: len(doubtful) - len(left)])


def _holds(batch: Collection[_Odds], whole: Meter, rule: Quality) -> bool:
    decided = whole.decided + len(batch)
    upheld = whole.upheld + math.fsum(one.upheld for one in batch)
    countered = whole.countered + math.fsum(one.countered for one in batch)
    slack = 1e-9 * decided  # sums of shares are not exact
    return upheld + slack >= rule.success_min * decided and countered - slack <= rule.counter_max * decided
