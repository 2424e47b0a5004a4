"""What a perceptual hash must offer, and the table of those in use."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from PIL import Image

import detectors

CODE_BYTES: Final = 32  # every hash has 256 bits, so that one store and one kind of index serve all


@dataclass(frozen=True, slots=True)
class Hasher:
    """One perceptual hash.

    Attributes:
        name: Stored with every fingerprint: never changes.
        version: Raised whenever the bits of any picture change.
        radius_bits: Up to this many of the 256 bits apart, two pictures are a finding.
        compute: Upright picture of at most 256 px -> 32 bytes.
    """

    name: str
    version: int
    radius_bits: int
    compute: Callable[[Image.Image], bytes]


@functools.cache
def hashers() -> Mapping[str, Hasher]:
    """Every hasher of ``detectors.HASHERS`` by name, loaded at the first call."""
    loaded = {}
    for name, place in detectors.HASHERS.items():
        module, attribute = place.split(":")
        hasher = getattr(importlib.import_module(module), attribute)
        if hasher.name != name:
            raise ValueError(f"the table calls {place} {name!r}, but it calls itself {hasher.name!r}")
        loaded[name] = hasher
    return loaded
