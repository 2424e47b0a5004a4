"""Where a drawing's lines run inside its content's box: for copies that keep the lines and little else.

A tracing, a halftone print or another ink leaves few of a design's points, but the lines run where they ran. Circles
and boxes look like one another here, so a finding counts by how much more it is alike than any other work, or a plain
frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from detectors.featureindex import Reference
from detectors.outline import Lines, Matrix, Pyramid, lines

NAME: Final = "layout"
VERSION: Final = 1
_SIDE: Final = 36  # pixels of the box
_CELLS: Final = 12  # with 16 each picture costs 5 ms more at 10,000 works, and no more copies are found
_BLUR: Final = 1.2  # pixels: lines may lie a little off
_BORDER: Final = 0.06  # of the box, around it: a silhouette has two sides
_STRETCHED: Final = 0.25  # how much, as a logarithm, the proportions of two boxes may differ

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """The lines of one region.

    Attributes:
        box: Left, top, right, bottom in fractions of the picture's long side.
        cells: 288 float32, of length 1: strength and direction by cell of a 12 x 12 grid over the box.
    """

    box: Box
    cells: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Found:
    """A reference whose lines run alike.

    Attributes:
        lead: By how much it is more alike than every other work and every plain frame, up to 1.
        placement: 2 x 3, from fractions of the reference's long side to fractions of the picture's.
    """

    reference: Reference
    lead: float
    placement: Matrix


def layout(picture: Pyramid, box: Box) -> Layout | None:
    """The layout of a box in fractions of the picture's long side; None where no line runs."""
    left, top, right, bottom = box
    across, down = right - left, bottom - top
    seen = 1 + 2 * _BORDER
    grid = np.array(
        [
            [across * seen / _SIDE, 0.0, left - _BORDER * across],
            [0.0, down * seen / _SIDE, top - _BORDER * down],
            [0.0, 0.0, 1.0],
        ]
    )
    grey, inside = picture.sample(grid, _SIDE, _SIDE)
    cells = _cells(lines(grey) * inside)
    return None if cells is None else Layout(box, cells)


def _cells(field: Lines) -> NDArray[np.float32] | None:
    import cv2

    planes = np.ascontiguousarray(field, np.complex64).view(np.float32).reshape(_SIDE, _SIDE, 2)
    small = cv2.resize(cv2.GaussianBlur(planes, (0, 0), _BLUR), (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    length = float(np.linalg.norm(small))
    return None if length < 1e-3 else np.asarray(small.ravel() / length, np.float32)


def _mirrored(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """The layout of the picture mirrored left to right: twice a line's direction changes its sign."""
    turned = cells.reshape(_CELLS, _CELLS, 2)[:, ::-1] * np.array([1.0, -1.0], np.float32)
    return np.ascontiguousarray(turned).ravel()


@cache
def _plain() -> NDArray[np.float32]:
    """What is like many things: circles and boxes, alone and one in another."""
    import cv2

    found = []
    for inner in (0, 30, 50, 75):  # of the outer's 100 pixels
        for round_ in (False, True):
            picture = np.full((256, 256), 255, np.uint8)
            for half, ink in ((100, 90), (inner, 200)):
                if half and round_:
                    cv2.circle(picture, (128, 128), half, ink, -1)
                elif half:
                    cv2.rectangle(picture, (128 - half, 128 - half), (128 + half, 128 + half), ink, -1)
            one = layout(Pyramid(picture), (28 / 256, 28 / 256, 228 / 256, 228 / 256))
            found += [one.cells] if one else []
    return np.stack(found)


class Layouts:
    """The layouts of all references, in memory: 1 KB each. One product of matrices finds the nearest."""

    def __init__(self) -> None:
        self._held: dict[Reference, Layout] = {}
        self._references: list[Reference] = []
        self._works = np.zeros(0, np.int64)
        self._cells: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The layouts that `parts` took apart; what is mapped stays so."""
        layouts = cls()
        layouts._references = [(int(work), int(reference)) for work, reference in arrays["references"]]
        layouts._works = arrays["references"][:, 0]
        each = zip(layouts._references, arrays["boxes"].tolist(), arrays["cells"], strict=True)
        layouts._held = {reference: Layout(tuple(box), cells) for reference, box, cells in each}
        layouts._cells = arrays["cells"]
        return layouts

    def parts(self) -> dict[str, list[NDArray[Any]]]:
        """What they are made of, by name, in pieces."""
        held = self._held.values()
        return {
            "references": [np.array(list(self._held), np.int64).reshape(-1, 2)],
            "boxes": [np.array([one.box for one in held], np.float64).reshape(-1, 4)],
            "cells": [np.zeros((0, 2 * _CELLS * _CELLS), np.float32), *(one.cells[None] for one in held)],
        }

    def add(self, reference: Reference, held: Layout) -> None:
        """Hold a reference's layout."""
        self._held[reference] = held
        self._cells = None

    def remove(self, reference: Reference) -> None:
        """Forget it; a stranger is no error."""
        if self._held.pop(reference, None) is not None:
            self._cells = None

    def near(self, seen: Sequence[Layout]) -> list[Found | None]:
        """For each layout the reference whose lines run like those, or like them mirrored.

        None where no work's are more alike than a plain frame's, or the box is of other proportions than theirs.
        """
        if not self._held or not seen:
            return [None] * len(seen)
        if self._cells is None:
            self._references = list(self._held)
            self._works = np.array([work_id for work_id, _ in self._references])
            self._cells = np.stack([held.cells for held in self._held.values()])  # last: other threads search by it
        both = np.stack([cells for one in seen for cells in (one.cells, _mirrored(one.cells))], axis=1)
        alike, plain = (held @ both for held in (self._cells, _plain()))
        pairs = zip(seen, np.hsplit(alike, len(seen)), np.hsplit(plain, len(seen)), strict=True)
        return [self._first(one, alike, float(plain.max())) for one, alike, plain in pairs]

    def _first(self, seen: Layout, alike: NDArray[np.float32], plain: float) -> Found | None:
        """The most alike of all, unless another work's or a plain frame is as much so."""
        each = alike.max(axis=1)
        first = int(each.argmax())
        reference = self._references[first]
        lead = float(each[first] - each.max(initial=plain, where=self._works != reference[0]))
        held = self._held[reference]
        if lead <= 0 or abs(np.log(_proportions(seen.box) / _proportions(held.box))) > _STRETCHED:
            return None
        return Found(reference, lead, _laid_over(held.box, seen.box, mirrored=bool(alike[first].argmax())))


def _proportions(box: Box) -> float:
    left, top, right, bottom = box
    return (right - left) / (bottom - top)


def _laid_over(box: Box, other: Box, *, mirrored: bool) -> Matrix:
    """2 x 3: one box laid over another."""
    across, down = (other[2] - other[0]) / (box[2] - box[0]), (other[3] - other[1]) / (box[3] - box[1])
    if mirrored:
        return np.array([[-across, 0.0, other[2] + across * box[0]], [0.0, down, other[1] - down * box[1]]])
    return np.array([[across, 0.0, other[0] - across * box[0]], [0.0, down, other[1] - down * box[1]]])
