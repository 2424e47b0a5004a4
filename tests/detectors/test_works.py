import pytest
from PIL import Image, ImageOps

from detectors.describe import describe, describe_reference, orient
from detectors.judge import judge
from detectors.model import Confidence
from detectors.works import WorksIndex

WORKS = range(6)


@pytest.fixture
def index(draw, encode) -> WorksIndex:
    index = WorksIndex()
    for work_id in WORKS:
        index.add(work_id, 10 + work_id, describe_reference(encode(draw(work_id))))
    return index


def _found(index, image, encode):
    return judge(index.matches(describe(encode(image, "JPEG", quality=60))))


@pytest.mark.parametrize("work_id", WORKS)
def test_a_recompressed_copy_is_found_with_high_confidence(index, work_id, draw, encode):
    best = _found(index, draw(work_id).resize((250, 250)), encode)[0]
    assert (best.work_id, best.confidence) == (work_id, Confidence.HIGH)
    assert best.matches[0].reference_id == 10 + work_id


@pytest.mark.parametrize("orientation", range(8))
def test_a_turned_or_mirrored_copy_names_its_orientation(index, orientation, draw, encode):
    best = _found(index, orient(draw(2), orientation), encode)[0]
    assert best.work_id == 2
    assert {m.orientation for m in best.matches if m.detector in ("phash", "dhash")} == {orientation}


def test_a_copy_in_a_wide_frame_is_found(index, draw, encode):
    best = _found(index, ImageOps.expand(draw(3), 300, (90, 120, 200)), encode)[0]
    assert best.work_id == 3
    assert best.matches[0].region.name == "content"


def test_an_innocent_drawing_is_not_found(index, draw, encode):
    assert _found(index, draw(77), encode) == []


def test_a_removed_work_is_found_no_more(index, draw, encode):
    index.remove(1)
    index.remove(4711)
    assert _found(index, draw(1), encode) == []
    assert _found(index, draw(2), encode)[0].work_id == 2


def test_a_white_picture_with_the_same_margins_matches_nothing(index, draw, encode):
    framed = ImageOps.expand(draw(50), 200, "white").resize((400, 400), Image.Resampling.BICUBIC)
    assert _found(index, framed, encode) == []
