"""A model that the operator names: here one that the test builds, whose vector is the picture's four quarters."""

import numpy as np
import pytest

from detectors.embedding import Embedder
from detectors.errors import DetectorError
from detectors.glance import glance
from detectors.judge import judge

pytest.importorskip("onnxruntime", reason="the extra `embedding` is not installed")
onnx = pytest.importorskip("onnx", reason="onnx is not installed")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Averages over 8 x 8 squares of a 64 px picture, as one row of 192 numbers."""
    path = tmp_path_factory.mktemp("model") / "squares.onnx"
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("AveragePool", ["picture"], ["squares"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Flatten", ["squares"], ["vector"]),
    ]
    inputs = [helper.make_tensor_value_info("picture", kind, [1, 3, 64, 64])]
    outputs = [helper.make_tensor_value_info("vector", kind, [1, 192])]
    made = helper.make_model(
        helper.make_graph(nodes, "squares", inputs, outputs), opset_imports=[helper.make_opsetid("", 17)]
    )
    made.ir_version = 9
    onnx.save(made, path)
    return path


@pytest.fixture(scope="module")
def pixels(draw, encode):
    return [glance(encode(draw(seed))).pixels for seed in (1, 2)]


def test_a_vector_has_the_length_one_and_a_copys_lies_near(model, pixels, draw, encode):
    embedder = Embedder(model, 0.9)
    one = embedder.embed(pixels[0])
    copy = embedder.embed(glance(encode(draw(1).resize((300, 300)), "JPEG", quality=40)).pixels)
    assert one.shape == (192,)
    assert np.linalg.norm(one) == pytest.approx(1.0, abs=1e-5)
    assert one @ copy > 0.98 > one @ embedder.embed(pixels[1])


def test_what_lies_near_is_a_finding_with_its_number_and_never_enough_alone(model, pixels):
    embedder = Embedder(model, 0.98)
    assert embedder.matches(pixels[0]) == []
    for work_id, one in enumerate(pixels):
        embedder.add(work_id, 10 + work_id, one)
    (found,) = embedder.matches(pixels[1])
    assert (found.work_id, found.reference_id, found.detector, found.threshold) == (1, 11, "embedding", 0.98)
    assert found.score == pytest.approx(1.0, abs=1e-3)
    assert judge([found]) == []


def test_a_file_that_is_no_model_is_named(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(DetectorError, match=r"model\.onnx is no model of one picture"):
        Embedder(path, 0.5)
