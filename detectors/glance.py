"""A picture at first sight: a small copy and what follows from it. Enough to know a picture again, not to judge it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detectors.decode import decode_sized
from detectors.errors import UnreadableDescription
from detectors.pdq import Field, luma, orientations, pdq
from detectors.prepare import box_px, content_region

SIDE_PX: Final = 256
_ENOUGH_PX: Final = 128  # a JPEG of 800 px comes as 200 from its decoder, for a third of what 256 would cost
_QUALITY: Final = 85  # and colours undiminished: thumbnails are compared, see detectors.twins.repeats
_LARGEST_SIDE: Final = 2**20

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """A picture at first sight.

    Attributes:
        size: Width and height of the file in pixels, as its header says.
        pixels: height x width x 3 RGB uint8, upright, at most 256 px a side.
    """

    size: tuple[int, int]
    pixels: Pixels

    def hashes(self) -> tuple[bytes, bytes]:
        """The PDQ hashes of the whole and of the content without plain margins, 32 bytes each."""
        whole, content = self._seen()
        return pdq(whole), pdq(content)

    def orientations(self) -> list[bytes]:
        """The same two in eight orientations each: what a work is looked for by."""
        whole, content = self._seen()
        return [*orientations(whole), *orientations(content)]

    def thumbnail(self) -> bytes:
        """The small copy as a JPEG without metadata, encoded by ourselves."""
        file = io.BytesIO()
        Image.fromarray(self.pixels).save(file, "JPEG", quality=_QUALITY, subsampling=0)
        return file.getvalue()

    def _seen(self) -> tuple[Field, Field]:
        """The whole and its content, grey."""
        grey = luma(self.pixels)
        left, top, right, bottom = box_px(content_region(Image.fromarray(self.pixels)), grey.shape[1], grey.shape[0])
        return grey, grey[top:bottom, left:right]

    def to_wire(self) -> tuple[dict[str, Any], list[NDArray[Any]]]:
        """JSON-ready facts and a plain array, enough for ``from_wire`` in another process."""
        return {"size": list(self.size)}, [self.pixels]

    @classmethod
    def from_wire(cls, meta: dict[str, Any], arrays: Sequence[NDArray[Any]]) -> Self:
        """What ``to_wire`` took apart. The sender is not trusted: a hostile picture may have won it.

        Raises:
            UnreadableDescription: Anything is not as ``to_wire`` makes it.
        """
        try:
            (pixels,) = arrays
            width, height = (int(side) for side in meta["size"])
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise UnreadableDescription(f"not a glance: {error!r}; look at the picture again") from error
        shaped = pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
        if not (shaped and min(pixels.shape) > 0 and max(pixels.shape) <= SIDE_PX):
            raise UnreadableDescription("not a glance: unexpected pixels; look at the picture again")
        if not (min(width, height) > 0 and max(width, height) < _LARGEST_SIDE):
            raise UnreadableDescription("not a glance: unexpected size; look at the picture again")
        return cls((width, height), pixels)


def glance(data: bytes) -> Glance:
    """Look at a picture for some thirtieth of what judging it costs.

    Raises:
        DetectorError: The picture cannot be decoded; the subclass says why.
    """
    small, size = decode_sized(data, SIDE_PX, _ENOUGH_PX)
    return Glance(size, np.asarray(small))
