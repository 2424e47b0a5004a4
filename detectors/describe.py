"""Everything the detectors remember of one picture. Made in a limited process from bytes that anyone may have sent."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detectors.decode import decode_image
from detectors.errors import UnreadableDescription
from detectors.hasher import CODE_BYTES, hashers
from detectors.model import WHOLE, Fingerprint, Region
from detectors.prepare import content_region, cut, require_detail

ENOUGH_PX: Final = 192
LEAST_HASHED_PX: Final = 80
FORMAT: Final = 1  # of the wire and the stored bytes; raised when either changes
HASHED_PX: Final = 256  # the hashes see at most 65 pixels a side: more only costs
_MAX_FINGERPRINTS: Final = 4096
_MAX_SIDE: Final = 2**20


@dataclass(frozen=True, slots=True)
class Description:
    """One picture's regions and their fingerprints.

    Attributes:
        size: Width and height in pixels, upright, as examined (reduced).
        fingerprints: Of every region; a reference has eight orientations of each.
    """

    size: tuple[int, int]
    fingerprints: tuple[Fingerprint, ...]

    def to_wire(self) -> tuple[dict[str, Any], list[NDArray[Any]]]:
        """JSON-ready facts and plain arrays, enough for ``from_wire`` in another process."""
        regions = list(dict.fromkeys(fingerprint.region for fingerprint in self.fingerprints))
        meta = {
            "format": FORMAT,
            "size": list(self.size),
            "regions": [[region.name, list(region.box)] for region in regions],
            "fingerprints": [
                [f.detector, f.version, regions.index(f.region), f.orientation] for f in self.fingerprints
            ],
        }
        codes = np.frombuffer(b"".join(f.bits for f in self.fingerprints), dtype=np.uint8)
        return meta, [codes.reshape(-1, CODE_BYTES)]

    @classmethod
    def from_wire(cls, meta: dict[str, Any], arrays: Sequence[NDArray[Any]]) -> Self:
        """The description that ``to_wire`` took apart. The sender is not trusted: a hostile picture may have won it.

        Raises:
            UnreadableDescription: Anything is not as ``to_wire`` makes it.
        """
        try:
            if meta["format"] != FORMAT:
                raise UnreadableDescription(f"format {meta['format']!r} is not {FORMAT}; describe the picture again")
            (codes,) = arrays
            _require(codes.dtype == np.uint8 and codes.shape == (len(meta["fingerprints"]), CODE_BYTES), "codes")
            _require(len(codes) <= _MAX_FINGERPRINTS, "number of fingerprints")
            regions = [Region(str(name)[:40], _box(box)) for name, box in meta["regions"]]
            return cls(
                _size(meta["size"]),
                tuple(
                    Fingerprint(_known(name), int(version), code.tobytes(), regions[_index(at)], _index(turn) % 8)
                    for (name, version, at, turn), code in zip(meta["fingerprints"], codes, strict=True)
                ),
            )
        except (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError) as error:
            raise UnreadableDescription(f"not a description: {error!r}; describe the picture again") from error

    def to_bytes(self) -> bytes:
        """For storage: a JSON line (the wire's facts, dtypes and shapes), then the arrays' bytes."""
        meta, arrays = self.to_wire()
        meta["arrays"] = [[array.dtype.str, list(array.shape)] for array in arrays]
        header = json.dumps(meta, separators=(",", ":")).encode()
        return b"".join([header, b"\n", *(np.ascontiguousarray(array).tobytes() for array in arrays)])

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """The description that ``to_bytes`` wrote.

        Raises:
            UnreadableDescription: Cut short, altered, or of another format version; describe the picture again.
        """
        try:
            header, _, rest = stored.partition(b"\n")
            meta = json.loads(header)
            arrays: list[NDArray[Any]] = []
            for dtype, shape in meta.pop("arrays"):
                _require(dtype in ("|u1", "<f4"), "dtype")
                count = math.prod(_index(side) for side in shape)
                arrays.append(np.frombuffer(rest, dtype=dtype, count=count).reshape(shape))
                rest = rest[arrays[-1].nbytes :]
            _require(not rest, "length")
        except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise UnreadableDescription(f"not a stored description: {error!r}; describe the picture again") from error
        return cls.from_wire(meta, arrays)


def describe(data: bytes) -> Description:
    """What a listing's picture is compared by: its content, as it stands.

    Raises:
        DetectorError: The picture cannot be decoded or shows nothing to compare; the subclass says which.
    """
    image = decode_image(data, HASHED_PX, ENOUGH_PX)
    content = content_region(image)
    require_detail(_hashed(image, content))
    return Description(image.size, tuple(_fingerprints(image, content, orientations=1)))


def describe_reference(data: bytes) -> Description:
    """What a registered picture is compared by: its content and its whole, each in all eight orientations.

    Raises:
        DetectorError: The picture cannot be decoded or shows nothing to compare; the subclass says which.
    """
    image = decode_image(data, HASHED_PX, ENOUGH_PX)
    content = content_region(image)
    require_detail(_hashed(image, content))
    regions = dict.fromkeys([content, WHOLE])
    return Description(image.size, tuple(f for region in regions for f in _fingerprints(image, region, orientations=8)))


def _fingerprints(image: Image.Image, region: Region, orientations: int) -> Iterator[Fingerprint]:
    grey = _hashed(image, region)
    for orientation in range(orientations):
        oriented = orient(grey, orientation)
        for hasher in hashers().values():
            yield Fingerprint(hasher.name, hasher.version, hasher.compute(oriented), region, orientation)


def _hashed(image: Image.Image, region: Region) -> Image.Image:
    grey = cut(image, region).convert("L")
    return grey.reduce(max(1, min(grey.size) // LEAST_HASHED_PX))  # the hashes' own reductions are slow


def orient(image: Image.Image, orientation: int) -> Image.Image:
    """One of a picture's eight orientations: mirrored left to right from 4 on, then turned counter-clockwise."""
    if orientation >= 4:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    turn = (None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)[orientation % 4]
    return image if turn is None else image.transpose(turn)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"unexpected {what}")


def _index(value: object) -> int:
    _require(type(value) is int and 0 <= value < 2**31, "number")
    return int(value)  # type: ignore[call-overload,no-any-return]


def _known(name: object) -> str:
    _require(isinstance(name, str) and name in hashers(), "detector")
    return str(name)


def _size(value: Sequence[int]) -> tuple[int, int]:
    width, height = (_index(side) for side in value)
    _require(min(width, height) > 0 and max(width, height) < _MAX_SIDE, "size")
    return width, height


def _box(value: Sequence[float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(side) for side in value)
    _require(0.0 <= left < right <= 1.0 and 0.0 <= top < bottom <= 1.0, "region")
    return left, top, right, bottom
