"""What of a picture is worth comparing: its content without plain margins, and whether it has any detail."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detectors.errors import NoUsableDetail
from detectors.model import WHOLE, Region

_GRID_PX: Final = 128  # margins are sought on a picture reduced to 64 to 128 px; half such a pixel moves no fingerprint
_TOLERANCE: Final = 28  # of 255: JPEG noise around a margin stays below, a drawn line above
_STRAY: Final = 0.015  # share of a margin's line that may differ: dust and noise, less than two pixels of 128
_MIN_CONTENT: Final = 0.06  # of a side: content smaller than this is a speck, not a picture
_LINE_STEP: Final = 18  # of 255 between neighbours on the reduced picture: noise and shading stay below
_REACHES: Final = (2, 5)  # reduced pixels that a gap between two lines of one thing may have, twice
_LEAST_OBJECT: Final = 0.12  # of a side
_MOST_OBJECT: Final = 0.95
_OBJECTS: Final = 5
_SAME_BOX: Final = 0.9
_STRIP: Final = 16  # rows compared at a time: most margins end early
_DETAIL_PX: Final = 64
_EDGE_STEP: Final = 10  # grey levels between neighbours on 64 px; a black-to-white gradient makes 4 a pixel
_MIN_EDGES: Final = 0.012  # share of the 64 x 64 pixels that must sit on an edge


def content_region(image: Image.Image) -> Region:
    """The picture without its plain margins; ``WHOLE`` where it has none.

    Each side is peeled by its own colour, so a banner's or a screenshot's different bars go too.
    """
    small = image.convert("RGB").reduce(math.ceil(max(image.size) / _GRID_PX))
    pixels = np.ascontiguousarray(np.asarray(small, dtype=np.int16).transpose(2, 0, 1))  # a plane a colour: fast
    left, top, (right, bottom) = 0, 0, small.size
    while True:  # peeling one side can bare a plain margin of another
        before = (left, top, right, bottom)
        top += _margin(pixels[:, top:bottom, left:right])
        bottom -= _margin(pixels[:, top:bottom, left:right][:, ::-1])
        left += _margin(pixels[:, top:bottom, left:right].transpose(0, 2, 1))
        right -= _margin(pixels[:, top:bottom, left:right].transpose(0, 2, 1)[:, ::-1])
        if before == (left, top, right, bottom):
            break
    if min(right - left, bottom - top) < _MIN_CONTENT * min(small.size):
        return WHOLE
    box = (left / small.width, top / small.height, right / small.width, bottom / small.height)
    return WHOLE if box == WHOLE.box else Region("content", box)


def object_regions(image: Image.Image, content: Region) -> list[Region]:
    """Up to five things that stand free on plain ground: prints on a product, insets, tiles, one of many designs.

    Where lines run close together is one thing; its box is then trimmed to its content.
    """
    import cv2

    step = math.ceil(max(image.size) / _GRID_PX)
    small = np.asarray(image.convert("RGB").reduce(step), dtype=np.int16).transpose(2, 0, 1).copy()  # planes: fast
    height, width = small.shape[1], small.shape[2]
    lines = np.zeros((height, width), np.uint8)
    lines[:, 1:] |= np.abs(np.diff(small, axis=2)).max(axis=0) > _LINE_STEP
    lines[1:] |= np.abs(np.diff(small, axis=1)).max(axis=0) > _LINE_STEP
    found = []
    for reach in _REACHES:
        joined = cv2.dilate(lines, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
        for left, top, wide, high, _ in cv2.connectedComponentsWithStats(joined)[2][1:].tolist():
            box = (left / width, top / height, (left + wide) / width, (top + high) / height)
            if min(wide / width, high / height) >= _LEAST_OBJECT and max(wide / width, high / height) <= _MOST_OBJECT:
                found.append(Region("object", box))
    found.sort(key=lambda region: -_area(region.box))
    trimmed = dict.fromkeys(_trimmed(image, region) for region in found[: 2 * _OBJECTS])
    return [region for region in trimmed if _overlap(region.box, content.box) < _SAME_BOX][:_OBJECTS]


def _trimmed(image: Image.Image, region: Region) -> Region:
    left, top, right, bottom = region.box
    inner = content_region(cut(image, region)).box
    width, height = right - left, bottom - top
    box = (left + inner[0] * width, top + inner[1] * height, left + inner[2] * width, top + inner[3] * height)
    return Region(region.name, box)


def _area(box: tuple[float, float, float, float]) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """Shared area in shares of both together, 0 to 1."""
    shared = _area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))
    return shared / (_area(one) + _area(other) - shared)


def _margin(pixels: NDArray[np.int16]) -> int:
    """How many leading rows (3 x rows x columns) carry the colour of the first one."""
    rows = pixels.shape[1]
    colour = np.sort(pixels[:, 0], axis=1)[:, pixels.shape[2] // 2, None, None]  # the median
    for first in range(0, rows, _STRIP):
        strays = (np.abs(pixels[:, first : first + _STRIP] - colour).max(axis=0) > _TOLERANCE).mean(axis=1)
        if drawn := np.flatnonzero(strays > _STRAY).tolist():
            return int(first + drawn[0])
    return 0  # all of one colour: nothing to peel down to


def cut(image: Image.Image, region: Region) -> Image.Image:
    """The part of a picture inside a region, at least one pixel each way."""
    if region.box == WHOLE.box:
        return image
    left, top, right, bottom = region.box
    x, y = round(left * image.width), round(top * image.height)
    return image.crop((x, y, max(x + 1, round(right * image.width)), max(y + 1, round(bottom * image.height))))


def detail(image: Image.Image) -> float:
    """The share of a picture's pixels that sit on an edge, 0 to 1, seen at 64 x 64 pixels."""
    grey = np.asarray(image.convert("L").resize((_DETAIL_PX, _DETAIL_PX), Image.Resampling.BOX), dtype=np.int16)
    steps = np.maximum(np.abs(np.diff(grey, axis=0))[:, 1:], np.abs(np.diff(grey, axis=1))[1:])
    return float((steps > _EDGE_STEP).mean())


def require_detail(image: Image.Image) -> None:
    """Pass a picture that can be told from others.

    Raises:
        NoUsableDetail: It is flat, a gradient or near-empty, and would resemble every other such picture.
    """
    if (seen := detail(image)) < _MIN_EDGES:
        raise NoUsableDetail(f"only {seen:.1%} of the picture carries detail; give one that shows the whole design")
