"""Which pairs of points agree on one placement of a reference in a picture. Deterministic: no random sampling."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST_INLIERS: Final = 3
_TOLERANCE: Final = 0.04  # of the reference's extent: bent cloth and perspective stay within
_SIZE_SLACK: Final = 0.5  # natural logarithm
_TURN_SLACK: Final = 0.6  # radians
_PLACES: Final = 400  # to a side: points nearer than that are one place
_HYPOTHESES: Final = 3  # the best supported that are refined
_REFINEMENTS: Final = 3
_STIFFNESS: Final = 0.0005  # how firmly few points are held to a placement without shear
_MOST_SHEAR: Final = 2.2  # ratio of the two stretchings: a picture photographed at 63 degrees
_LINE: Final = 0.05  # points within this of one line, in extents, say little: lettering matches lettering

Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Candidate pairs of a reference's and a picture's points.

    Attributes:
        reference, picture: m x 4 as in ``Features.points``.
        mirrored, inverted: m bool: how the two points' surroundings differ.
        weight: m in 0 to 1: how much nearer the pair is than the next work's nearest point.
    """

    reference: NDArray[np.float32]
    picture: NDArray[np.float32]
    mirrored: NDArray[np.bool_]
    inverted: NDArray[np.bool_]
    weight: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a reference lies in a picture.

    Attributes:
        matrix: 2 x 3, from fractions of the reference's long side to fractions of the picture's.
        inliers: Indices of the pairs that agree, one to one.
        mirrored: Whether the copy is a mirror image.
        score: Sum of the agreeing pairs' weights, less where they lie on one line.
    """

    matrix: NDArray[np.float64]
    inliers: NDArray[np.intp]
    mirrored: bool
    score: float


def place(pairs: Pairs) -> Placement | None:
    """The placement that most pairs agree on, by weight; None where fewer than three do."""
    found = [
        placement
        for mirrored in (False, True)
        for placement in _placements(pairs, np.flatnonzero(pairs.mirrored == mirrored), mirrored)
    ]
    return max(found, key=lambda placement: placement.score, default=None)


def _placements(pairs: Pairs, chosen: NDArray[np.intp], mirrored: bool) -> list[Placement]:
    if len(chosen) < LEAST_INLIERS:
        return []
    vote = _Votes(pairs, chosen, mirrored)
    agree = vote.agreement()
    support = np.where(agree.sum(axis=1) >= LEAST_INLIERS, agree @ pairs.weight[chosen], 0.0)
    found: list[Placement] = []
    tried = np.zeros(len(chosen), bool)
    for best in np.argsort(-support, kind="stable")[:_HYPOTHESES]:
        if support[best] > 0 and not tried[best]:
            placement = vote.refine(best, agree[best])
            tried |= agree[best]
            found += [] if placement is None else [placement]
    return found


class _Votes:
    """Each pair alone proposes one placement: its points' sizes and angles give scale and turn."""

    def __init__(self, pairs: Pairs, chosen: NDArray[np.intp], mirrored: bool) -> None:
        reference, picture = pairs.reference[chosen].astype(float), pairs.picture[chosen].astype(float)
        self.chosen, self.mirrored, self.weight = chosen, mirrored, pairs.weight[chosen]
        self.sign = -1.0 if mirrored else 1.0
        self.start: Complex = self.sign * reference[:, 0] + 1j * reference[:, 1]
        self.end: Complex = picture[:, 0] + 1j * picture[:, 1]
        angle = np.pi - reference[:, 3] if mirrored else reference[:, 3]
        self.turn = picture[:, 3] + np.pi * pairs.inverted[chosen] - angle
        self.growth = np.log(picture[:, 2] / reference[:, 2])
        self.extent = max(float(np.ptp(reference[:, 0])), float(np.ptp(reference[:, 1])), 0.05)

    def agreement(self) -> NDArray[np.bool_]:
        """m x m: whether pair j fits the placement that pair i proposes."""
        spin = np.exp(self.growth + 1j * self.turn)
        miss = np.abs(spin[:, None] * (self.start[None] - self.start[:, None]) - (self.end[None] - self.end[:, None]))
        near = miss < 2 * _TOLERANCE * self.extent * np.abs(spin)[:, None]
        sized = np.abs(self.growth[:, None] - self.growth[None]) < _SIZE_SLACK
        return np.asarray(near & sized & (_angle(self.turn[:, None] - self.turn[None]) < _TURN_SLACK))

    def refine(self, best: np.intp, agree: NDArray[np.bool_]) -> Placement | None:
        """Fit an affine placement to the pairs that agree, take those that fit it, and again."""
        spin = np.exp(self.growth[best] + 1j * self.turn[best])
        linear = np.array([[spin.real, -spin.imag], [spin.imag, spin.real]])
        inside = np.flatnonzero(agree)
        shift = np.zeros(2)
        for _ in range(_REFINEMENTS):
            if len(inside) < LEAST_INLIERS:
                return None
            linear, shift = self._fit(inside, linear)
            inside = self._fitting(linear, shift)
        inside = self._one_to_one(inside)
        if len(inside) < LEAST_INLIERS or not _sane(linear):
            return None
        thickness = _thickness(self.start[inside]) / self.extent
        score = float(self.weight[inside].sum()) * min(1.0, thickness / _LINE)
        matrix = np.column_stack([linear * [self.sign, 1.0], shift])
        return Placement(matrix, self.chosen[inside], self.mirrored, score)

    def _fit(self, inside: NDArray[np.intp], prior: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        start, end = self.start[inside].view(float).reshape(-1, 2), self.end[inside].view(float).reshape(-1, 2)
        centre, target = start.sum(axis=0) / len(inside), end.sum(axis=0) / len(inside)
        stiff = _STIFFNESS * len(inside) * self.extent**2
        normal = (start - centre).T @ (start - centre) + stiff * np.eye(2)
        linear = ((end - target).T @ (start - centre) + stiff * prior) @ _inverse(normal)
        return linear, target - linear @ centre

    def _fitting(self, linear: NDArray[np.float64], shift: NDArray[np.float64]) -> NDArray[np.intp]:
        (a, b), (c, d) = linear.tolist()
        scale = math.sqrt(max(abs(a * d - b * c), 1e-12))
        alike, mirrored = complex(a + d, c - b) / 2, complex(a - d, c + b) / 2  # of a linear map of the plane
        miss = np.abs(alike * self.start + mirrored * self.start.conj() + complex(*shift) - self.end)
        near = miss < _TOLERANCE * self.extent * scale
        sized = np.abs(self.growth - math.log(scale)) < _SIZE_SLACK
        return np.flatnonzero(near & sized & (_angle(self.turn - cmath.phase(alike)) < _TURN_SLACK))

    def _one_to_one(self, inside: NDArray[np.intp]) -> NDArray[np.intp]:
        """Each place once on either side, the surest pair first: a point with two angles is still one place."""
        taken: set[tuple[str, float, float]] = set()
        kept = []
        start, end = (np.round(where * _PLACES) for where in (self.start, self.end))
        for at in inside[np.argsort(-self.weight[inside], kind="stable")]:
            places = {("reference", start[at].real, start[at].imag), ("picture", end[at].real, end[at].imag)}
            if taken.isdisjoint(places):
                taken |= places
                kept.append(at)
        return np.array(kept, dtype=np.intp)


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of 2 x 2: numpy's own takes ten times as long on so few numbers."""
    (a, b), (c, d) = matrix.tolist()
    return np.asarray(np.array([[d, -b], [-c, a]]) / (a * d - b * c))


def _sane(linear: NDArray[np.float64]) -> bool:
    """Whether a placement neither turns the reference over nor shears it more than a photograph can."""
    (a, b), (c, d) = linear.tolist()
    growth, flip = math.hypot(a + d, c - b), math.hypot(a - d, c + b)  # sum and difference of the two stretchings
    return bool(growth > flip and growth + flip <= _MOST_SHEAR * (growth - flip))


def _angle(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs((difference + np.pi) % (2 * np.pi) - np.pi)


def _thickness(where: Complex) -> float:
    """The standard deviation of points across the line that fits them best."""
    apart = where - where.sum() / len(where)
    both, along = np.vdot(apart, apart).real, abs(complex((apart * apart).sum()))
    return math.sqrt(max(both - along, 0.0) / 2 / (len(where) - 1))
