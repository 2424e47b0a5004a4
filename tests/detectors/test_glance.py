import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detectors.errors import DetectorError, UnreadableDescription
from detectors.glance import SIDE_PX, Glance, glance


def bits_apart(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def test_a_large_jpeg_is_seen_small_with_the_size_of_its_file(draw, encode):
    seen = glance(encode(draw(1, 800).resize((800, 600)), "JPEG"))
    assert seen.size == (800, 600)
    assert SIDE_PX / 2 <= max(seen.pixels.shape) <= SIDE_PX


def test_plain_margins_change_the_whole_hash_and_not_the_trimmed_one(draw, encode):
    design = draw(2, 500, margin=0)
    wide = Image.new("RGB", (900, 900), "white")
    wide.paste(design, (300, 40))
    one, other = (glance(encode(picture, "JPEG", quality=90)).hashes() for picture in (design, wide))
    whole, trimmed = (bits_apart(a, b) for a, b in zip(one, other, strict=True))
    assert trimmed < 60 < whole


def test_the_eight_orientations_of_both_hashes_begin_with_the_picture_as_it_stands(draw, encode):
    seen = glance(encode(draw(3)))
    found = seen.orientations()
    assert len(found) == 16
    assert (found[0], found[8]) == seen.hashes()


def test_the_thumbnail_is_a_small_jpeg_of_the_same_picture(draw, encode):
    seen = glance(encode(draw(4)))
    with Image.open(io.BytesIO(seen.thumbnail())) as image:
        assert (image.format, max(image.size)) == ("JPEG", max(seen.pixels.shape[:2]))
        assert np.abs(np.asarray(image, float) - seen.pixels).mean() < 8


def test_a_glance_survives_the_wire(draw, encode):
    seen = glance(encode(draw(5)))
    again = Glance.from_wire(*seen.to_wire())
    assert (again.size, again.hashes()) == (seen.size, seen.hashes())


@pytest.mark.parametrize(
    ("meta", "pixels"),
    [
        ({}, np.zeros((4, 4, 3), np.uint8)),
        ({"size": [4, 4]}, np.zeros((4, 4), np.uint8)),
        ({"size": [4, 4]}, np.zeros((4, 4, 3), np.float32)),
        ({"size": [4, 4]}, np.zeros((400, 4, 3), np.uint8)),
        ({"size": [4, 4]}, np.zeros((0, 4, 3), np.uint8)),
        ({"size": [0, 4]}, np.zeros((4, 4, 3), np.uint8)),
        ({"size": ["wide", 4]}, np.zeros((4, 4, 3), np.uint8)),
    ],
)
def test_what_no_glance_can_be_is_refused(meta, pixels):
    with pytest.raises(UnreadableDescription):
        Glance.from_wire(meta, [pixels])


@given(st.binary(max_size=400))
def test_bytes_that_are_no_picture_raise_only_detector_errors(data):
    with pytest.raises(DetectorError):
        glance(data)
