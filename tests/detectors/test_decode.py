import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from detectors.decode import FORMATS, decode_image
from detectors.errors import DetectorError, ImageTooLarge, ImageTooSmall, UndecodableImage


def _saved(kind: str) -> bytes:
    file = io.BytesIO()
    pixels = np.add.outer(np.arange(80), np.arange(96))[..., None] * np.array([1, 2, 3])
    Image.fromarray((pixels % 256).astype(np.uint8)).save(file, kind)
    return file.getvalue()


SAVED = {kind: _saved(kind) for kind in FORMATS}


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", FORMATS)
def test_every_accepted_format_comes_out_as_rgb(kind):
    image = decode_image(SAVED[kind])
    assert (image.mode, image.size) == ("RGB", (96, 80))


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM", "ICO"])
def test_other_formats_are_refused(kind, encode, draw):
    with pytest.raises(UndecodableImage):
        decode_image(encode(draw(), kind))


@given(st.binary(max_size=400))
def test_random_bytes_raise_only_detector_errors(data):
    with pytest.raises(DetectorError):
        decode_image(data)


@settings(max_examples=300)
@given(st.sampled_from(FORMATS), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=6), st.data())
@pytest.mark.slow
def test_mutated_files_decode_or_raise_detector_errors(kind, mutations, data):
    mutated = bytearray(SAVED[kind])
    for place, value in mutations:
        mutated[place % len(mutated)] = value
    end = data.draw(st.integers(0, len(mutated)) | st.just(len(mutated)))
    with contextlib.suppress(DetectorError):
        assert decode_image(bytes(mutated[:end])).mode == "RGB"


def test_a_truncated_picture_is_refused(encode, draw):
    whole = encode(draw(), "JPEG")
    with pytest.raises(UndecodableImage):
        decode_image(whole[: len(whole) // 2])


@pytest.mark.parametrize("size", [(7000, 7000), (13300, 13300), (100, 2001), (65000, 65000)])
def test_too_many_pixels_or_an_absurd_ratio_is_refused_before_decoding(size):
    with pytest.raises(ImageTooLarge):
        decode_image(_png(*size))


def test_a_tiny_picture_is_refused(encode):
    with pytest.raises(ImageTooSmall):
        decode_image(encode(Image.new("RGB", (63, 400))))


def test_too_many_bytes_are_refused():
    with pytest.raises(ImageTooLarge):
        decode_image(b"\xff" * (64 * 1024 * 1024 + 1))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation, encode, draw):
    upright = draw(side_px=200).crop((0, 0, 200, 120))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that the tag asks the viewer to undo
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = decode_image(encode(stored, "PNG", exif=exif))
    assert np.array_equal(np.asarray(shown), np.asarray(upright))


def test_broken_exif_does_not_hide_a_picture(encode, draw):
    image = decode_image(encode(draw(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"))
    assert image.size == (512, 512)


def test_a_work_hidden_under_full_transparency_is_not_seen(encode, draw):
    hidden = draw().convert("RGBA")
    hidden.putalpha(0)
    assert np.asarray(decode_image(encode(hidden))).min() == 255


def test_a_transparent_palette_colour_becomes_white(encode):
    picture = Image.new("P", (100, 100), 1)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.paste(0, (0, 0, 50, 100))
    shown = decode_image(encode(picture, transparency=1))
    assert shown.getpixel((10, 50)) == (255, 0, 0)
    assert shown.getpixel((90, 50)) == (255, 255, 255)


def test_sixteen_bit_grey_is_scaled_not_clipped(encode):
    ramp = np.linspace(0, 65535, 100 * 100).reshape(100, 100).astype(np.uint16)
    shown = np.asarray(decode_image(encode(Image.fromarray(ramp))))
    assert 120 <= shown[50, 0, 0] <= 135


def test_cmyk_becomes_the_colours_a_person_sees(encode):
    shown = decode_image(encode(Image.new("CMYK", (100, 100), (255, 0, 0, 0)), "JPEG"))
    red, green, blue = shown.getpixel((50, 50))
    assert red < 40
    assert min(green, blue) > 200


def test_the_first_frame_of_an_animation_counts(encode, draw):
    first, second = draw(1), draw(2)
    animated = encode(first, "WEBP", save_all=True, append_images=[second], lossless=True)
    assert np.array_equal(np.asarray(decode_image(animated, 600)), np.asarray(first))


def test_a_jpeg_is_reduced_while_decoding(encode, draw):
    data = encode(draw(side_px=800), "JPEG")
    assert decode_image(data, 256, 192).size == (200, 200)
    assert decode_image(data, 256).size == (256, 256)
    assert decode_image(data, 2000).size == (800, 800)
