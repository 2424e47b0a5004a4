"""A work's word mark, written in a picture: found with its place, and shown to a person on its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from detectors.judge import judge
from detectors.lettering import LEAST, Lettering, likeness
from detectors.model import Confidence

pytest.importorskip("rapidocr", reason="the extra `ocr` is not installed")


def poster(text, size=64):
    image = Image.new("RGB", (800, 600), (240, 220, 250))
    ImageDraw.Draw(image).text((80, 240), text, fill=(40, 10, 60), font=ImageFont.load_default(size))
    return np.asarray(image)


@pytest.fixture(scope="module")
def reader():
    lettering = Lettering()
    lettering.add(1, 11, "Luna Moth")
    lettering.add(2, 12, "Fernway")
    lettering.add(3, 13, "Mo")
    return lettering


@pytest.mark.slow
@pytest.mark.parametrize("text", ["LUNA MOTH enamel pin", "new: Luna Moth!", "LunaMoth"])
def test_a_mark_in_a_picture_is_found_where_it_stands(reader, text):
    (found,) = reader.matches(poster(text))
    assert (found.work_id, found.reference_id, found.detector) == (1, 11, "lettering")
    left, top, right, bottom = found.region.box
    assert 0.05 < left < 0.15
    assert 0.3 < top < 0.45 < bottom < 0.6
    assert right > 0.4
    (verdict,) = judge([found])
    assert verdict.confidence is Confidence.MEDIUM, "it is shown to a person, who decides"
    assert verdict.reasons[0].startswith("lettering 1 finds reference 11, in the picture's text '")


@pytest.mark.slow
@pytest.mark.parametrize("text", ["Lunar eclipse", "Mosaic", ""])
def test_other_words_are_no_finding(reader, text):
    assert reader.matches(poster(text)) == []


@pytest.mark.slow
def test_one_picture_may_show_several_marks(reader):
    assert {found.work_id for found in reader.matches(poster("Luna Moth by Fernway", 48))} == {1, 2}


@pytest.mark.parametrize(
    ("mark", "text", "alike"),
    [
        ("Luna Moth", "the LUNA  MOTH pin", True),
        ("Luna Moth", "LUNA M0TH", True),
        ("Fernway", "Femway", False),
        ("Moss", "Mass", False),
        ("Moss", "mossy", False),
        ("月蛾胸针", "正品 月蛾胸针", True),
        ("Luna Moth", "", False),
    ],
)
def test_a_long_mark_may_be_misread_by_a_letter_and_a_short_one_not_at_all(mark, text, alike):
    assert (likeness(mark, text) >= LEAST) is alike


@given(mark=st.text(), text=st.text())
def test_any_two_texts_have_a_likeness(mark, text):
    assert 0.0 <= likeness(mark, text) <= 1.0
