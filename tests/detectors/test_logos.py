"""A logo on a small part of a picture: found where it lies, shown to a person on its own, and not where it is not."""

import numpy as np
import pytest
from PIL import Image

from detectors.describe import describe, describe_reference
from detectors.judge import judge
from detectors.logos import LEAST, Logos
from detectors.model import Confidence
from detectors.works import WorksIndex


@pytest.fixture(scope="module")
def logos(draw, encode):
    held = Logos()
    for number in range(1, 6):
        held.add(number, 10 + number, describe_reference(encode(draw(number, 400))))
    return held


def marked(draw, logo, width, at=(560, 90), turned=False):
    ground = draw(77, 800)
    mark = logo.resize((width, width), Image.Resampling.LANCZOS)
    ground.paste(mark.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if turned else mark, at)
    return ground


@pytest.mark.slow
@pytest.mark.parametrize("turned", [False, True])
def test_a_logo_of_a_twelfth_of_the_width_is_found_where_it_lies(logos, draw, turned):
    (found,) = logos.matches(np.asarray(marked(draw, draw(3, 400), 64, turned=turned)))
    assert (found.work_id, found.reference_id, found.detector) == (3, 13, "logo")
    assert found.score >= LEAST
    left, top, right, bottom = found.region.box
    assert 560 / 800 <= left < right <= 624 / 800
    assert 90 / 800 <= top < bottom <= 154 / 800
    assert (found.orientation >= 4) is turned
    placed = np.array(found.placement).reshape(2, 3) @ [0.5, 0.5, 1.0]
    assert np.abs(placed - np.array([592, 122]) / 800).max() < 0.01
    (verdict,) = judge([found])
    assert verdict.confidence is Confidence.MEDIUM, "it is shown to a person, who decides"
    assert verdict.reasons[0].startswith("logo 1 finds reference 13, in the picture's matched points")


@pytest.mark.slow
def test_where_no_logo_is_nothing_is_found(logos, draw):
    assert logos.matches(np.asarray(draw(77, 800))) == []
    assert logos.matches(np.asarray(marked(draw, draw(99, 400), 64))) == [], "another's logo"
    assert Logos().matches(np.asarray(draw(77, 800))) == []
    assert logos.matches(np.full((40, 800, 3), 255, np.uint8)) == []


@pytest.mark.slow
def test_at_the_size_of_whole_designs_it_is_not_seen(draw, encode):
    index = WorksIndex()
    index.add(3, 13, describe_reference(encode(draw(3, 400))))
    assert judge(index.matches(describe(encode(marked(draw, draw(3, 400), 64))))) == []
