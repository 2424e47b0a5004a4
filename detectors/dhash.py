"""Difference hash: where a picture grows lighter from left to right."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

from detectors.hasher import Hasher


def dhash(image: Image.Image) -> bytes:
    """The 256 bits of ``imagehash.dhash(image, hash_size=16)``, row by row, most significant bit first.

    Hand it a picture of at most 256 px: on larger ones the reduction costs more than the hash.
    """
    import imagehash  # brings scipy: only a process that hashes pays

    return np.packbits(imagehash.dhash(image, hash_size=16).hash).tobytes()


DHASH: Final = Hasher("dhash", version=1, radius_bits=52, compute=dhash)  # radius: docs/detection.md
