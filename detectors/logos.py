"""Logos on part of a picture: a work sought where it may be as small as a twelfth of the picture's width.

At the size at which whole designs are compared such a mark is two dozen pixels wide and has no points left. So the
picture is looked at larger, for what the marks look like when they are small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detectors import geometry
from detectors.featureindex import FeatureIndex
from detectors.features import CONTRAST, FAINT, Features, extract
from detectors.model import Match
from detectors.places import Matrix, around, nearest_orientation, to_fractions

if TYPE_CHECKING:
    from detectors.describe import Description
    from detectors.glance import Pixels

NAME: Final = "logo"
VERSION: Final = 1
SIDE_PX: Final = 800  # of a picture: a mark of 8 % is 64 px wide
LEAST: Final = 0.8  # of the points' score; docs/lookback.md has recall and false findings
_SURE: Final = 3.0  # from this score on the place need not look alike: unrelated pictures came to 2.4
_ALIKE: Final = 0.5  # correlation: unrelated places came to 0.37, nine of ten true ones to more than 0.43
_SIZES_PX: Final = (64, 96, 128)  # of a mark: its points differ at each, and larger ones are found at 340 px
_COMPARED_PX: Final = 96
_GROUND: Final = 245  # of 255: what is lighter in a reference is the ground that it stands on
_RIM_PX: Final = 2
_REFERENCE_FEATURES: Final = 300
_PICTURE_FEATURES: Final = 3000


@dataclass(frozen=True, slots=True)
class _Mark:
    """A reference's content, small.

    Attributes:
        grey: h x w uint8.
        drawn: h x w bool: the mark and its rim, without the ground.
        place: 3 x 3, from its pixels to fractions of the reference.
        scale: As `Description.scale`.
    """

    grey: NDArray[np.uint8]
    drawn: NDArray[np.bool_]
    place: Matrix
    scale: tuple[float, float]


class Logos:
    """The works' marks, as they look when they are small."""

    def __init__(self) -> None:
        self._features = FeatureIndex()
        self._marks: dict[tuple[int, int], _Mark] = {}

    def add(self, work_id: int, reference_id: int, description: Description) -> None:
        """Hold a reference of a work, made by ``describe_reference``."""
        from detectors.describe import reference_features  # brings the hashes; who only judges does without

        if not description.thumbnail.size:
            return
        small = Image.fromarray(description.thumbnail)
        features = Features.none()
        for side_px in _SIZES_PX:
            more = reference_features(small, description.content, side_px, _REFERENCE_FEATURES, FAINT)
            features = features.joined(more.unlike(features, _REFERENCE_FEATURES))
        self._features.add((work_id, reference_id), features)
        self._marks[work_id, reference_id] = _mark(small, description)

    def matches(self, pixels: Pixels) -> list[Match]:
        """The clearest place of each work.

        Args:
            pixels: height x width x 3 RGB, `SIDE_PX` a side where the picture has as many.
        """
        grey = np.asarray(Image.fromarray(pixels).convert("L"))
        scale = grey.shape[1] / max(grey.shape), grey.shape[0] / max(grey.shape)
        best: dict[int, Match] = {}
        for reference, (pairs, _) in self._features.pairs(extract(grey, _PICTURE_FEATURES, CONTRAST)).items():
            found = geometry.place(pairs)
            known = best.get(reference[0])
            if found is None or found.score < max(LEAST, (known and known.score) or 0.0):
                continue
            mark = self._marks[reference]
            placement = to_fractions(found.matrix, mark.scale, scale)
            if found.score < _SURE and _likeness(grey, mark, placement) < _ALIKE:
                continue
            best[reference[0]] = Match(
                *reference,
                NAME,
                VERSION,
                threshold=LEAST,
                score=round(found.score, 4),
                region=around(pairs.picture[found.inliers], scale),
                reference_region=around(pairs.reference[found.inliers], mark.scale),
                orientation=nearest_orientation(found.matrix),
                inliers=len(found.inliers),
                placement=placement,
            )
        return list(best.values())


def _mark(thumbnail: Image.Image, description: Description) -> _Mark:
    import cv2

    left, top, right, bottom = description.content.box
    box = left * thumbnail.width, top * thumbnail.height, right * thumbnail.width, bottom * thumbnail.height
    factor = _COMPARED_PX / max(box[2] - box[0], box[3] - box[1])
    size = max(1, round((box[2] - box[0]) * factor)), max(1, round((box[3] - box[1]) * factor))
    grey = np.asarray(thumbnail.resize(size, Image.Resampling.BILINEAR, box=box))
    rim = np.ones((2 * _RIM_PX + 1, 2 * _RIM_PX + 1), np.uint8)
    drawn = cv2.dilate((grey < _GROUND).astype(np.uint8), rim).astype(bool)
    place = np.array([[(right - left) / size[0], 0, left], [0, (bottom - top) / size[1], top], [0, 0, 1]])
    return _Mark(grey, drawn, place, description.scale)


def _likeness(grey: NDArray[np.uint8], mark: _Mark, placement: tuple[float, ...]) -> float:
    """How alike a mark and the picture's place for it are, light and dark exchanged or not: 0 to 1."""
    import cv2

    height, width = grey.shape
    from_mark = np.diag([width, height]) @ np.array(placement).reshape(2, 3) @ mark.place
    there = cv2.warpAffine(
        grey,
        from_mark,
        mark.grey.shape[::-1],
        flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    one, other = (part[mark.drawn].astype(np.float64) for part in (mark.grey, there))
    one, other = one - one.mean(), other - other.mean()
    return abs(float((one * other).sum())) / max(1e-6, float(np.sqrt((one**2).sum() * (other**2).sum())))
