from random import Random

import numpy as np
import pytest
from PIL import Image

from monitor.demo.drawings import draw, plan
from monitor.demo.edits import EDITS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def design() -> Image.Image:
    return draw(plan(21))


def _small(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB").resize((64, 64)), dtype=float)


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_gives_a_whole_picture_unlike_the_design(design: Image.Image, name: str) -> None:
    plain = Image.new("RGB", design.size, "white")
    plain.paste(design, mask=design.getchannel("A"))
    edited = EDITS[name](design, Random(1))
    assert edited.mode == "RGB"
    assert 200 <= min(edited.size) <= max(edited.size) <= 960
    assert np.abs(_small(edited) - _small(plain)).mean() > 0.3
    assert np.asarray(edited).std() > 10


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_repeats_itself_by_seed_and_leaves_the_design_alone(design: Image.Image, name: str) -> None:
    before = design.tobytes()
    first, again, *others = (EDITS[name](design, Random(seed)).tobytes() for seed in (3, 3, 5, 6, 7))
    assert (first == again) is True
    assert len({first, *others}) > 1
    assert design.tobytes() == before


def test_there_are_eighteen_kinds_of_edit() -> None:
    assert list(EDITS) == [
        "thumbnail", "recompress", "crop", "pad", "watermark", "promo", "mirror", "recolor", "grayscale", "rotate",
        "rotate90", "recut", "collage", "inset", "print_on_product", "photographed", "screenshot", "combo",
    ]  # fmt: skip
