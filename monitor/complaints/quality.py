"""How good our complaints were in a platform's eyes, and whether that lets more of them leave. Pure.

Platforms grade the complainant; what they count is not seen, so ours is an estimate (complaint-platforms.md, B.4).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.complaints.base import TargetState as T
from monitor.complaints.policy import Quality

LEAST_DECIDED = 20  # B.4: fewer say nothing, and never close the gate
_WARN_SUCCESS, _WARN_COUNTER = 0.03, 0.01  # B.4: warned at 0.93 and 0.04 where the bounds are 0.90 and 0.05
_DAYS_A_MONTH = 30

UPHELD = frozenset({T.REMOVED, T.EDITED, T.REAPPEARED})  # one that came back was taken down once
COUNTED = UPHELD | {T.REJECTED, T.REINSTATED, T.WITHDRAWN, T.VOID_GONE}


class Standing(StrEnum):
    """What the rates mean for the next complaint."""

    TOO_FEW = "too few"
    GOOD = "good"
    LOW = "low"  # near the bound
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Meter:
    """The listings decided within a platform's window, by what became of them.

    Attributes:
        countered: Back on sale, by a counter-notice that we accepted, lost or left unanswered.
        withdrawn: Taken back by us; they lower the rate as refused ones do.
        gone: Not there any more when the platform looked: shown, and counted neither way.
    """

    upheld: int = 0
    rejected: int = 0
    countered: int = 0
    withdrawn: int = 0
    gone: int = 0

    @property
    def decided(self) -> int:
        """How many count."""
        return self.upheld + self.rejected + self.countered + self.withdrawn

    @property
    def success_rate(self) -> float | None:
        """Share of the decided that was upheld; None while none is decided."""
        return self.upheld / self.decided if self.decided else None

    @property
    def counter_rate(self) -> float | None:
        """Share of the decided that a counter-notice brought back; None while none is decided."""
        return self.countered / self.decided if self.decided else None

    def standing(self, rule: Quality) -> Standing:
        """What the rates mean under a platform's bounds."""
        success, counter = self.success_rate, self.counter_rate
        if success is None or counter is None or self.decided < LEAST_DECIDED:
            return Standing.TOO_FEW
        if success < rule.success_min or counter > rule.counter_max:
            return Standing.CLOSED
        low = success < rule.success_min + _WARN_SUCCESS or counter > rule.counter_max - _WARN_COUNTER
        return Standing.LOW if low else Standing.GOOD

    def __add__(self, other: Meter) -> Meter:
        return Meter(
            self.upheld + other.upheld,
            self.rejected + other.rejected,
            self.countered + other.countered,
            self.withdrawn + other.withdrawn,
            self.gone + other.gone,
        )

    def __str__(self) -> str:
        shares = (("upheld", self.success_rate), ("brought back by counter-notices", self.counter_rate))
        told = ", ".join(f"{share:.0%} {name}" for name, share in shares if share is not None)
        return f"{told or 'nothing'} of {self.decided} listings decided"


def meter(counts: Iterable[tuple[str, int]]) -> Meter:
    """The meter of so many listings in each target state; states that decide nothing are left out."""
    by_state = dict.fromkeys(T, 0)
    for state, count in counts:
        by_state[T(state)] += count
    return Meter(
        upheld=sum(by_state[state] for state in UPHELD),
        rejected=by_state[T.REJECTED],
        countered=by_state[T.REINSTATED],
        withdrawn=by_state[T.WITHDRAWN],
        gone=by_state[T.VOID_GONE],
    )


def window_begins(rule: Quality, now: datetime) -> datetime:
    """Since when a platform's sliding window counts."""
    return now - timedelta(days=rule.window_months * _DAYS_A_MONTH)
