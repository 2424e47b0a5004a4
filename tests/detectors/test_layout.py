import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from detectors.layout import Layout, Layouts, layout
from detectors.outline import Pyramid
from detectors.works import LEAST_LAYOUT

WHOLE = (0.0, 0.0, 1.0, 1.0)


def _drawing(kind: int) -> Image.Image:
    image = Image.new("L", (256, 256), 255)
    pen = ImageDraw.Draw(image)
    if kind == 0:  # a house with a tree
        pen.polygon([(20, 120), (90, 40), (160, 120)], fill=90)
        pen.rectangle((35, 120, 145, 230), fill=170)
        pen.ellipse((170, 70, 245, 150), fill=60)
        pen.rectangle((200, 150, 215, 230), fill=60)
    elif kind == 1:  # a boat
        pen.polygon([(15, 160), (240, 160), (190, 230), (60, 230)], fill=120)
        pen.polygon([(120, 20), (120, 145), (220, 145)], fill=50)
    elif kind == 2:  # a disc
        pen.ellipse((20, 20, 236, 236), fill=100)
    else:  # another, with a spot
        pen.ellipse((20, 20, 236, 236), fill=160)
        pen.ellipse((120, 60, 150, 90), fill=30)
    return image


def _traced(image: Image.Image) -> Image.Image:
    return ImageOps.invert(image.filter(ImageFilter.FIND_EDGES).point(lambda value: 255 if value > 20 else 0))


def _layout(image: Image.Image, box: tuple[float, float, float, float] = WHOLE) -> Layout:
    found = layout(Pyramid(np.asarray(image)), box)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def layouts() -> Layouts:
    held = Layouts()
    for kind in range(2):
        held.add((kind, 1), _layout(_drawing(kind)))
    return held


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("edit", [_traced, ImageOps.invert, lambda one: ImageOps.mirror(_traced(one))])
def test_a_drawing_of_its_lines_alone_is_far_nearer_to_its_original_than_to_other_works(kind, edit, layouts):
    (found,) = layouts.near([_layout(edit(_drawing(kind)))])
    assert found.reference == (kind, 1)
    assert found.lead > 0.3


def test_the_placement_lays_the_original_over_its_mirrored_copy(layouts):
    (found,) = layouts.near([_layout(ImageOps.mirror(_traced(_drawing(0))))])
    assert np.allclose(found.placement @ [0.25, 0.5, 1.0], [0.75, 0.5])


def test_one_disc_is_not_taken_for_another():
    held, content = Layouts(), (20 / 256, 20 / 256, 236 / 256, 236 / 256)
    held.add((1, 1), _layout(_drawing(2), content))
    (found,) = held.near([_layout(_drawing(3), content)])
    assert found is None or found.lead < LEAST_LAYOUT


def test_a_box_of_other_proportions_is_no_copy(layouts):
    wide = Image.new("L", (512, 256), 255)
    wide.paste(_drawing(0).resize((512, 256)))
    assert layouts.near([_layout(wide, (0.0, 0.0, 1.0, 0.5))]) == [None]


def test_two_works_that_look_the_same_lead_neither(layouts):
    held = Layouts()
    for work_id in (1, 2):
        held.add((work_id, 1), _layout(_drawing(0)))
    assert held.near([_layout(_traced(_drawing(0)))]) == [None]


def test_a_blank_picture_has_no_layout():
    assert layout(Pyramid(np.full((256, 256), 200, np.uint8)), WHOLE) is None


def test_a_removed_layout_is_found_no_more():
    held = Layouts()
    held.add((1, 1), _layout(_drawing(0)))
    held.remove((1, 1))
    held.remove((2, 1))
    assert held.near([_layout(_drawing(0))]) == [None]


def test_layouts_taken_apart_and_read_back_find_the_same(layouts):
    parts = {name: np.concatenate(pieces) for name, pieces in layouts.parts().items()}
    (found,), (again,) = (held.near([_layout(_traced(_drawing(1)))]) for held in (layouts, Layouts.of(parts)))
    assert (found.reference, found.lead) == (again.reference, again.lead)
