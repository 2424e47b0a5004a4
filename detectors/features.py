"""Local features: distinctive points of a picture and what surrounds each, comparable across turning and resizing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 128  # 4 rows x 4 columns x 8 directions
KEPT: Final = 64  # coarsest cosines of the 128 hold 90 % of the variance over 80 drawings; no recall is lost
_SCALE: Final = 512.0  # RootSIFT values seldom pass 0.5; saturating there spends the byte on the common range
CONTRAST: Final = 0.03  # OpenCV has 0.04; 0.02 finds one more of 270 copies for a third more time
FAINT: Final = 0.02  # for references, so that plain designs have points at all
_AMBIGUOUS: Final = 0.05  # share by which two halves must differ before noise no longer swaps them
_SAME_PLACE: Final = 0.006
_SAME_TURN: Final = 0.25
_SAME_SIZE: Final = 0.2  # natural logarithm
_SAME_LOOK: Final = 130.0  # between descriptors; a true pair of a fair copy is about as far apart
_OFFSET: Final = 128.0

_CELLS = np.arange(WIDTH).reshape(4, 4, 8)
_MIRRORED: Final = _CELLS[::-1][:, :, -np.arange(8) % 8].reshape(-1)  # rows swap, directions change sense
_INVERTED: Final = _CELLS[::-1, ::-1].reshape(-1)  # light for dark turns the point by 180 degrees


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Points of one picture and their surroundings.

    Attributes:
        points: n x 4 float32: x, y and diameter in fractions of the picture's long side, angle in radians (clockwise).
        descriptors: n x 128 uint8, RootSIFT.
    """

    points: NDArray[np.float32]
    descriptors: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def none(cls) -> Self:
        """No point at all."""
        return cls(np.zeros((0, 4), np.float32), np.zeros((0, WIDTH), np.uint8))

    def within(self, share: float, origin: tuple[float, float]) -> Features:
        """The same points seen from a larger picture, whose long side is 1 / ``share`` of this one's."""
        points = self.points.copy()
        points[:, :3] *= share
        points[:, :2] += np.array(origin, np.float32)
        return Features(points, self.descriptors)

    def unlike(self, other: Features, limit: int) -> Features:
        """The first points that ``other`` lacks: none of its points at the same place looks alike."""
        if not len(self) or not len(other):
            return Features(self.points[:limit], self.descriptors[:limit])
        gap = np.abs(self.points[:, None] - other.points[None])
        there = (np.hypot(gap[..., 0], gap[..., 1]) < _SAME_PLACE) & (
            np.minimum(gap[..., 3], 2 * np.pi - gap[..., 3]) < _SAME_TURN
        )
        there &= np.abs(np.log(self.points[:, None, 2] / other.points[None, :, 2])) < _SAME_SIZE
        one, another = self.descriptors.astype(np.float32), other.descriptors.astype(np.float32)
        square = (one**2).sum(axis=1)[:, None] + (another**2).sum(axis=1)[None] - 2 * one @ another.T
        new = np.flatnonzero(~(there & (square < _SAME_LOOK**2)).any(axis=1))[:limit]
        return Features(self.points[new], self.descriptors[new])

    def joined(self, other: Features) -> Features:
        """The points of both."""
        return Features(
            np.concatenate([self.points, other.points]), np.concatenate([self.descriptors, other.descriptors])
        )


def extract(grey: NDArray[np.uint8], limit: int, contrast: float) -> Features:
    """The most contrasting points of a grey picture, at most ``limit``, the strongest first.

    Positions come in fractions of its long side.

    Source: D. Lowe, SIFT, 2004, by OpenCV; R. Arandjelovic and A. Zisserman, RootSIFT, 2012.
    """
    import cv2  # tens of MB: only a process that examines pictures pays

    sift = cv2.SIFT_create(nfeatures=limit, contrastThreshold=contrast)  # type: ignore[attr-defined]
    found, raw = sift.detectAndCompute(grey, None)
    if raw is None or not found:
        return Features.none()
    long = float(max(grey.shape))
    order = sorted(range(len(found)), key=lambda at: -found[at].response)[:limit]
    found, raw = [found[at] for at in order], np.asarray(raw)[order]
    points = [((p.pt[0] + 0.5) / long, (p.pt[1] + 0.5) / long, p.size / long, np.deg2rad(p.angle)) for p in found]
    return Features(np.array(points, np.float32), _root(raw))


