from random import Random

import cv2
import numpy as np
import pytest
from PIL import Image, ImageChops

from monitor.demo.drawings import MOTIFS, PALETTES, PRODUCTS, draw, plan
from monitor.demo.pen import Canvas, Pen

pytestmark = pytest.mark.slow


def _on_white(design: Image.Image) -> Image.Image:
    white = Image.new("RGB", design.size, "white")
    white.paste(design, mask=design.getchannel("A"))
    return white


def _sift_keypoints(picture: Image.Image) -> int:
    return len(cv2.SIFT_create().detect(np.asarray(picture.convert("L"))))


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_design_is_cut_out_and_carries_at_least_150_sift_keypoints(product: str) -> None:
    for seed in (11, 12):
        design = draw(plan(seed, product=product))
        assert (design.mode, design.size) == ("RGBA", (600, 600))
        assert design.getchannel("A").getextrema() == (0, 255)
        assert _sift_keypoints(_on_white(design)) >= 150


def test_every_motif_leaves_a_drawing_of_its_own() -> None:
    drawn = set()
    for motif in sorted(MOTIFS):
        canvas = Canvas(PALETTES[0])
        MOTIFS[motif](Pen(canvas), Random(1))
        picture = canvas.finish()
        assert np.asarray(picture.getchannel("A")).mean() > 40
        drawn.add(picture.tobytes())
    assert len(drawn) == len(MOTIFS)


def test_the_same_seed_draws_the_same_picture_and_another_seed_another_one() -> None:
    assert draw(plan(5)).tobytes() == draw(plan(5)).tobytes()
    one, other = _on_white(draw(plan(5, motif="cat"))), _on_white(draw(plan(6, motif="cat")))
    changed = np.asarray(ImageChops.difference(one, other)).max(axis=2) > 40
    assert changed.mean() > 0.1


def test_clip_art_is_drawn_over_an_otherwise_equal_design() -> None:
    plain, with_moon = draw(plan(8, motif="cat")), draw(plan(8, motif="cat", stock=("moon", 1)))
    changed = ImageChops.difference(_on_white(plain), _on_white(with_moon)).getbbox()
    assert changed is not None
    assert (changed[2] - changed[0]) * (changed[3] - changed[1]) < 600 * 600 / 3
