"""The hashes are those of the binding ``pdqhash`` 0.2.8, whose answers are recorded here."""

import random

import numpy as np
import pytest
from PIL import Image

from detectors.describe import orient
from detectors.pdq import orientations, pdq

_BINDING = [  # of ``generated(0)``, ``generated(1)``, ...
    "481f6417b25d87c8cbe105e6f41f7b2d6fe0cba4c1f0a09dc9207ed07d960f13",
    "147ef82ffa0f4c7e82fdd302ecc4263e353cd846aae50ce0adb0730450cf82fb",
    "003375e72e5e06294940ba65231e34bb6cb2c739ce6cf2c8b9c88d9f9f9acc65",
    "ae52b546a029e68d6684c4829133315268d0ea694aae7db2f5ae9d3997ee65ed",
    "942b5a1eed2a5eb56b4934e2c29229693da5da523c7cc694587be18514feee06",
    "8feef556bd46f38069ac12130b49b6b55b6aa532cb52c015ad520d075396d7ec",
    "3b0b0da48aed37e141be98eb10ec45ae90da789a6e22b2cc9ec34f7023759ed3",
    "341ec3b474b84bc778bb01437f7687b9ce6ccc05880b7dfe0188799de3949c51",
    "71e48772b0e30f0961e17942ce133b87c53d7c36c2da303c41ad4d75b6de96d8",
    "a5ea2d4e78556a95a685c54ad6a2503f6875bf6995a2b542694b686ec2da873c",
    "487c4ffeb50884014ad433feb54bbc40129594feb74bbcc43297b4dea74a3631",
    "882d57006fa0246228cfd7294a33b3e6bcc68635c5b6adfd5558dde3ba50525e",
    "c4cbb22be4f539359a223299c69493262aea0f5f72f54cf432ebcd72208b164f",
    "ee1235dc4becc263f01f651c4b6012d194d66db67b614f59b02fb41ea41b5b62",
    "071eb46528884ee1f51f2af2f62535dcce8a79f1337cec6e4c94f04b33608237",
    "81e803f947f9c5ecc1ec43f103f580f482f5a3f181fe81fe03fbc3f281c801fa",
]


def generated(seed: int) -> np.ndarray:
    """A picture of boxes and discs on a gradient, 64 to 512 px a side; the same for a seed on every machine."""
    rng = random.Random(seed)
    height, width = rng.randint(64, 512), rng.randint(64, 512)
    rows, columns = np.mgrid[:height, :width]
    field = np.zeros((height, width, 3)) + [rng.randint(40, 215) for _ in range(3)]
    field += (rows * rng.randint(0, 60) / height + columns * rng.randint(0, 60) / width)[..., None]
    for _ in range(40):
        y, x, r = rng.randrange(height), rng.randrange(width), rng.randint(3, 60)
        if rng.random() < 0.5:
            inside = (np.abs(rows - y) < r) & (np.abs(columns - x) < rng.randint(3, 60))
        else:
            inside = (rows - y) ** 2 + (columns - x) ** 2 < r * r
        field[inside] = [rng.randrange(256) for _ in range(3)]
    return field.clip(0, 255).astype(np.uint8)


def bits_apart(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def test_hashes_are_those_of_the_binding():
    apart = [bits_apart(pdq(generated(seed)), bytes.fromhex(known)) for seed, known in enumerate(_BINDING)]
    assert max(apart) <= 4
    assert sum(apart) <= 0.01 * 256 * len(apart)


def test_a_picture_of_64_pixels_is_taken_as_reduced_already():
    reduced = np.asarray(Image.fromarray(generated(3)).convert("L").resize((64, 64)))
    assert bits_apart(pdq(reduced), pdq(generated(3))) < 20
    assert sum(byte.bit_count() for byte in pdq(reduced)) == 128, "PDQ cuts at the median"


@pytest.mark.parametrize("orientation", range(8))
def test_an_orientations_hash_is_that_of_the_turned_picture(orientation):
    picture = Image.fromarray(generated(5))
    assert orientations(np.asarray(picture))[orientation] == pdq(np.asarray(orient(picture, orientation)))


def test_a_compressed_smaller_copy_stays_near_and_another_picture_far():
    picture = Image.fromarray(generated(9))
    copy = Image.fromarray(np.asarray(picture)).resize((picture.width // 2, picture.height // 2))
    assert bits_apart(pdq(np.asarray(picture)), pdq(np.asarray(copy))) < 48
    assert bits_apart(pdq(np.asarray(picture)), pdq(generated(10))) > 80
