import contextlib
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from detectors.describe import Description, describe, describe_reference, orient
from detectors.errors import DetectorError, NoUsableDetail, UnreadableDescription

reuse_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


EMPTY = {"format": 3, "size": [1, 1], "content": ["whole", [0, 0, 1, 1]], "regions": [], "fingerprints": []}
ARRAYS = [
    np.zeros((0, 32), np.uint8),
    np.zeros((0, 4), np.float32),
    np.zeros((0, 128), np.uint8),
    np.zeros((0, 0), np.uint8),
]


@pytest.fixture(scope="module")
def described(draw, encode) -> Description:
    return describe_reference(encode(draw()))


def test_a_description_survives_the_wire_as_json_and_arrays(described):
    meta, arrays = described.to_wire()
    again = Description.from_wire(json.loads(json.dumps(meta)), [array.copy() for array in arrays])
    assert again.to_bytes() == described.to_bytes()


def test_a_description_survives_storage(described):
    assert Description.from_bytes(described.to_bytes()).to_bytes() == described.to_bytes()


@reuse_fixtures
@given(st.data())
def test_damaged_stored_bytes_never_raise_anything_else(described, data):
    stored = bytearray(described.to_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        stored[data.draw(st.integers(0, min(2000, len(stored) - 1)))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(stored)))
    with contextlib.suppress(UnreadableDescription):
        Description.from_bytes(bytes(stored[:end]))


def test_an_empty_description_is_accepted():
    assert Description.from_wire(EMPTY, ARRAYS).fingerprints == ()


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("odd", [np.zeros((1, 3), np.uint8), np.zeros(4, np.float32), np.full((2, 4), np.nan)])
def test_arrays_of_another_shape_or_type_are_refused(at, odd):
    arrays = [*ARRAYS[:at], odd.astype(np.float64), *ARRAYS[at + 1 :]]
    with pytest.raises(UnreadableDescription):
        Description.from_wire(EMPTY, arrays)


def _is_a_size(value):
    return isinstance(value, list) and len(value) == 2 and all(type(side) is int and 0 < side < 2**20 for side in value)


@given(st.recursive(st.none() | st.integers() | st.text() | st.floats(), lambda inner: st.lists(inner), max_leaves=8))
def test_a_hostile_childs_answer_is_refused(value):
    assume(value not in ([], ""))  # no region and no fingerprint is an answer
    for key in EMPTY:
        if key == "size" and _is_a_size(value):
            continue
        meta = {**EMPTY, key: value}
        with pytest.raises(UnreadableDescription):
            Description.from_wire(meta, ARRAYS)


def test_a_reference_has_eight_orientations_and_a_listings_picture_one(draw, encode):
    reference, picture = describe_reference(encode(draw())), describe(encode(draw()))
    assert {f.orientation for f in reference.fingerprints} == set(range(8))
    assert {f.orientation for f in picture.fingerprints} == {0}


def test_the_eight_orientations_differ_and_start_with_the_picture_itself():
    image = Image.new("RGB", (3, 2))
    image.putdata([(i, i, i) for i in range(6)])
    assert orient(image, 0) is image
    assert len({(o.size, o.tobytes()) for o in (orient(image, n) for n in range(8))}) == 8


@pytest.mark.parametrize("function", [describe, describe_reference])
def test_a_flat_picture_is_refused_with_the_reason(function, encode):
    with pytest.raises(NoUsableDetail, match="shows the whole design"):
        function(encode(Image.new("RGB", (300, 300), "white")))


@given(st.binary(max_size=300))
def test_describing_random_bytes_raises_only_detector_errors(data):
    with pytest.raises(DetectorError):
        describe(data)
