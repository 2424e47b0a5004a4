import imagehash
import numpy as np
import pytest
from PIL import Image, ImageEnhance

import detectors
from detectors.hasher import CODE_BYTES, hashers
from detectors.twins import apart


@pytest.fixture(params=detectors.HASHERS)
def hasher(request):
    return hashers()[request.param]


def test_every_hash_has_256_bits_and_is_repeatable(hasher, draw):
    assert hasher.compute(draw()) == hasher.compute(draw())
    assert len(hasher.compute(draw())) == CODE_BYTES


@pytest.mark.parametrize("seed", range(4))
def test_a_smaller_darker_copy_stays_within_half_the_radius(hasher, seed, draw):
    original = draw(seed, side_px=256)
    copy = ImageEnhance.Brightness(original.resize((140, 140), Image.Resampling.BICUBIC)).enhance(0.8)
    assert apart(hasher.compute(original), hasher.compute(copy)) <= hasher.radius_bits / 2


@pytest.mark.parametrize("seed", range(8))
def test_different_drawings_stay_beyond_the_radius(hasher, seed, draw):
    first, second = draw(seed, side_px=256), draw(seed + 100, side_px=256)
    assert apart(hasher.compute(first), hasher.compute(second)) > hasher.radius_bits


def test_phash_and_dhash_are_those_of_imagehash(draw):
    image = draw(3, side_px=256)
    for name, peer in (("phash", imagehash.phash), ("dhash", imagehash.dhash)):
        bits = np.unpackbits(np.frombuffer(hashers()[name].compute(image), np.uint8)).reshape(16, 16)
        assert np.array_equal(bits, peer(image, hash_size=16).hash)
