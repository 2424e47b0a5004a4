"""Where one picture lies in another: placements and regions, in fractions of sides and of long sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.model import Region

Matrix = NDArray[np.float64]


def in_long_sides(region: Region, scale: tuple[float, float]) -> tuple[float, float, float, float]:
    """A region's left, top, right and bottom in fractions of its picture's long side."""
    left, top, right, bottom = region.box
    width, height = scale
    return left * width, top * height, right * width, bottom * height


def to_fractions(matrix: Matrix, reference: tuple[float, float], picture: tuple[float, float]) -> tuple[float, ...]:
    """A placement in fractions of each picture's sides, from one in fractions of the long sides."""
    stretched = matrix * [[reference[0], reference[1], 1.0]] / np.array([[picture[0]], [picture[1]]])
    return tuple(round(float(value), 6) for value in stretched.reshape(-1))


def to_long_sides(placement: tuple[float, ...], reference: tuple[float, float], picture: tuple[float, float]) -> Matrix:
    """A placement in fractions of the long sides, from one in fractions of each picture's sides."""
    matrix: Matrix = np.array(placement).reshape(2, 3)
    back: Matrix = np.array([[picture[0]], [picture[1]]]) / np.array([[reference[0], reference[1], 1.0]])
    return matrix * back


def around(points: NDArray[np.float32], scale: tuple[float, float]) -> Region:
    """The box around points, in fractions of the picture."""
    low, high = points[:, :2].min(axis=0) / scale, points[:, :2].max(axis=0) / scale
    left, top, right, bottom = (round(float(side), 4) for side in np.clip([*low, *high], 0.0, 1.0))
    return Region("matched points", (left, top, max(right, left + 1e-4), max(bottom, top + 1e-4)))


def nearest_orientation(matrix: Matrix) -> int:
    """The nearest of the eight orientations: quarter turns counter-clockwise, plus 4 when mirrored first."""
    mirrored = float(np.linalg.det(matrix[:, :2])) < 0
    sign = -1 if mirrored else 1
    clockwise = np.arctan2(sign * matrix[1, 0], sign * matrix[0, 0])
    return round(-float(clockwise) / (np.pi / 2)) % 4 + (4 if mirrored else 0)


def box_placement(reference: Region, orientation: int, picture: Region) -> tuple[float, ...]:
    """The placement that lays one region over another, in the orientation that their hashes found."""
    turned = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    if orientation >= 4:
        turned = np.array([[-1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    for _ in range(orientation % 4):  # counter-clockwise: the right edge becomes the top
        turned = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]) @ turned
    placed = _from_unit(picture) @ turned @ np.linalg.inv(_from_unit(reference))
    return tuple(round(float(value), 6) for value in placed[:2].reshape(-1))


def _from_unit(region: Region) -> Matrix:
    left, top, right, bottom = region.box
    return np.array([[right - left, 0.0, left], [0.0, bottom - top, top], [0.0, 0.0, 1.0]])
