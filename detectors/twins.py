"""Whether a picture repeats one that was judged before, so that judging it again would say the same."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.decode import decode_image
from detectors.glance import SIDE_PX, Glance, Pixels
from detectors.pdq import pdq

_SPOTS: Final = 48  # to a side, 2 % of it each: what is smaller is no design
_CANDIDATES: Final = 4
_JUDGED_PX: Final = 400  # of a larger picture the detectors see no more
# Measured on 60 pictures of 800 px (docs/lookback.md). Compressed anew at quality 40 to 95, spots differed by at most
# 2.1 (light), 5.5 (colour), 1.6 (roughness). A design pasted on 8 % of the width: light 19 and more, at a third of its
# strength 6; on a quarter of the width at a tenth of its strength: 8.8. Blurred by 2 px, then sharp: roughness 17.
_LIGHT: Final = 3.0
_COLOUR: Final = 7.0
_ROUGHNESS: Final = 3.0
_BITS: Final = 12
_BANDS: Final = _BITS + 1  # of hashes that differ in at most so many bits, one band at least is the same
_THUMBNAILS: Final = 1.6  # their own compression comes on top: up to 2.1, 7 and 3.8 were measured
_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)

Name = TypeVar("Name")


@dataclass(frozen=True, slots=True)
class _Held(Generic[Name]):
    name: Name
    size: tuple[int, int]
    shape: tuple[int, ...]
    spots: NDArray[np.uint8]


class Twins(Generic[Name]):
    """The newest judged pictures, to know them again after another round of compression.

    The rule: what was found on one picture, or not found, holds for another one only where that other has the same
    shape, is no larger (or both are larger than the detectors look), and in none of 48 x 48 spots differs in light,
    colour or roughness by more than compression does. Whoever adds something to an innocent picture, sharpens it or
    lays a faint design over it is judged anew. Only pictures that were judged themselves are held, so that small
    steps do not add up.
    """

    def __init__(self, most: int) -> None:
        self._hashes = np.zeros((4, most), np.uint64)  # a row a word of the hash: the first one rules out nearly all
        self._held: list[_Held[Name] | None] = [None] * most
        self._next = 0

    def add(self, seen: Glance, name: Name) -> None:
        """Hold a picture that was judged; the oldest one gives way."""
        self._hashes[:, self._next] = _words(seen)
        self._held[self._next] = _Held(name, seen.size, seen.pixels.shape, spots(seen.pixels))
        self._next = (self._next + 1) % len(self._held)

    def find(self, seen: Glance) -> Name | None:
        """The judged picture that this one repeats."""
        words = _words(seen)
        near = np.flatnonzero(np.bitwise_count(self._hashes[0] ^ words[0]) <= _BITS)
        gaps = np.bitwise_count(self._hashes[:, near] ^ words[:, None]).sum(axis=0)
        near = near[np.argsort(gaps, kind="stable")][: min(_CANDIDATES, int((gaps <= _BITS).sum()))]
        if not len(near):
            return None
        own = spots(seen.pixels)
        for at in near.tolist():
            held = self._held[at]
            if held and _as_large(held, seen) and held.shape == seen.pixels.shape and alike(held.spots, own):
                return held.name
        return None


def bands(whole: bytes) -> list[int]:
    """A PDQ hash cut into thirteen numbers: hashes near enough to be twins have one of them in common at least."""
    bits, size = int.from_bytes(whole, "big"), 8 * len(whole)
    cuts = [size * band // _BANDS for band in range(_BANDS + 1)]
    return [
        band << 20 | (bits >> low) & ((1 << (high - low)) - 1)
        for band, (low, high) in enumerate(itertools.pairwise(cuts))
    ]


def apart(one: bytes, other: bytes) -> int:
    """By how many bits two PDQ hashes differ."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def repeats(one: tuple[bytes, bytes], other: tuple[bytes, bytes]) -> bool:
    """Whether two remembered pictures, each as its PDQ hash and its thumbnail, show the same but for compression."""
    if apart(one[0], other[0]) > _BITS:
        return False
    pictures = [np.asarray(decode_image(thumbnail, SIDE_PX)) for _, thumbnail in (one, other)]
    return pictures[0].shape == pictures[1].shape and alike(spots(pictures[0]), spots(pictures[1]), _THUMBNAILS)


def spots(pixels: Pixels) -> NDArray[np.uint8]:
    """h x w x 4 of at most 48 a side: mean red, green, blue and four times the roughness of each spot."""
    import cv2

    height, width = pixels.shape[:2]
    size = (max(1, round(_SPOTS * width / max(height, width))), max(1, round(_SPOTS * height / max(height, width))))
    grey = pixels @ _LUMA
    rough = cv2.resize(4.0 * cv2.absdiff(grey, cv2.blur(grey, (3, 3))), size, interpolation=cv2.INTER_AREA)
    mean = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.dstack([mean, np.clip(np.round(rough), 0, 255).astype(np.uint8)])


def alike(one: NDArray[np.uint8], other: NDArray[np.uint8], slack: float = 1.0) -> bool:
    """Whether two pictures' spots differ by no more than compression, or ``slack`` times as much."""
    gap = one.astype(np.float32) - other
    colour, roughness = gap[..., :3], gap[..., 3] / 4.0
    light = colour @ _LUMA
    return bool(
        np.abs(light).max() <= slack * _LIGHT
        and np.abs(colour).max() <= slack * _COLOUR
        and np.abs(roughness).max() <= slack * _ROUGHNESS
    )


def _as_large(held: _Held[Name], seen: Glance) -> bool:
    return max(held.size) >= min(max(seen.size), _JUDGED_PX)


def _words(seen: Glance) -> NDArray[np.uint64]:
    return np.frombuffer(pdq(seen.pixels), np.uint64)
