"""What a drawing looks like as a whole, whatever its ink, turn, mirroring or slant: for designs with few points.

A region's lines are brought into a frame of their own, in which they spread equally to all sides. There a slanted copy
differs from the original by a turn alone, and the strengths of a ring's waves do not change with that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from detectors.outline import Matrix, Pyramid, lines

NAME: Final = "shape"
VERSION: Final = 1
_SIDE: Final = 48  # grid pixels of the frame
_REACH: Final = 2.6  # half the frame, in standard deviations of the lines
_RINGS: Final = 8
_TURNS: Final = 48
_WAVES: Final = 10
_ROUNDS: Final = 3  # moving the frame changes which lines are seen
_BORDER: Final = 0.06  # of the region, seen around it
_NOISE: Final = 0.25  # of the strongest line: what is weaker does not move the frame
_THINNEST: Final = 1 / 8  # of the frame's long side
_NEAREST: Final = 6  # by their waves; these are then turned over one another

_AXIS = (np.arange(_SIDE) + 0.5) / _SIDE * 2 * _REACH - _REACH
_X, _Y = np.meshgrid(_AXIS, _AXIS)
_MOMENTS: Final = np.stack([np.ones_like(_X), _X, _Y, _X * _X, _X * _Y, _Y * _Y]).reshape(6, -1)
_GRID: Final = np.array([[_AXIS[1] - _AXIS[0], 0.0, _AXIS[0]], [0.0, _AXIS[1] - _AXIS[0], _AXIS[0]], [0.0, 0.0, 1.0]])
_ANGLE = np.arange(_TURNS) * 2 * np.pi / _TURNS
_RADIUS = ((np.arange(_RINGS) + 0.7) / _RINGS * 2.4)[:, None]
_COLUMN: Final = ((_RADIUS * np.cos(_ANGLE) + _REACH) / (2 * _REACH) * _SIDE - 0.5).astype(np.float32)
_ROW: Final = ((_RADIUS * np.sin(_ANGLE) + _REACH) / (2 * _REACH) * _SIDE - 0.5).astype(np.float32)
_OUTWARDS: Final = np.exp(-2j * _ANGLE).astype(np.complex64)


@dataclass(frozen=True, slots=True)
class Shape:
    """The lines of one region, on rings.

    Attributes:
        frame: 3 x 3, from the frame to fractions of the picture's long side.
        rings: 8 x 48 complex: strength and twice the direction, seen from the centre.
        look: What turning and mirroring leave as it is; of length 1.
    """

    frame: Matrix
    rings: NDArray[np.complex64]
    look: NDArray[np.float32]


def shape(picture: Pyramid, box: tuple[float, float, float, float]) -> Shape | None:
    """The shape inside a box in fractions of the picture's long side; None where no line runs."""
    left, top, right, bottom = box
    frame = np.diag([(right - left) / 3, (bottom - top) / 3, 1.0])  # lines spread evenly over a box deviate so much
    frame[:2, 2] = (left + right) / 2, (top + bottom) / 2
    for _ in range(_ROUNDS - 1):
        moved = _centred(frame, np.abs(_seen(picture, box, frame)))
        if moved is None:
            return None
        frame = moved
    rings = _on_rings(_seen(picture, box, frame))
    return Shape(frame, rings, _look(rings))


def _seen(picture: Pyramid, box: tuple[float, float, float, float], frame: Matrix) -> NDArray[np.complex64]:
    """The lines in a frame; none outside the box."""
    left, top, right, bottom = box
    grey, inside = picture.sample(frame @ _GRID, _SIDE, _SIDE)
    x = frame[0, 0] * _X + frame[0, 1] * _Y + frame[0, 2]
    y = frame[1, 0] * _X + frame[1, 1] * _Y + frame[1, 2]
    border_x, border_y = _BORDER * (right - left), _BORDER * (bottom - top)
    inside &= (x > left - border_x) & (x < right + border_x) & (y > top - border_y) & (y < bottom + border_y)
    return np.asarray(lines(grey) * inside, np.complex64)


def _centred(frame: Matrix, strength: NDArray[np.float32]) -> Matrix | None:
    """The frame moved and stretched so that the lines in it have mean 0 and deviation 1 each way."""
    total, *moments = (_MOMENTS @ np.maximum(strength - _NOISE * float(strength.max()), 0.0).ravel()).tolist()
    if total < 1e-3:
        return None
    x, y, xx, xy, yy = (moment / total for moment in moments)
    spread = np.array([[xx - x * x, xy - x * y], [xy - x * y, yy - y * y]])
    values, axes = np.linalg.eigh(spread + 1e-3 * np.eye(2))
    moved = frame.copy()
    moved[:2, 2] += frame[:2, :2] @ [x, y]
    moved[:2, :2] = frame[:2, :2] @ axes @ np.diag(np.sqrt(np.clip(values, 0.05, 4.0))) @ axes.T
    left, stretch, right = np.linalg.svd(moved[:2, :2])
    moved[:2, :2] = left @ np.diag(np.maximum(stretch, stretch[0] * _THINNEST)) @ right
    return moved


