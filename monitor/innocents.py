"""Pictures that show no work of anyone's: what a listing may look like that has nothing to do with us, by seed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from random import Random

from PIL import Image

from monitor.demo.drawings import draw, plan
from monitor.demo.edits import EDITS

_QUALITY = 86


def generated(count: int, seed: int = 0) -> Iterator[bytes]:
    """JPEGs of drawn designs, each edited as sellers do; the same for a seed."""
    names = sorted(EDITS)
    for number in range(count):
        rng = Random(f"innocent {seed} {number}")
        yield jpeg(EDITS[names[number % len(names)]](draw(plan(1_000_000 * (seed + 1) + number)), rng))


def jpeg(picture: Image.Image, quality: int = _QUALITY) -> bytes:
    """A picture as a listing's file."""
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()
