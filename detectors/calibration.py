"""From which score on each work's findings mean something, measured on pictures that do not show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from detectors.judge import SHIPPED
from detectors.model import Verdict

if TYPE_CHECKING:
    from detectors.describe import Description

HIGHEST: Final = 0.995  # a faithful copy scores more, whatever innocent pictures do
_MARGIN: Final = 0.005
_WEAK: Final = 0.97  # where innocent pictures come this near, only faithful copies are told from them
LEAST_POINTS: Final = 150  # a disc has 95, a smiling face 137; a fifth of 60 clip-art drawings has fewer


@dataclass(slots=True)
class Calibration:
    """What innocent pictures came to, work by work.

    Attributes:
        pictures: How many were compared.
        nearest: By work: the highest score that one of them got.
        by_reference: The same by the reference that the strongest finding was of.
    """

    pictures: int = 0
    nearest: dict[int, float] = field(default_factory=dict)
    by_reference: dict[int, float] = field(default_factory=dict)

    def add(self, verdicts: list[Verdict], shown: int | None = None) -> None:
        """Count one picture's verdicts, judged with no least score; it shows the work ``shown`` or none."""
        self.pictures += 1
        for verdict in verdicts:
            if verdict.work_id == shown:
                continue
            self.nearest[verdict.work_id] = max(verdict.score, self.nearest.get(verdict.work_id, 0.0))
            reference = verdict.matches[0].reference_id
            self.by_reference[reference] = max(verdict.score, self.by_reference.get(reference, 0.0))

    def threshold(self, work_id: int) -> float:
        """The score from which on a person is asked to look: just above where false matches start, never below shipped.

        Of n pictures like these, an n + 1st passes it with a probability of at most 1 / (n + 1).
        """
        nearest = self.nearest.get(work_id, 0.0)
        return SHIPPED if nearest < SHIPPED else min(HIGHEST, round(nearest + _MARGIN, 6))

    def weak(self, reference_id: int) -> str | None:
        """Why a reference is weak by what was measured."""
        nearest = self.by_reference.get(reference_id, 0.0)
        return f"innocent pictures come as near as {nearest:.2f}" if nearest >= _WEAK else None


def weak_at_sight(description: Description) -> str | None:
    """Why little can be told by a reference, by itself: a smiley, a plain sign, a letter; None if enough can."""
    points = len(description.features)
    if points >= LEAST_POINTS:
        return None
    return f"only {points} points to know it by: other plain pictures may look like it, and edited copies unlike it"


def weaknesses(measured: Calibration, descriptions: Mapping[int, Description]) -> dict[int, str | None]:
    """Of every reference by id: why it is weak, or that it is not."""
    return {
        reference_id: weak_at_sight(description) or measured.weak(reference_id)
        for reference_id, description in descriptions.items()
    }
