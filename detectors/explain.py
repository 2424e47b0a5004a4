"""A picture that shows why two pictures match: side by side, aligned, with the matched points."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from detectors.decode import decode_image
from detectors.errors import DetectorError
from detectors.model import WHOLE, Match, Region
from detectors.prepare import box_px

_PANEL_PX: Final = 480
_ENOUGH_PX: Final = 400  # half of the usual 800, which a JPEG's decoder gives for a third of the cost
_GAP_PX: Final = 12
_SMALL: Final = 0.3  # of the picture's sides: what is framed smaller is shown closer
_CLOSE_PX: Final = 1600
_GROUND: Final = (245, 245, 245)
_FRAME: Final = (220, 20, 60)
_POINT: Final = (0, 150, 70)
_DOT_PX: Final = 4
_SOUGHT: Final = 250  # corners in each picture, the strongest first: more only cost, nobody counts them
_NEAR_PX: Final = 12.0  # between the two corners of a point: what placements of bent cloth miss by
_ALIKE_BITS: Final = 64  # of 256 that may differ between them
_FEW: Final = 8  # points, under which a copy may be one in inverted colours
_HALF: Final = [value // 2 for value in range(256)]
_QUALITY: Final = 80  # of a JPEG
_QUICK: Final = 1  # zlib: half the time of the usual 6, for a tenth more bytes

Matrix = NDArray[np.float64]
Points = NDArray[np.float64]
Form = Literal["PNG", "JPEG"]


def comparison(reference: bytes, picture: bytes, match: Match, form: Form = "PNG") -> bytes:
    """Three panels: the reference, the picture with the reference's frame, and both laid over each other.

    What lies on a small part of the picture is shown closer in the third. On a copy in inverted colours the reference
    is laid inverted.

    The same bytes and match give the same file. Points are found anew: corners of the reference, laid where the match
    has it, that the picture has at the same place.

    Args:
        reference: The reference's file.
        picture: The listing's file.
        match: A finding of this reference in this picture.

    Raises:
        DetectorError: One of the files cannot be decoded, or the match carries no placement.
    """
    if match.placement is None:
        raise DetectorError(f"a match by {match.detector} without placement cannot be drawn; match the picture again")
    left, right = _panel(reference).copy(), decode_image(picture, _PANEL_PX, _ENOUGH_PX)
    placed = _pixels(match.placement, left.size, right.size)
    if abs(float(np.linalg.det(placed))) < 1e-9:
        return _sheet(form, left, right, right)
    whole, near = right, _closer(picture, left.size, placed, right.size)
    if near:
        right, placed = near
        _frame(whole, left.size, _pixels(match.placement, left.size, whole.size))
    back = np.linalg.inv(placed)
    affine = right.size, Image.Transform.AFFINE, back[:2].reshape(-1).tolist()
    laid = left.transform(*affine, Image.Resampling.BILINEAR)
    where = Image.new("L", left.size, 255).transform(*affine)
    points = _points(laid, where, right)
    if len(points) < _FEW and len(negative := _points(ImageOps.invert(laid), where, right)) > len(points):
        laid, points = ImageOps.invert(laid), negative  # of a copy in inverted colours; half of each would be mere grey
    overlay = Image.composite(laid, right, where.point(_HALF))
    if not near:
        _frame(whole, left.size, placed)
        _dots(whole, points)
    _dots(left, (np.column_stack([points, np.ones(len(points))]) @ back.T)[:, :2])
    return _sheet(form, left, whole, overlay)


def side_by_side(reference: bytes, picture: bytes, region: Region = WHOLE, form: Form = "PNG") -> bytes:
    """Two panels: the reference and the picture, its region framed, where no match says how one lies in the other.

    Raises:
        DetectorError: One of the files cannot be decoded.
    """
    left, right = _panel(reference), decode_image(picture, _PANEL_PX, _ENOUGH_PX)
    if region.box != WHOLE.box:
        ImageDraw.Draw(right).rectangle(box_px(region, *right.size), outline=_FRAME, width=3)
    return _sheet(form, left, right)


def _sheet(form: Form, *panels: Image.Image) -> bytes:
    sheet = Image.new("RGB", (len(panels) * (_PANEL_PX + _GAP_PX) + _GAP_PX, _PANEL_PX + 2 * _GAP_PX), _GROUND)
    for place, panel in enumerate(panels):
        x = _GAP_PX + place * (_PANEL_PX + _GAP_PX) + (_PANEL_PX - panel.width) // 2
        sheet.paste(panel, (x, _GAP_PX + (_PANEL_PX - panel.height) // 2))
    file = io.BytesIO()
    sheet.save(file, form, compress_level=_QUICK, quality=_QUALITY)  # each form knows one of the two
    return file.getvalue()


def _pixels(placement: tuple[float, ...], reference: tuple[int, int], picture: tuple[int, int]) -> Matrix:
    """3 x 3, from the reference panel's pixels to the picture panel's."""
    fractions = np.vstack([np.array(placement).reshape(2, 3), [0.0, 0.0, 1.0]])
    placed: Matrix = np.diag([*picture, 1.0]) @ fractions @ np.diag([1 / reference[0], 1 / reference[1], 1.0])
    return placed


@lru_cache(maxsize=4)  # one work's copies are drawn one after the other
def _panel(reference: bytes) -> Image.Image:
    return decode_image(reference, _PANEL_PX)


def _closer(
    picture: bytes, reference: tuple[int, int], placed: Matrix, size: tuple[int, int]
) -> tuple[Image.Image, Matrix] | None:
    """The part of a picture around a small frame, as large as a panel, and the placement there; None: it is not small.

    Args:
        reference: Width and height of the reference's panel.
        placed: From that panel to one of the whole picture, of ``size``.
    """
    corners = _corners(reference, placed)[:, :2]
    low, high = corners.min(axis=0), corners.max(axis=0)
    if ((high - low) / size).max() > _SMALL:
        return None
    around = float((high - low).max()) / 2
    box = np.clip(np.array([low - around, high + around]) / size, 0.0, 1.0)
    if (box[1] - box[0]).min() <= 0:
        return None
    larger = decode_image(picture, _CLOSE_PX)
    left, top, right, bottom = (box * larger.size).round().astype(int).reshape(-1).tolist()
    part = larger.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
    grown = _PANEL_PX / max(part.size)
    scale = np.array(larger.size) / size * grown
    shown = part.resize((max(1, round(part.width * grown)), max(1, round(part.height * grown))))
    return shown, np.array([[scale[0], 0, -left * grown], [0, scale[1], -top * grown], [0, 0, 1]]) @ placed


def _frame(picture: Image.Image, reference: tuple[int, int], placed: Matrix) -> None:
    corners = _corners(reference, placed).tolist()
    ImageDraw.Draw(picture).line([(x, y) for x, y, _ in [*corners, corners[0]]], fill=_FRAME, width=3)


def _corners(reference: tuple[int, int], placed: Matrix) -> Matrix:
    width, height = reference
    return np.asarray(np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]]) @ placed.T)


def _dots(image: Image.Image, points: Points) -> None:
    pen = ImageDraw.Draw(image)
    for x, y in points.tolist():
        pen.ellipse((x - _DOT_PX, y - _DOT_PX, x + _DOT_PX, y + _DOT_PX), outline=_POINT, width=2)


def _points(laid: Image.Image, where: Image.Image, picture: Image.Image) -> Points:
    """n x 2: where the picture and the reference laid on it have corners that look alike, in the picture's pixels.

    Source: E. Rublee et al., "ORB", 2011, by OpenCV. Laid at the place that was found both are upright and of one size,
    so that neither needs the features by which it was found.
    """
    import cv2  # tens of MB: only a process that examines pictures pays

    orb = cv2.ORB_create(nfeatures=_SOUGHT, nlevels=3, edgeThreshold=8)  # type: ignore[attr-defined]
    ours, our_looks = orb.detectAndCompute(np.asarray(laid.convert("L")), np.asarray(where))
    theirs, their_looks = orb.detectAndCompute(np.asarray(picture.convert("L")), np.asarray(where))
    if not ours or not theirs:
        return np.zeros((0, 2))
    start, end = (np.array([one.pt for one in found]) for found in (ours, theirs))
    near = np.nonzero((np.abs(start[:, None] - end[None]) <= _NEAR_PX).all(axis=2))
    bits = np.full((len(ours), len(theirs)), np.inf)
    bits[near] = np.bitwise_count(our_looks[near[0]] ^ their_looks[near[1]]).sum(axis=1)
    nearest = bits.argmin(axis=1)
    mutual = bits[:, nearest].argmin(axis=0) == np.arange(len(ours))
    alike = bits[np.arange(len(ours)), nearest] <= _ALIKE_BITS
    return np.asarray(end[nearest[mutual & alike]])
