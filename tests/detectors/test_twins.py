"""When a judged picture's verdict holds for another one: the same picture compressed anew, and nothing else."""

import pytest
from PIL import Image, ImageFilter

from detectors.glance import glance
from detectors.twins import Twins


@pytest.fixture(scope="module")
def innocent(draw):
    return draw(11, 800)


@pytest.fixture(scope="module")
def judged(innocent, encode):
    twins = Twins(4)
    twins.add(glance(encode(innocent, "JPEG", quality=85)), "innocent")
    return twins


def pasted(innocent, design, share, strength=1.0):
    side = round(innocent.width * share)
    sheet, small = innocent.copy(), design.resize((side, side))
    sheet.paste(small, (innocent.width // 2, innocent.height // 2), Image.new("L", small.size, round(255 * strength)))
    return sheet


@pytest.mark.parametrize("quality", [40, 60, 75, 95])
def test_the_same_picture_compressed_anew_is_a_twin(judged, innocent, encode, quality):
    assert judged.find(glance(encode(innocent, "JPEG", quality=quality))) == "innocent"


@pytest.mark.parametrize(("share", "strength"), [(0.08, 1.0), (0.08, 0.4), (0.3, 0.15), (0.6, 0.15)])
def test_an_innocent_picture_with_a_design_added_is_no_twin(judged, innocent, draw, encode, share, strength):
    copy = pasted(innocent, draw(12, 400), share, strength)
    assert judged.find(glance(encode(copy, "JPEG", quality=85))) is None


def test_a_sharp_copy_is_no_twin_of_its_blurred_forerunner(draw, encode):
    design = draw(13, 800)
    twins = Twins(4)
    twins.add(glance(encode(design.filter(ImageFilter.GaussianBlur(3)), "JPEG", quality=85)), "blurred")
    assert twins.find(glance(encode(design, "JPEG", quality=85))) is None


def test_a_larger_picture_is_no_twin_of_a_small_one_on_which_less_could_be_seen(draw, encode):
    small, large = draw(14, 200), draw(14, 200).resize((800, 800), Image.Resampling.BICUBIC)
    twins = Twins(4)
    twins.add(glance(encode(small, "JPEG", quality=90)), "small")
    assert twins.find(glance(encode(large, "JPEG", quality=90))) is None
    twins.add(glance(encode(large, "JPEG", quality=90)), "large")
    assert twins.find(glance(encode(large, "JPEG", quality=70))) == "large"


def test_small_steps_do_not_add_up(innocent, draw, encode):
    """Each step alone would pass, but whoever passed is not held, so that the next one is compared with the first."""
    twins = Twins(8)
    steps = [glance(encode(pasted(innocent, draw(12, 400), 0.5, k / 100), "JPEG", quality=90)) for k in range(13)]
    twins.add(steps[0], 0)
    found = [twins.find(step) for step in steps]
    assert found[1] == 0, "a hundredth of its strength is less than compression does"
    assert found[-1] is None


def test_the_oldest_picture_gives_way(draw, encode):
    twins = Twins(2)
    seen = [glance(encode(draw(seed, 400), "JPEG")) for seed in (21, 22, 23)]
    for at, one in enumerate(seen):
        twins.add(one, at)
    assert [twins.find(one) for one in seen] == [None, 1, 2]
