"""How unlike two fingerprints are."""

from __future__ import annotations

import numpy as np

from detectors.model import Fingerprint


def distance_bits(one: Fingerprint, other: Fingerprint) -> int:
    """The number of bits in which two fingerprints of one detector and version differ.

    Raises:
        ValueError: They come from different detectors, versions or lengths, and cannot be compared.
    """
    if (one.detector, one.version, len(one.bits)) != (other.detector, other.version, len(other.bits)):
        raise ValueError(
            f"{one.detector} {one.version} ({len(one.bits)} bytes) and {other.detector} {other.version} "
            f"({len(other.bits)} bytes) cannot be compared; fingerprint both pictures anew"
        )
    differing = np.frombuffer(one.bits, np.uint8) ^ np.frombuffer(other.bits, np.uint8)
    return int(np.bitwise_count(differing).sum())
