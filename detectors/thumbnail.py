"""A small copy of a picture, encoded by ourselves: what is shown to people instead of a stranger's bytes."""

from __future__ import annotations

import io

from detectors.decode import decode_image


def thumbnail(data: bytes, side_px: int) -> bytes:
    """A JPEG of at most ``side_px`` pixels a side, upright, on white, without metadata.

    Raises:
        DetectorError: The picture cannot be decoded.
    """
    image = decode_image(data, side_px)
    image.thumbnail((side_px, side_px))
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=80)
    return encoded.getvalue()
