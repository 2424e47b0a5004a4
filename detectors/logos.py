"""Logos on part of a picture: a work sought where it may be as small as a twelfth of the picture's width.

At the size at which whole designs are compared such a mark is two dozen pixels wide and has no points left. So the
picture is looked at larger, for what the marks look like when they are small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from detectors import geometry
from detectors.featureindex import FeatureIndex
from detectors.features import CONTRAST, FAINT, Features, extract
from detectors.model import Match
from detectors.places import around, nearest_orientation, to_fractions

if TYPE_CHECKING:
    from detectors.describe import Description
    from detectors.glance import Pixels

NAME: Final = "logo"
VERSION: Final = 1
SIDE_PX: Final = 800  # of a picture: a mark of 8 % is 64 px wide
LEAST: Final = 1.8  # docs/detection.md has recall and false findings
_SIZES_PX: Final = (
    64,
    96,
    128,
)  # of a mark, as it comes: its points differ at each, and larger ones are found at 340 px
_REFERENCE_FEATURES: Final = 300
_PICTURE_FEATURES: Final = 3000


class Logos:
    """The works' marks, as they look when they are small."""

    def __init__(self) -> None:
        self._features = FeatureIndex()
        self._scales: dict[tuple[int, int], tuple[float, float]] = {}

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
        self._scales[work_id, reference_id] = description.scale

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
            best[reference[0]] = Match(
                *reference,
                NAME,
                VERSION,
                threshold=LEAST,
                score=round(found.score, 4),
                region=around(pairs.picture[found.inliers], scale),
                reference_region=around(pairs.reference[found.inliers], self._scales[reference]),
                orientation=nearest_orientation(found.matrix),
                inliers=len(found.inliers),
                placement=to_fractions(found.matrix, self._scales[reference], scale),
            )
        return list(best.values())