def _on_rings(seen: NDArray[np.complex64]) -> NDArray[np.complex64]:
    import cv2

    real = cv2.remap(np.ascontiguousarray(seen.real), _COLUMN, _ROW, cv2.INTER_LINEAR)
    imaginary = cv2.remap(np.ascontiguousarray(seen.imag), _COLUMN, _ROW, cv2.INTER_LINEAR)
    return np.asarray((real + 1j * imaginary) * _OUTWARDS, np.complex64)


def _look(rings: NDArray[np.complex64]) -> NDArray[np.float32]:
    strength, waves = np.abs(fft.fft(np.abs(rings), axis=1)), np.abs(fft.fft(rings, axis=1))
    look = np.sqrt(np.concatenate([strength[:, :_WAVES], waves[:, :_WAVES], waves[:, 1 - _WAVES :]], axis=1)).ravel()
    return np.asarray(look / (np.linalg.norm(look) + 1e-6), np.float32)


class Shapes:
    """The shapes of all references, in memory: 4 KB each. One product of matrices finds the nearest."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, int], Shape] = {}
        self._references: list[tuple[int, int]] = []
        self._looks: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The shapes that `parts` took apart; what is mapped stays so."""
        shapes = cls()
        shapes._references = [(int(work), int(reference)) for work, reference in arrays["references"]]
        each = zip(arrays["frames"], arrays["rings"], arrays["looks"], strict=True)
        shapes._held = dict(zip(shapes._references, starmap(Shape, each), strict=True))
        shapes._looks = arrays["looks"]
        return shapes

    def parts(self) -> dict[str, list[NDArray[Any]]]:
        """What they are made of, by name, in pieces."""
        held = self._held.values()
        return {
            "references": [np.array(list(self._held), np.int64).reshape(-1, 2)],
            "frames": [np.array([one.frame for one in held], np.float64).reshape(-1, 3, 3)],
            "rings": [np.zeros((0, _RINGS, _TURNS), np.complex64), *(one.rings[None] for one in held)],
            "looks": [np.array([one.look for one in held], np.float32).reshape(len(held), -1 if held else 0)],
        }

    def add(self, reference: tuple[int, int], held: Shape) -> None:
        """Hold a reference's shape."""
        self._held[reference] = held
        self._looks = None

    def remove(self, reference: tuple[int, int]) -> None:
        """Forget it; a stranger is no error."""
        if self._held.pop(reference, None) is not None:
            self._looks = None

    def near(self, seen: Sequence[Shape]) -> list[list[tuple[tuple[int, int], float, Matrix]]]:
        """For each shape the references like it: which, how alike (at most 1), and the placement in long sides."""
        if not self._held or not seen:
            return [[] for _ in seen]
        if self._looks is None:
            self._references = list(self._held)
            self._looks = np.stack([held.look for held in self._held.values()])
        alike = np.stack([self._looks @ one.look for one in seen])  # twice as fast as all in one product
        nearest = min(_NEAREST, alike.shape[1])
        places = np.argpartition(-alike, nearest - 1, axis=1)[:, :nearest]
        return [
            self._turned(one, [self._references[at] for at in sorted(row.tolist())])
            for one, row in zip(seen, places, strict=True)
        ]

    def _turned(self, one: Shape, references: list[tuple[int, int]]) -> list[tuple[tuple[int, int], float, Matrix]]:
        """Each reference turned over the shape, mirrored or not, as it fits best."""
        rings = np.stack([self._held[reference].rings for reference in references])
        both = np.stack([rings, np.conj(np.roll(rings[..., ::-1], 1, axis=-1))])
        waves = fft.fft(one.rings, axis=-1) * np.conj(fft.fft(both, axis=-1))
        fits = fft.ifft(waves, axis=-1).real.sum(axis=2)
        fits /= np.linalg.norm(one.rings) * np.linalg.norm(rings, axis=(1, 2))[None, :, None] + 1e-6
        found = []
        for at, reference in enumerate(references):
            mirrored, turn = divmod(int(fits[:, at].argmax()), _TURNS)
            cosine, sine = np.cos(_ANGLE[turn]), np.sin(_ANGLE[turn])
            turned = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
            if mirrored:
                turned = turned @ np.diag([1.0, -1.0, 1.0])
            placed = one.frame @ turned @ np.linalg.inv(self._held[reference].frame)
            found.append((reference, float(fits[mirrored, at, turn]), placed[:2]))
        return found