def _root(raw: NDArray[np.float32]) -> NDArray[np.uint8]:
    shares = raw / np.maximum(raw.sum(axis=1, keepdims=True), 1.0)
    return np.asarray(np.minimum(np.sqrt(shares) * _SCALE, 255.0), dtype=np.uint8)


_Part = tuple[NDArray[np.uint8], NDArray[np.intp], bool, bool]


@dataclass(frozen=True, slots=True)
class Variants:
    """Descriptors in a form that mirroring and swapping light for dark leave as it is.

    Attributes:
        vectors: m x 64 uint8.
        feature: m: which feature each was made of.
        mirrored, inverted: m bool: what was done to bring it into this form.
    """

    vectors: NDArray[np.uint8]
    feature: NDArray[np.intp]
    mirrored: NDArray[np.bool_]
    inverted: NDArray[np.bool_]


def variants(features: Features, every: bool) -> Variants:
    """Bring descriptors into canonical form: the heavier columns right, then the heavier rows up.

    A copy's points, mirrored or inverted, come out like the original's, so one search serves all four. With ``every``
    a descriptor whose halves weigh nearly the same is given in each form that noise might choose (for references).
    """
    slack = _AMBIGUOUS if every else 0.0
    weight = features.descriptors.reshape(-1, 4, 4, 8).sum(axis=3, dtype=np.float32)
    total = weight.sum(axis=(1, 2)) + 1e-6
    right = (weight[:, :, 2:].sum(axis=(1, 2)) - weight[:, :, :2].sum(axis=(1, 2))) / total
    up = (weight[:, :2].sum(axis=(1, 2)) - weight[:, 2:].sum(axis=(1, 2))) / total
    parts: list[_Part] = []
    for inverted in (False, True):
        columns = right <= slack if inverted else right >= -slack
        for mirrored in (False, True):
            rows = -up if inverted else up  # inverting also swaps the rows
            chosen = np.flatnonzero(columns & ((rows <= slack) if mirrored else (rows >= -slack)))
            order = _INVERTED if inverted else np.arange(WIDTH)
            order = order[_MIRRORED] if mirrored else order
            parts.append((features.descriptors[chosen][:, order], chosen, mirrored, inverted))
    if not every:
        parts = _first_of_each(parts, len(features))
    return Variants(
        _project(np.concatenate([d for d, _, _, _ in parts])),
        np.concatenate([c for _, c, _, _ in parts]),
        np.concatenate([np.full(len(c), m) for _, c, m, _ in parts]),
        np.concatenate([np.full(len(c), i) for _, c, _, i in parts]),
    )


def _first_of_each(parts: list[_Part], features: int) -> list[_Part]:
    """Halves of exactly equal weight fit two forms; a query needs one."""
    seen = np.zeros(features, bool)
    kept = []
    for descriptors, chosen, mirrored, inverted in parts:
        new = ~seen[chosen]
        seen[chosen] = True
        kept.append((descriptors[new], chosen[new], mirrored, inverted))
    return kept


def _cosines() -> NDArray[np.float32]:
    """128 x 64: the orthonormal cosine transform over rows, columns and directions, its coarsest waves only."""

    def basis(size: int) -> NDArray[np.float64]:
        waves = np.cos(np.pi * np.outer(np.arange(size) + 0.5, np.arange(size)) / size) * np.sqrt(2 / size)
        waves[:, 0] /= np.sqrt(2)
        return np.asarray(waves)

    full = np.asarray(np.einsum("ai,bj,ck->abcijk", basis(4), basis(4), basis(8)), np.float32).reshape(WIDTH, WIDTH)
    row, column, direction = np.unravel_index(np.arange(WIDTH), (4, 4, 8))
    coarseness = (1 + row) * (1 + column) * (1 + direction / 1.6)
    return full[:, np.argsort(coarseness, kind="stable")[:KEPT]]


_PROJECTION: Final = _cosines()
_CONSTANT: Final = 330.0  # mean of the first cosine, the descriptor's sum
_SHRINK: Final = 0.7  # brings 99.9 % of the cosines into the byte


def _project(descriptors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    vectors: NDArray[np.float32] = descriptors.astype(np.float32) @ _PROJECTION
    vectors[:, 0] -= _CONSTANT
    return np.clip(np.round(vectors * _SHRINK + _OFFSET), 0, 255).astype(np.uint8)
