import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from detectors.describe import describe, describe_reference
from detectors.errors import DetectorError
from detectors.explain import comparison
from detectors.model import Match
from detectors.works import WorksIndex

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def case(draw, encode):
    sheet = Image.new("RGB", (800, 800), (200, 220, 200))
    sheet.paste(draw(4).resize((400, 400)), (100, 300))
    reference, picture = encode(draw(4)), encode(sheet, "JPEG", quality=80)
    index = WorksIndex()
    index.add(1, 2, describe_reference(reference))
    matches = index.matches(describe(picture))
    return reference, picture, next(match for match in matches if match.detector == "features")


def test_the_same_bytes_give_the_same_picture(case):
    assert comparison(*case) == comparison(*case)


def test_the_reference_lies_over_its_copy_so_that_the_overlay_looks_like_the_picture(case):
    sheet = np.asarray(Image.open(io.BytesIO(comparison(*case))), dtype=float)
    overlay = sheet[52:452, 2 * 492 + 52 : 2 * 492 + 452]  # a JPEG of 800 pixels is drawn at half its size
    copy = np.asarray(Image.open(io.BytesIO(case[1])).convert("RGB").resize((400, 400)), dtype=float)
    inside = (slice(160, 340), slice(60, 240))
    assert np.abs(overlay[inside] - copy[inside]).mean() < 12


def test_matched_points_and_the_frame_are_drawn(case):
    sheet = np.asarray(Image.open(io.BytesIO(comparison(*case))))
    assert (sheet[:, :492] == (0, 150, 70)).all(axis=2).sum() > 100
    assert (sheet[:, 492:984] == (220, 20, 60)).all(axis=2).sum() > 100


def test_a_mirrored_copy_has_its_points_at_the_mirrored_places(draw, encode):
    reference, picture = encode(draw(4)), encode(draw(4).transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    index = WorksIndex()
    index.add(1, 2, describe_reference(reference))
    match = next(one for one in index.matches(describe(picture)) if one.placement)
    sheet = np.asarray(Image.open(io.BytesIO(comparison(reference, picture, match))))
    left, right = ((sheet[:, start : start + 492] == (0, 150, 70)).all(axis=2) for start in (0, 492))
    assert left.sum() > 100
    middle = 12 + 240
    assert abs((np.nonzero(left)[1].mean() - middle) + (np.nonzero(right)[1].mean() - middle)) < 10


def test_a_copy_in_inverted_colours_has_its_points_and_an_overlay_that_is_not_grey(draw, encode):
    reference, picture = encode(draw(4)), encode(ImageOps.invert(draw(4).convert("RGB")))
    index = WorksIndex()
    index.add(1, 2, describe_reference(reference))
    match = next(one for one in index.matches(describe(picture)) if one.placement)
    sheet = np.asarray(Image.open(io.BytesIO(comparison(reference, picture, match))))
    assert (sheet[:, :492] == (0, 150, 70)).all(axis=2).sum() > 100
    assert sheet[60:440, 2 * 492 + 60 : 2 * 492 + 440].std() > 30


def test_what_lies_on_a_small_part_is_shown_closer(draw, encode):
    sheet = Image.new("RGB", (1600, 800), (200, 220, 200))
    sheet.paste(draw(4).resize((120, 120)), (1400, 60))
    reference, picture = encode(draw(4)), encode(sheet)
    at = (120 / 1600, 0.0, 1400 / 1600, 0.0, 120 / 800, 60 / 800)
    match = Match(1, 2, "logo", 1, threshold=1.8, score=9.0, placement=at)
    drawn = np.asarray(Image.open(io.BytesIO(comparison(reference, picture, match))))
    whole, closer = drawn[:, 492:984], drawn[12:492, 996:1476]
    framed = np.argwhere((whole == (220, 20, 60)).all(axis=2))
    assert (np.ptp(framed, axis=0) < 60).all(), "in the whole picture its frame is small"
    expected = np.asarray(sheet.crop((1340, 0, 1580, 240)).resize((480, 480)), dtype=float)
    assert np.abs(closer.astype(float) - expected).mean() < 12


def test_a_match_without_placement_cannot_be_drawn(case):
    with pytest.raises(DetectorError, match="without placement"):
        comparison(case[0], case[1], replace(case[2], placement=None))
