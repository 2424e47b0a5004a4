import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from detectors.errors import NoUsableDetail
from detectors.model import WHOLE, Region
from detectors.prepare import content_region, cut, object_regions, require_detail


@pytest.mark.parametrize("colour", ["white", "black", (200, 180, 30)])
def test_plain_margins_are_trimmed_to_the_content(colour, draw):
    framed = ImageOps.expand(draw(margin=0).resize((128, 128)), 64, colour)
    assert np.allclose(content_region(framed).box, (0.25, 0.25, 0.75, 0.75), atol=0.03)


def test_margins_of_different_colours_are_trimmed(draw):
    framed = Image.new("RGB", (256, 256), "navy")
    framed.paste("white", (0, 0, 256, 40))
    framed.paste(draw(margin=0).resize((200, 150)), (28, 60))
    assert np.allclose(content_region(framed).box, (28 / 256, 60 / 256, 228 / 256, 210 / 256), atol=0.03)


def test_a_picture_without_margins_stays_whole():
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    assert content_region(Image.fromarray(noise)) == WHOLE


def test_cutting_gives_at_least_a_pixel():
    assert cut(Image.new("RGB", (100, 50)), Region("tile", (0.5, 0.5, 0.5001, 0.5001))).size == (1, 1)


def _gradient() -> Image.Image:
    return Image.fromarray(np.tile(np.linspace(0, 255, 200).astype(np.uint8), (200, 1)))


def _speck() -> Image.Image:
    image = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(image).ellipse((100, 100, 104, 104), fill="black")
    return image


def _noise() -> Image.Image:
    levels = np.random.default_rng(0).normal(128, 3, (200, 200))
    return Image.fromarray(levels.astype(np.uint8))


@pytest.mark.parametrize("image", [Image.new("RGB", (200, 200), "teal"), _gradient(), _speck(), _noise()])
def test_flat_gradient_and_near_empty_pictures_have_no_usable_detail(image):
    with pytest.raises(NoUsableDetail):
        require_detail(cut(image, content_region(image)))


@pytest.mark.parametrize("seed", range(5))
def test_a_drawing_has_detail(seed, draw):
    require_detail(draw(seed))


def test_things_that_stand_free_on_plain_ground_are_regions_of_their_own(draw):
    sheet = Image.new("RGB", (400, 400), (210, 230, 240))
    sheet.paste(draw(1, margin=0).resize((120, 160)), (30, 40))
    sheet.paste(draw(2, margin=0).resize((140, 100)), (230, 260))
    boxes = {tuple(np.round(r.box, 1)) for r in object_regions(sheet, content_region(sheet))}
    assert boxes == {(0.1, 0.1, 0.4, 0.5), (0.6, 0.6, 0.9, 0.9)}


def test_a_picture_with_one_thing_has_no_further_region(draw):
    framed = ImageOps.expand(draw(1, margin=0), 200, "white")
    assert object_regions(framed, content_region(framed)) == []
