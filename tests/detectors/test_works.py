import pytest
from PIL import Image, ImageOps

from detectors.describe import Description, describe, describe_reference, orient
from detectors.judge import judge
from detectors.model import Confidence
from detectors.works import WorksIndex

WORKS = range(6)


@pytest.fixture(scope="module")
def references(draw, encode) -> list[Description]:
    return [describe_reference(encode(draw(work_id))) for work_id in WORKS]


def _index(references) -> WorksIndex:
    index = WorksIndex()
    for work_id in WORKS:
        index.add(work_id, 10 + work_id, references[work_id])
    return index


@pytest.fixture(scope="module")
def index(references) -> WorksIndex:
    return _index(references)


def _found(index, image, encode):
    return judge(index.matches(describe(encode(image, "JPEG", quality=60))), least=0.7)


@pytest.mark.parametrize("work_id", WORKS)
@pytest.mark.slow
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
    assert {m.region.name for m in best.matches if m.detector == "phash"} == {"content"}


def test_an_innocent_drawing_is_not_found(index, draw, encode):
    assert _found(index, draw(77), encode) == []


def test_a_removed_work_is_found_no_more(references, draw, encode):
    index = _index(references)
    index.remove(1)
    index.remove(4711)
    assert _found(index, draw(1), encode) == []
    assert _found(index, draw(2), encode)[0].work_id == 2


def test_a_white_picture_with_the_same_margins_matches_nothing(index, draw, encode):
    framed = ImageOps.expand(draw(50), 200, "white").resize((400, 400), Image.Resampling.BICUBIC)
    assert _found(index, framed, encode) == []


@pytest.mark.parametrize("work_id", [0, 3])
def test_a_mirrored_inverted_crop_on_a_busy_picture_is_found_by_its_features(index, work_id, draw, encode):
    busy = draw(90, side_px=800)
    copy = ImageOps.invert(ImageOps.mirror(draw(work_id))).crop((60, 60, 540, 540)).rotate(15, expand=True)
    busy.paste(copy.resize((420, 420)), (300, 200))
    best = _found(index, busy, encode)[0]
    assert best.work_id == work_id
    features = next(m for m in best.matches if m.detector == "features")
    assert features.orientation >= 4
    assert features.inliers >= 10
    left, top, right, bottom = features.region.box
    assert left > 0.35
    assert top > 0.22
    assert right < 0.93
    assert bottom < 0.8


def test_the_placement_maps_the_reference_onto_the_copy(index, draw, encode):
    sheet = Image.new("RGB", (800, 800), (200, 220, 200))
    sheet.paste(draw(4).resize((400, 400)), (100, 300))
    found = [m for m in _found(index, sheet, encode)[0].matches if m.detector in ("features", "phash")]
    assert {m.detector for m in found} == {"features", "phash"}
    for match in found:
        a, b, c, d, e, f = match.placement
        for u, v in ((0.1, 0.1), (0.9, 0.1), (0.5, 0.8)):
            x, y = a * u + b * v + c, d * u + e * v + f
            assert abs(x - (100 + 400 * u) / 800) < 0.02
            assert abs(y - (300 + 400 * v) / 800) < 0.02


def test_the_same_pictures_give_the_same_numbers_again(references, draw, encode):
    def numbers() -> list[object]:
        found = _index(references).matches(description)
        return [(m.detector, m.work_id, m.distance_bits, m.score, m.placement) for m in found]

    description = describe(encode(draw(2).rotate(8), "JPEG", quality=50))
    assert numbers() == numbers() != []
