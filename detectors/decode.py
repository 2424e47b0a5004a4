"""Bytes to a picture: the only place that hands untrusted bytes to an image library. Run it in a limited process."""

from __future__ import annotations

import io
import warnings
from typing import Final

import numpy as np
from PIL import Image, UnidentifiedImageError

from detectors.errors import DetectorError, ImageTooLarge, ImageTooSmall, UndecodableImage

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")  # what marketplaces serve; each further codec is attack surface
MAX_PIXELS: Final = 40_000_000
MAX_SIDE_RATIO: Final = 20
MIN_SIDE_PX: Final = 64
MAX_BYTES: Final = 64 * 1024 * 1024

_ORIENTATION_TAG: Final = 0x0112
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode_image(data: bytes, side_px: int = 512, enough_px: int | None = None, ground: int = 255) -> Image.Image:
    """The picture as a person sees it: upright, on white, 8-bit RGB, its first frame.

    Args:
        data: A file's bytes, from anyone.
        side_px: The long side is reduced to this (never enlarged), JPEG in part while decoding.
        ground: What shows through transparent parts, 0 black to 255 white.
        enough_px: A JPEG that its decoder can reduce to between this and ``side_px`` is reduced no further (fast).

    Raises:
        UndecodableImage: No JPEG, PNG, WebP, GIF or AVIF, or a broken or truncated one.
        ImageTooSmall: A side under 64 pixels.
        ImageTooLarge: Over 64 MiB or 40 megapixels, or one side over 20 times the other.
    """
    return decode_sized(data, side_px, enough_px, ground)[0]


def decode_sized(
    data: bytes, side_px: int, enough_px: int | None = None, ground: int = 255
) -> tuple[Image.Image, tuple[int, int]]:
    """As ``decode_image``, with the width and height in pixels that the file's header gives.

    Raises:
        DetectorError: As ``decode_image``.
    """
    if len(data) > MAX_BYTES:
        raise ImageTooLarge(f"the file has {len(data)} bytes, more than {MAX_BYTES}; save it smaller")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                size = image.size
                _check_size(size)
                return _normalise(image, side_px, side_px if enough_px is None else enough_px, ground), size
    except DetectorError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise ImageTooLarge(f"the picture needs too much memory: {error}") from error
    except Exception as error:  # hostile bytes make decoders raise anything: KeyError, SyntaxError, struct.error, ...
        why = "" if isinstance(error, UnidentifiedImageError) else f": {error}"  # it names only an object of ours
        raise UndecodableImage(f"not a readable JPEG, PNG, WebP, GIF or AVIF{why}") from error


def _check_size(size: tuple[int, int]) -> None:
    short, long = min(size), max(size)
    shown = f"{size[0]} x {size[1]} pixels"
    if long > MAX_SIDE_RATIO * short or size[0] * size[1] > MAX_PIXELS:
        raise ImageTooLarge(f"{shown}: over {MAX_PIXELS // 1_000_000} megapixels or one side over 20 times the other")
    if short < MIN_SIDE_PX:
        raise ImageTooSmall(f"{shown}: each side needs at least {MIN_SIDE_PX}; give a larger picture")


def _normalise(image: Image.Image, side_px: int, enough_px: int, ground: int) -> Image.Image:
    image.draft(None, _within(image.size, enough_px))  # JPEG alone: skips the frequencies that a reduction would drop
    image.load()
    turn = _UPRIGHT.get(_orientation(image))
    plain = _flatten(_eight_bit(image), _within(image.size, side_px), ground)
    return plain.transpose(turn) if turn is not None else plain


def _within(size: tuple[int, int], side_px: int) -> tuple[int, int]:
    factor = min(1.0, side_px / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # a viewer ignores broken EXIF, so a copier could hide behind it if we refused
        return 1
    return value if isinstance(value, int) else 1


def _eight_bit(image: Image.Image) -> Image.Image:
    if not image.mode.startswith(("I", "F")):
        return image
    levels = np.asarray(image, dtype=np.int64)  # 16-bit PNG: scaled, where convert("L") would clip to white
    return Image.fromarray((levels.clip(0, 65535) >> 8).astype(np.uint8))


def _flatten(image: Image.Image, size: tuple[int, int], ground: int) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    # resize() weighs colours by alpha, so what is fully transparent leaves no trace
    drawn = image.convert("RGBA").resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    sheet = Image.new("RGBA", size, (ground, ground, ground, 255))
    return Image.alpha_composite(sheet, drawn).convert("RGB")
