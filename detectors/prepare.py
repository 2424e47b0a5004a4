"""What of a picture is worth comparing: its content without plain margins, and whether it has any detail."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detectors.errors import NoUsableDetail
from detectors.model import WHOLE, Region

Box = tuple[float, float, float, float]

_GRID_PX: Final = 128  # margins are sought on a picture reduced to 64 to 128 px; half such a pixel moves no fingerprint
_TOLERANCE: Final = 28  # of 255: JPEG noise around a margin stays below, a drawn line above
_STRAY: Final = 0.015  # share of a margin's line that may differ: dust and noise, less than two pixels of 128
_MIN_CONTENT: Final = 0.06  # of a side: content smaller than this is a speck, not a picture
_OBJECT_GRID_PX: Final = 224
_LINE_STEP: Final = 14  # of 255 between neighbours on the reduced picture: noise and shading stay below
_REACH: Final = 2  # reduced pixels that a gap between two lines of one thing may have, twice
_GROUNDS: Final = 8
_LEAST_GROUND: Final = 0.01  # of the picture
_LEAST_OBJECT: Final = 0.1  # of a side: the longer one of a thing
_THINNEST_OBJECT: Final = 0.025
_MOST_OBJECT: Final = 0.96
_OBJECTS: Final = 6
_SAME_BOX: Final = 0.8
_STRIP: Final = 16  # rows compared at a time: most margins end early
_DETAIL_PX: Final = 64
_EDGE_STEP: Final = 10  # grey levels between neighbours on 64 px; a black-to-white gradient makes 4 a pixel
_MIN_EDGES: Final = 0.012  # share of the 64 x 64 pixels that must sit on an edge


def content_region(image: Image.Image) -> Region:
    """The picture without its plain margins; ``WHOLE`` where it has none.

    Each side is peeled by its own colour, so a banner's or a screenshot's different bars go too.
    """
    small = (image if image.mode == "RGB" else image.convert("RGB")).reduce(math.ceil(max(image.size) / _GRID_PX))
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
    """Up to six things that stand free on plain ground: prints on a product, insets, tiles, one of many designs.

    A plain ground is a connected area without lines; what it encloses stands on it, each thing alone and, where
    there are several, all of them together. So a design on a card on a photograph is a thing of its own.
    """
    grounds, size = _grounds(image)
    found = [Region("object", box) for ground in grounds for box in _enclosed(*ground, size)]
    kept: list[Region] = []
    for region in sorted(found, key=lambda region: -_area(region.box)):
        if len(kept) < _OBJECTS and all(_overlap(region.box, other.box) < _SAME_BOX for other in [content, *kept]):
            kept.append(region)
    return kept


_Ground = tuple[NDArray[np.uint8], int, int]  # its mask, where it starts


def _grounds(image: Image.Image) -> tuple[list[_Ground], tuple[int, int]]:
    """The largest areas without lines, and the reduced picture's width and height."""
    import cv2

    step = math.ceil(max(image.size) / _OBJECT_GRID_PX)
    lines = np.zeros((math.ceil(image.height / step), math.ceil(image.width / step)), np.uint8)
    for plane in image.reduce(step).split():
        grey = np.asarray(plane)
        across, down = cv2.absdiff(grey[:, 1:], grey[:, :-1]), cv2.absdiff(grey[1:], grey[:-1])
        for part, change in (
            (lines[:, 1:], across),
            (lines[:, :-1], across),
            (lines[1:], down),
            (lines[:-1], down),
        ):
            np.maximum(part, change, out=part)
    height, width = lines.shape
    plain = (lines <= _LINE_STEP).astype(np.uint8)
    _, labels, about, _ = cv2.connectedComponentsWithStats(plain, connectivity=4)
    sizes = about[:, cv2.CC_STAT_AREA].copy()
    sizes[0] = 0  # the lines
    largest = [int(at) for at in np.argsort(-sizes)[:_GROUNDS] if sizes[at] >= _LEAST_GROUND * height * width]
    grounds = []
    for label in largest:
        left, top, wide, high = (int(side) for side in about[label][:4])
        grounds.append(((labels[top : top + high, left : left + wide] == label).astype(np.uint8), left, top))
    return grounds, (width, height)


def _enclosed(ground: NDArray[np.uint8], left: int, top: int, size: tuple[int, int]) -> list[Box]:
    import cv2

    filled = np.zeros_like(ground)
    cv2.drawContours(filled, cv2.findContours(ground, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0], -1, 1, -1)
    holes = cv2.dilate(filled - ground, np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8))
    boxes: list[Box] = []
    for x, y, wide, high, _ in cv2.connectedComponentsWithStats(holes)[2][1:].tolist():
        box = (
            max(0, left + x + _REACH) / size[0],
            max(0, top + y + _REACH) / size[1],
            min(size[0], left + x + wide - _REACH) / size[0],
            min(size[1], top + y + high - _REACH) / size[1],
        )
        sides = sorted((box[2] - box[0], box[3] - box[1]))
        if sides[1] >= _LEAST_OBJECT and sides[0] >= _THINNEST_OBJECT:
            boxes.append(box)
    if len(boxes) > 1:
        boxes.append(
            (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))
        )
    return [box for box in boxes if max(box[2] - box[0], box[3] - box[1]) <= _MOST_OBJECT]


def _area(box: tuple[float, float, float, float]) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """Shared area in shares of both together, 0 to 1."""
    shared = _area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))
    return shared / (_area(one) + _area(other) - shared)


def _margin(pixels: NDArray[np.int16]) -> int:
    """How many leading rows (3 x rows x columns) carry the colour of the first one."""
    _, rows, columns = pixels.shape
    colour = np.sort(pixels[:, 0], axis=1)[:, columns // 2, None]  # the median
    if np.count_nonzero(np.abs(pixels[:, 0] - colour).max(axis=0) > _TOLERANCE) > _STRAY * columns:
        return 0  # most sides have no margin, or none any more
    for first in range(0, rows, _STRIP):
        strays = (np.abs(pixels[:, first : first + _STRIP] - colour[..., None]).max(axis=0) > _TOLERANCE).mean(axis=1)
        if drawn := np.flatnonzero(strays > _STRAY).tolist():
            return int(first + drawn[0])
    return 0  # all of one colour: nothing to peel down to


def cut(image: Image.Image, region: Region) -> Image.Image:
    """The part of a picture inside a region, at least one pixel each way."""
    return image if region.box == WHOLE.box else image.crop(box_px(region, *image.size))


def box_px(region: Region, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a region in pixels of a picture, at least one pixel each way."""
    left, top, right, bottom = region.box
    x, y = round(left * width), round(top * height)
    return x, y, max(x + 1, round(right * width)), max(y + 1, round(bottom * height))


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
