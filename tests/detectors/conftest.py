"""Pictures that the detector tests are made of."""

import io
import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image, ImageDraw

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def draw(seed: int = 0, side_px: int = 600, margin: float = 0.05) -> Image.Image:
    rng = random.Random(seed)
    image = Image.new("RGB", (side_px, side_px), "white")
    pen = ImageDraw.Draw(image)
    low, high = margin * side_px, (1 - margin) * side_px - 1
    for _ in range(60):
        x, y, r = rng.uniform(low, high), rng.uniform(low, high), rng.uniform(0.02, 0.14) * side_px
        box = (max(low, x - r), max(low, y - r), min(high, x + r), min(high, y + r))
        colour = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
        shape = rng.choice([pen.ellipse, pen.rectangle])
        shape(box, fill=colour, outline="black", width=3)
    return image


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="session", name="draw")
def _draw() -> Callable[..., Image.Image]:
    return draw


@pytest.fixture(scope="session", name="encode")
def _encode() -> Callable[..., bytes]:
    return encode
