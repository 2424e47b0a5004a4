"""Perceptual hash: the signs of a picture's lowest frequencies."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

from detectors.hasher import Hasher


def phash(image: Image.Image) -> bytes:
    """The 256 bits of ``imagehash.phash(image, hash_size=16)``, row by row, most significant bit first.

    Hand it a picture of at most 256 px: on larger ones the reduction costs more than the hash.
    """
    import imagehash  # brings scipy: only a process that hashes pays

    return np.packbits(imagehash.phash(image, hash_size=16).hash).tobytes()


PHASH: Final = Hasher("phash", version=1, radius_bits=62, compute=phash)  # radius: docs/detection.md
