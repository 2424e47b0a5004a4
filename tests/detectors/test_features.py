import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from detectors.features import Features, extract, variants
from detectors.geometry import Pairs, place


def _grey(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"))


def _nearest(one: Features, other: Features) -> np.ndarray:
    """For each of one's points: distance in place and in look to the best of the other's at that place."""
    a, b = variants(one, every=True), variants(other, every=False)
    here, there = one.points[a.feature], other.points[b.feature]
    near = np.hypot(here[:, None, 0] - there[None, :, 0], here[:, None, 1] - there[None, :, 1]) < 0.006
    look = np.linalg.norm(a.vectors[:, None] - b.vectors[None], axis=2)
    return np.where(near, look, np.inf).min(axis=1)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_mirrored_or_inverted_copys_points_look_alike(mirrored, inverted, draw):
    copied = original = draw(1, side_px=300)
    copied = ImageOps.mirror(copied) if mirrored else copied
    copied = ImageOps.invert(copied) if inverted else copied
    first, copy = extract(_grey(original), 200, 0.03), extract(_grey(copied), 400, 0.03)
    if mirrored:
        copy.points[:, 0] = 1 - copy.points[:, 0]
    assert (_nearest(first, copy) < 100).sum() > 0.6 * len(first)


def test_a_flat_picture_has_no_points():
    assert len(extract(np.full((200, 200), 200, np.uint8), 100, 0.03)) == 0


def test_the_strongest_points_come_first_and_no_more_than_asked(draw):
    many, few = extract(_grey(draw(2)), 300, 0.03), extract(_grey(draw(2)), 50, 0.03)
    assert len(few) == 50
    stronger = {look.tobytes() for look in many.descriptors[:60]}
    assert all(look.tobytes() in stronger for look in few.descriptors)


def test_points_seen_before_are_left_out(draw):
    seen = extract(_grey(draw(3)), 200, 0.03)
    assert len(seen.unlike(seen, 100)) == 0
    assert len(seen.unlike(Features.none(), 100)) == 100


def _pairs(rng: np.random.Generator, good: int, bad: int, turn: float, growth: float, mirrored: bool) -> Pairs:
    total = good + bad
    reference = np.column_stack([rng.random((total, 2)), np.full(total, 0.02), rng.random(total) * 6]).astype(
        np.float32
    )
    sign = -1.0 if mirrored else 1.0
    spin = growth * np.exp(1j * turn)
    end = spin * (sign * reference[:, 0] + 1j * reference[:, 1]) + 0.3 + 0.2j
    angle = (np.pi - reference[:, 3] if mirrored else reference[:, 3]) + turn
    picture = np.column_stack([end.real, end.imag, reference[:, 2] * growth, angle])
    picture[good:, :2] = rng.random((bad, 2))
    flags = np.full(total, mirrored)
    return Pairs(reference, picture.astype(np.float32), flags, np.zeros(total, bool), np.full(total, 0.5))


@given(st.integers(0, 50), st.floats(-3, 3), st.floats(0.2, 2), st.booleans(), st.integers(0, 30))
def test_the_placement_of_agreeing_pairs_is_found_among_strays(seed, turn, growth, mirrored, strays):
    pairs = _pairs(np.random.default_rng(seed), 12, strays, turn, growth, mirrored)
    found = place(pairs)
    assert found is not None
    assert set(range(12)) <= set(found.inliers.tolist())
    assert found.mirrored == mirrored
    placed = pairs.reference[:12, :2] @ found.matrix[:, :2].T + found.matrix[:, 2]
    assert np.allclose(placed, pairs.picture[:12, :2], atol=0.04 * growth)


def test_strays_alone_and_too_few_pairs_give_no_weighty_placement():
    rng = np.random.default_rng(3)
    stray = place(_pairs(rng, 0, 30, 0.5, 1.0, False))
    assert stray is None or stray.score < 2.5
    assert place(_pairs(rng, 2, 0, 0.5, 1.0, False)) is None


def test_points_on_one_line_say_little():
    spread = _pairs(np.random.default_rng(1), 12, 0, 0.5, 1.0, False)
    line = _pairs(np.random.default_rng(1), 12, 0, 0.5, 1.0, False)
    line.reference[:, 1] = 0.5
    spin = np.exp(0.5j)
    end = spin * (line.reference[:, 0] + 0.5j) + 0.3 + 0.2j
    line.picture[:, 0], line.picture[:, 1] = end.real, end.imag
    assert place(line).score < 0.1 * place(spread).score
