"""Whether the lines of a reference are there, at a given placement, in a picture.

Colours, grounds and light may differ: only where edges run counts, compared on a grid of at most 64 x 64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

NAME: Final = "outline"
VERSION: Final = 2
_GRID: Final = 64
_FRAME: Final = 0.07  # of the content, added around it: silhouettes have two sides
_FLOOR: Final = 12.0  # of 255: what is fainter is noise, not contrast
_NEIGHBOURHOOD: Final = 15  # grid pixels over which contrast is evened out
_STRONGEST: Final = 3.0  # times the neighbourhood's mean
_SLIP: Final = 3  # grid pixels by which the placement may be off
_LEAST_PYRAMID_PX: Final = 48
_SEEN: Final = 2.0  # half of the reference's lines must lie inside the picture for full credit

Matrix = NDArray[np.float64]
Field = NDArray[np.float32]
Lines = NDArray[np.complex64]


class Pyramid:
    """A grey picture at every half size; positions in fractions of its long side.

    With a ``border`` (in pixels) the picture stands on white: a reference's silhouette ends where its file does.
    """

    def __init__(self, thumbnail: NDArray[np.uint8], border: int = 0) -> None:
        import cv2

        self._long, self._border = max(thumbnail.shape), border
        if border:
            sides = (border, border, border, border)
            thumbnail = np.asarray(cv2.copyMakeBorder(thumbnail, *sides, cv2.BORDER_CONSTANT, value=255), np.uint8)
        self._levels: list[Field] = [thumbnail.astype(np.float32)]
        while max(self._levels[-1].shape) > _LEAST_PYRAMID_PX:
            self._levels.append(cv2.pyrDown(self._levels[-1]))  # type: ignore[arg-type]

    def sample(self, grid: Matrix, width: int, height: int) -> tuple[Field, NDArray[np.bool_]]:
        """height x width grey values where the 3 x 3 ``grid`` places them, and which of them lie in the picture."""
        import cv2

        long = self._long
        (a, b, _), (c, d, _), _ = grid.tolist()
        step = math.sqrt(abs(a * d - b * c)) * long
        level = min(max(round(math.log2(max(step, 1e-6))), 0), len(self._levels) - 1)
        source = self._levels[level]
        matrix = (np.diag([long / 2**level, long / 2**level, 1.0]) @ grid)[:2]
        matrix[:, 2] += self._border / 2**level
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        seen = cv2.warpAffine(source, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(seen, np.float32), _inside(matrix, width, height, source.shape)


def _inside(matrix: Matrix, width: int, height: int, source: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which points of a width x height grid lie in a picture of that shape, not on its border."""

    def within(columns: NDArray[np.intp], rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        x = matrix[0, 0] * columns + matrix[0, 1] * rows + matrix[0, 2]
        y = matrix[1, 0] * columns + matrix[1, 1] * rows + matrix[1, 2]
        return np.asarray((x >= 1) & (y >= 1) & (x <= source[1] - 2) & (y <= source[0] - 2))

    if within(np.array([0, width - 1, 0, width - 1]), np.array([0, 0, height - 1, height - 1])).all():
        return np.ones((height, width), np.bool_)  # the usual case: with its corners all of it
    return within(np.arange(width)[None], np.arange(height)[:, None])


@dataclass(frozen=True, slots=True)
class Outline:
    """The lines of a reference's content.

    Attributes:
        grid: 3 x 3, from grid pixels to fractions of the reference's long side.
        grey: h x w uint8, at most 64 x 64: 4 KB, where the lines themselves would take 32.
    """

    grid: Matrix
    grey: NDArray[np.uint8]


def outline(picture: Pyramid, box: tuple[float, float, float, float]) -> Outline:
    """The lines inside a box given in fractions of the picture's long side."""
    left, top, right, bottom = box
    frame = _FRAME * max(right - left, bottom - top)
    step = (max(right - left, bottom - top) + 2 * frame) / _GRID
    width, height = (max(8, round((side + 2 * frame) / step)) for side in (right - left, bottom - top))
    grid = np.array([[step, 0.0, left - frame], [0.0, step, top - frame], [0.0, 0.0, 1.0]])
    return Outline(grid, picture.sample(grid, width, height)[0].clip(0, 255).astype(np.uint8))


def agreement(reference: Outline, picture: Pyramid, placement: Matrix) -> float:
    """How well a reference's lines run along the picture's, -1 to 1; unrelated pictures come to about 0.2.

    Args:
        reference: From ``outline``.
        picture: The listing's.
        placement: 2 x 3, from fractions of the reference's long side to fractions of the picture's.
    """
    import cv2

    height, width = reference.grey.shape
    placed = np.vstack([placement, [0.0, 0.0, 1.0]]) @ reference.grid
    grey, inside = picture.sample(placed, width, height)
    visible = inside.astype(np.float32)[..., None]
    wanted = _planes(lines(reference.grey.astype(np.float32)))
    energy = float((wanted**2).sum())
    there, wanted = _planes(lines(grey)) * visible, wanted * visible
    visible_energy = float((wanted**2).sum())
    framed = cv2.copyMakeBorder(there, _SLIP, _SLIP, _SLIP, _SLIP, cv2.BORDER_CONSTANT)
    products = np.asarray(cv2.matchTemplate(framed, wanted, cv2.TM_CCORR))
    row, column = np.unravel_index(int(products.argmax()), products.shape)
    compared = framed[row : row + height, column : column + width]
    alike = float(products[row, column]) / np.sqrt(visible_energy * float((compared**2).sum()) + 1e-6)
    return float(alike) * min(1.0, _SEEN * visible_energy / (energy + 1e-6))


def _planes(field: Lines) -> Field:
    return np.ascontiguousarray(field)[..., None].view(np.float32)


def lines(grey: Field) -> Lines:
    """Where lines run: strength, evened out over the neighbourhood, and twice the direction as the complex angle."""
    import cv2

    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength = cv2.magnitude(across, down)
    even = np.minimum(strength / (cv2.blur(strength, (_NEIGHBOURHOOD, _NEIGHBOURHOOD)) + _FLOOR), _STRONGEST)
    slope = np.empty((*grey.shape, 1), np.complex64)
    slope.real[..., 0], slope.imag[..., 0] = across, down
    doubled = slope * slope * (even / (strength * strength + 1e-6))[..., None]
    blurred = np.asarray(cv2.GaussianBlur(doubled.view(np.float32), (0, 0), 1.0))
    return blurred.view(np.complex64)[..., 0]
