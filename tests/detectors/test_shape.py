import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from detectors.alignment import aligned
from detectors.outline import Pyramid, outline
from detectors.shape import Shape, Shapes, shape

WHOLE = (0.0, 0.0, 1.0, 1.0)


def _plain(kind: int) -> Image.Image:
    """A drawing with hardly a distinctive point, on 256 px."""
    image = Image.new("L", (256, 256), 255)
    pen = ImageDraw.Draw(image)
    if kind == 0:  # a lollipop
        pen.ellipse((60, 40, 150, 130), fill=90)
        pen.line((110, 130, 170, 230), fill=60, width=8)
    elif kind == 1:  # a ladder
        pen.rectangle((70, 50, 190, 210), outline=30, width=6)
        pen.line((70, 105, 190, 105), fill=30, width=6)
        pen.line((70, 160, 190, 160), fill=30, width=6)
    else:  # a flask
        pen.polygon(
            [(110, 40), (145, 40), (145, 100), (215, 215), (40, 215), (110, 100)], fill=150, outline=20, width=4
        )
    return image


def _shape(image: Image.Image) -> Shape:
    found = shape(Pyramid(np.asarray(image)), WHOLE)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def shapes() -> Shapes:
    held = Shapes()
    for kind in range(3):
        held.add((kind, 1), _shape(_plain(kind)))
    return held


def _slanted(image: Image.Image) -> tuple[Image.Image, np.ndarray]:
    """Inverted, mirrored, turned and slanted; with the placement in fractions."""
    turn = np.deg2rad(20)
    linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [[-0.7, 0.15], [0.0, 0.55]]
    shift = np.array([128, 128]) - linear @ [128, 128]
    matrix = np.column_stack([linear, shift])
    seen = cv2.warpAffine(255 - np.asarray(image), matrix, (256, 256), borderValue=0)
    return Image.fromarray(seen), np.column_stack([linear, shift / 256])


@pytest.mark.parametrize("kind", range(3))
def test_a_slanted_mirrored_inverted_copy_of_a_plain_drawing_is_nearest_to_its_original(kind, shapes):
    (found,) = shapes.near([_shape(_slanted(_plain(kind))[0])])
    assert max(found, key=lambda one: one[1])[0] == (kind, 1)


def test_a_blank_picture_has_no_shape():
    assert shape(Pyramid(np.full((256, 256), 200, np.uint8)), WHOLE) is None


def test_a_removed_shape_is_found_no_more():
    held = Shapes()
    held.add((1, 1), _shape(_plain(0)))
    held.remove((1, 1))
    held.remove((2, 1))
    assert held.near([_shape(_plain(0))]) == [[]]


def test_alignment_makes_up_for_a_placement_that_is_a_little_off():
    copy, placement = _slanted(_plain(1))
    original = outline(Pyramid(np.asarray(_plain(1))), WHOLE)
    off = placement + np.array([[0.02, 0.0, 0.01], [0.0, -0.02, -0.01]])
    exact, near = (aligned(original, Pyramid(np.asarray(copy)), at) for at in (placement, off))
    assert near > exact - 0.1
    assert exact > 0.6


def test_another_drawing_does_not_agree_even_aligned():
    original = outline(Pyramid(np.asarray(_plain(1))), WHOLE)
    assert aligned(original, Pyramid(np.asarray(_plain(0))), np.eye(2, 3)) < 0.4
