"""A picture that shows why two pictures match: side by side, aligned, with the matched points."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from detectors import geometry
from detectors.decode import decode_image
from detectors.describe import describe, describe_reference
from detectors.errors import DetectorError
from detectors.featureindex import FeatureIndex
from detectors.features import Features
from detectors.model import WHOLE, Match, Region
from detectors.prepare import box_px

_PANEL_PX: Final = 480
_GAP_PX: Final = 12
_GROUND: Final = (245, 245, 245)
_FRAME: Final = (220, 20, 60)
_POINT: Final = (0, 150, 70)
_DOT_PX: Final = 4
_DRAWN: Final = 300  # of a picture's points, the strongest first: more only cost, nobody counts them
_THE_REFERENCE: Final = (0, 0)  # in an index of its own
_QUALITY: Final = 80  # of a JPEG
_QUICK: Final = 1  # zlib: half the time of the usual 6, for a tenth more bytes

Matrix = NDArray[np.float64]
Form = Literal["PNG", "JPEG"]


def comparison(reference: bytes, picture: bytes, match: Match, form: Form = "PNG") -> bytes:
    """Three panels: the reference, the picture with the reference's frame, and both laid over each other.

    The same bytes and match give the same file. Points are found anew from the bytes and drawn on the first two panels
    where they agree with the match's placement.

    Args:
        reference: The reference's file.
        picture: The listing's file.
        match: A finding of this reference in this picture.

    Raises:
        DetectorError: One of the files cannot be decoded, or the match carries no placement.
    """
    if match.placement is None:
        raise DetectorError(f"a match by {match.detector} without placement cannot be drawn; match the picture again")
    left, right = decode_image(reference, _PANEL_PX), decode_image(picture, _PANEL_PX)
    placed = _pixels(match.placement, left.size, right.size)
    overlay = _overlaid(left, right, placed)
    _frame(right, left.size, placed)
    for one, other in _points(reference, picture):
        _dot(left, one)
        _dot(right, other)
    return _sheet(form, left, right, overlay)


def side_by_side(reference: bytes, picture: bytes, region: Region = WHOLE, form: Form = "PNG") -> bytes:
    """Two panels: the reference and the picture, its region framed, where no match says how one lies in the other.

    Raises:
        DetectorError: One of the files cannot be decoded.
    """
    left, right = decode_image(reference, _PANEL_PX), decode_image(picture, _PANEL_PX)
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


def _overlaid(reference: Image.Image, picture: Image.Image, placed: Matrix) -> Image.Image:
    """The picture, half seen through the reference laid where it was found."""
    if abs(float(np.linalg.det(placed))) < 1e-9:
        return picture.copy()
    back = np.linalg.inv(placed)[:2].reshape(-1).tolist()
    laid = reference.transform(picture.size, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
    where = Image.new("L", reference.size, 128).transform(picture.size, Image.Transform.AFFINE, back)
    return Image.composite(laid, picture, where)


def _frame(picture: Image.Image, reference: tuple[int, int], placed: Matrix) -> None:
    width, height = reference
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1], [0, 0, 1]]) @ placed.T
    ImageDraw.Draw(picture).line([(float(x), float(y)) for x, y, _ in corners], fill=_FRAME, width=3)


def _dot(image: Image.Image, at: tuple[float, float]) -> None:
    x, y = at[0] * image.width, at[1] * image.height
    ImageDraw.Draw(image).ellipse((x - _DOT_PX, y - _DOT_PX, x + _DOT_PX, y + _DOT_PX), outline=_POINT, width=2)


def _points(reference: bytes, picture: bytes) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The matched points in fractions of each picture; none for a match that hashes alone made."""
    (index, scale), seen = _known(reference), describe(picture)
    strongest = Features(seen.features.points[:_DRAWN], seen.features.descriptors[:_DRAWN])
    found = index.pairs(strongest).get(_THE_REFERENCE)
    placement = None if found is None else geometry.place(found[0])
    if found is None or placement is None:
        return []
    pairs = found[0]
    return [
        (_fraction(pairs.reference[at], scale), _fraction(pairs.picture[at], seen.scale)) for at in placement.inliers
    ]


@lru_cache(maxsize=4)  # one work's copies are drawn one after the other; describing it is most of what that costs
def _known(reference: bytes) -> tuple[FeatureIndex, tuple[float, float]]:
    """A reference's points, and its width and height in fractions of the long side."""
    known = describe_reference(reference)
    index = FeatureIndex()
    index.add(_THE_REFERENCE, known.features)
    return index, known.scale


def _fraction(point: NDArray[np.float32], scale: tuple[float, float]) -> tuple[float, float]:
    return float(point[0]) / scale[0], float(point[1]) / scale[1]
