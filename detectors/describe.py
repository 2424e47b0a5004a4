"""Everything the detectors remember of one picture. Made in a limited process from bytes that anyone may have sent."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detectors.decode import decode_image
from detectors.errors import UnreadableDescription
from detectors.features import CONTRAST, FAINT, WIDTH, Features, extract
from detectors.hasher import CODE_BYTES, hashers
from detectors.model import WHOLE, Fingerprint, Region
from detectors.prepare import content_region, cut, object_regions, require_detail

LEAST_HASHED_PX: Final = 80
FORMAT: Final = 3  # of the wire and the stored bytes; raised when either changes
THUMBNAIL_PX: Final = 256
EXAMINED_PX: Final = 340  # 400 finds as many copies for a fifth more time, 320 one in a hundred fewer
_MAX_EXAMINED_PX: Final = 512
REFERENCE_PX: Final = 440
PICTURE_FEATURES: Final = 800  # in 400 a watermark's or a photograph's own points leave too few of a design's
REFERENCE_FEATURES: Final = 300
_PLAIN: Final = 150  # features: a design with fewer is looked at again for faint ones, which cost as much as the rest
SMALL_FEATURES: Final = 80  # those alone that a reference of half the size adds: the finest lines blur first
RECUT_FEATURES: Final = 80  # those alone that a dark ground adds
_RECUT_SHARE: Final = 0.7  # of the size: the dark ground mends silhouettes, which are coarse
_LIGHT: Final = 255
_DARK: Final = 40
_WELL_FILLED: Final = 0.7
_MAX_DECODED_PX: Final = 800
_MOST_ENLARGED: Final = 2.0
# Around the content, in shares of its long side. Points near a border are lost, and many a reference fills its file:
# with 0.1 of ground around references 0.7 % more of the copies are found (seed 3 of docs/detection.md).
_FRAME: Final = 0.015
_REFERENCE_FRAME: Final = 0.1
_MAX_FEATURES: Final = 4096
_LONGEST_NAME: Final = 40
_MAX_FINGERPRINTS: Final = 4096
_MAX_SIDE: Final = 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """What the detectors remember of one picture.

    Attributes:
        size: Width and height in pixels, upright, as examined (reduced).
        fingerprints: Of every region; a reference has eight orientations of each.
        content: The picture without plain margins.
        features: Its distinctive points.
        thumbnail: height x width uint8, grey, at most 256 px a side.
    """

    size: tuple[int, int]
    fingerprints: tuple[Fingerprint, ...]
    content: Region = WHOLE
    features: Features = field(default_factory=Features.none)
    thumbnail: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), np.uint8))

    @property
    def scale(self) -> tuple[float, float]:
        """Width and height in fractions of the long side."""
        return self.size[0] / max(self.size), self.size[1] / max(self.size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Description) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def to_wire(self) -> tuple[dict[str, Any], list[NDArray[Any]]]:
        """JSON-ready facts and plain arrays, enough for ``from_wire`` in another process."""
        regions = list(dict.fromkeys(fingerprint.region for fingerprint in self.fingerprints))
        meta = {
            "format": FORMAT,
            "size": list(self.size),
            "content": [self.content.name, list(self.content.box)],
            "regions": [[region.name, list(region.box)] for region in regions],
            "fingerprints": [
                [f.detector, f.version, regions.index(f.region), f.orientation] for f in self.fingerprints
            ],
        }
        codes = np.frombuffer(b"".join(f.bits for f in self.fingerprints), dtype=np.uint8)
        return meta, [codes.reshape(-1, CODE_BYTES), self.features.points, self.features.descriptors, self.thumbnail]

    @classmethod
    def from_wire(cls, meta: dict[str, Any], arrays: Sequence[NDArray[Any]]) -> Self:
        """The description that ``to_wire`` took apart. The sender is not trusted: a hostile picture may have won it.

        Raises:
            UnreadableDescription: Anything is not as ``to_wire`` makes it.
        """
        try:
            if meta["format"] != FORMAT:
                raise UnreadableDescription(f"format {meta['format']!r} is not {FORMAT}; describe the picture again")
            codes, points, descriptors, thumbnail = arrays
            _require(codes.dtype == np.uint8 and codes.shape == (len(meta["fingerprints"]), CODE_BYTES), "codes")
            _require(len(codes) <= _MAX_FINGERPRINTS, "number of fingerprints")
            _require_features(points, descriptors)
            _require(thumbnail.dtype == np.uint8 and thumbnail.ndim == 2, "thumbnail")
            _require(max(thumbnail.shape) <= THUMBNAIL_PX, "thumbnail's size")
            regions = [_region(value) for value in meta["regions"]]
            return cls(
                _size(meta["size"]),
                tuple(
                    Fingerprint(_known(name), int(version), code.tobytes(), regions[_index(at)], _index(turn) % 8)
                    for (name, version, at, turn), code in zip(meta["fingerprints"], codes, strict=True)
                ),
                _region(meta["content"]),
                Features(points, descriptors),
                thumbnail,
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
    """What a listing's picture is compared by: its content's fingerprints as it stands, and its features.

    Raises:
        DetectorError: The picture cannot be decoded or shows nothing to compare; the subclass says which.
    """
    image = decode_image(data, _MAX_EXAMINED_PX, EXAMINED_PX)
    grey = image.convert("L")
    content = _content(image, grey)
    regions = [content, *object_regions(image, content)]
    return Description(
        image.size,
        tuple(f for region in regions for f in _fingerprints(grey, region, orientations=1)),
        content,
        _features(_enlarged(data, grey, content), content, EXAMINED_PX, PICTURE_FEATURES),
        _thumbnail(grey),
    )


def describe_reference(data: bytes) -> Description:
    """What a registered picture is compared by: the fingerprints of its content and its whole, each in all eight
    orientations, and its features on a light and, where its ground is transparent, on a dark ground.

    Raises:
        DetectorError: The picture cannot be decoded or shows nothing to compare; the subclass says which.
    """
    image = decode_image(data, REFERENCE_PX)
    grey = image.convert("L")
    content = _content(image, grey)
    regions = dict.fromkeys([content, WHOLE])
    light = _enlarged(data, grey, content)
    features = reference_features(light, content, REFERENCE_PX, REFERENCE_FEATURES, CONTRAST)
    if len(features) < _PLAIN:
        features = reference_features(light, content, REFERENCE_PX, REFERENCE_FEATURES, FAINT)
    small = reference_features(light, content, REFERENCE_PX // 2, 2 * SMALL_FEATURES, FAINT)
    features = features.joined(small.unlike(features, SMALL_FEATURES))
    recut = decode_image(data, REFERENCE_PX, ground=_DARK)
    if recut.tobytes() != image.tobytes():
        side_px = round(REFERENCE_PX * _RECUT_SHARE)
        dark = reference_features(recut.convert("L"), content, side_px, REFERENCE_FEATURES, FAINT, _DARK)
        features = features.joined(dark.unlike(features, RECUT_FEATURES))
    return Description(
        image.size,
        tuple(f for region in regions for f in _fingerprints(grey, region, orientations=8)),
        content,
        features,
        _thumbnail(grey),
    )


def _content(image: Image.Image, grey: Image.Image) -> Region:
    content = content_region(image)
    require_detail(_hashed(grey, content))
    return content


def _enlarged(data: bytes, grey: Image.Image, content: Region) -> Image.Image:
    """The grey picture, decoded larger where its content fills so little of it that points would be lost."""
    filled = max(content.box[2] - content.box[0], content.box[3] - content.box[1])
    if filled > _WELL_FILLED:
        return grey
    return decode_image(data, _MAX_DECODED_PX, min(int(max(grey.size) / filled), _MAX_DECODED_PX)).convert("L")


def _features(grey: Image.Image, content: Region, side_px: int, limit: int) -> Features:
    """The features of a listing's content, at about ``side_px``, in fractions of the whole's long side."""
    left, top, right, bottom = _box_px(grey, content, _FRAME)
    box = (max(0, left), max(0, top), min(grey.width, right), min(grey.height, bottom))
    return _extracted(grey.crop(box), box, max(grey.size), side_px, limit, CONTRAST)


def reference_features(
    grey: Image.Image,
    content: Region,
    side_px: int,
    limit: int,
    contrast: float,
    ground: int = _LIGHT,
) -> Features:
    """The same of a reference, which stands on its ground even where its file ends."""
    box = _box_px(grey, content, _REFERENCE_FRAME)
    part = Image.new("L", (box[2] - box[0], box[3] - box[1]), ground)
    part.paste(grey, (-box[0], -box[1]))
    return _extracted(part, box, max(grey.size), round(side_px * (1 + 2 * _REFERENCE_FRAME)), limit, contrast)


def _box_px(image: Image.Image, content: Region, frame: float) -> tuple[int, int, int, int]:
    left, top = content.box[0] * image.width, content.box[1] * image.height
    right, bottom = content.box[2] * image.width, content.box[3] * image.height
    border = frame * max(right - left, bottom - top)
    return round(left - border), round(top - border), round(right + border), round(bottom + border)


def _extracted(
    part: Image.Image, box: tuple[int, int, int, int], whole_px: int, side_px: int, limit: int, contrast: float
) -> Features:
    factor = min(_MOST_ENLARGED, side_px / max(part.size))
    if not 0.9 < factor < 1.3:
        size = (max(1, round(part.width * factor)), max(1, round(part.height * factor)))
        part = part.resize(size, Image.Resampling.BICUBIC)
    found = extract(np.asarray(part), limit, contrast)
    return found.within(max(box[2] - box[0], box[3] - box[1]) / whole_px, (box[0] / whole_px, box[1] / whole_px))


def _thumbnail(grey: Image.Image) -> NDArray[np.uint8]:
    small = grey.copy()
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
    return np.asarray(small)


def _fingerprints(grey: Image.Image, region: Region, orientations: int) -> Iterator[Fingerprint]:
    reduced = _hashed(grey, region)
    for orientation in range(orientations):
        oriented = orient(reduced, orientation)
        for hasher in hashers().values():
            yield Fingerprint(hasher.name, hasher.version, hasher.compute(oriented), region, orientation)


def _hashed(grey: Image.Image, region: Region) -> Image.Image:
    part = cut(grey, region)
    return part.reduce(max(1, min(part.size) // LEAST_HASHED_PX))  # the hashes' own reductions are slow


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


def _require_features(points: NDArray[Any], descriptors: NDArray[Any]) -> None:
    _require(points.dtype == np.float32 and points.ndim == 2 and points.shape[1] == 4, "points")
    _require(descriptors.dtype == np.uint8 and descriptors.shape == (len(points), WIDTH), "descriptors")
    _require(len(points) <= _MAX_FEATURES, "number of features")
    _require(bool(np.isfinite(points).all()) and bool((np.abs(points) < 100).all()), "position")
    _require(not len(points) or float(points[:, 2].min()) > 1e-6, "diameter")


def _region(value: Sequence[Any]) -> Region:
    name, box = value
    _require(isinstance(name, str) and len(name) <= _LONGEST_NAME, "region's name")
    return Region(str(name), _box(box))


def _size(value: Sequence[int]) -> tuple[int, int]:
    width, height = (_index(side) for side in value)
    _require(min(width, height) > 0 and max(width, height) < _MAX_SIDE, "size")
    return width, height


def _box(value: Sequence[float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(side) for side in value)
    _require(0.0 <= left < right <= 1.0 and 0.0 <= top < bottom <= 1.0, "region")
    return left, top, right, bottom
