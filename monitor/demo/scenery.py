"""Computed backdrops that look like photographs: wood, cloth, bokeh, a desk, marble, terrazzo, grass, paper."""

from __future__ import annotations

from functools import cache
from random import Random

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

_SIDE_PX = 700
_Field = npt.NDArray[np.float64]

KINDS = ("oak", "walnut", "linen", "denim", "bokeh", "desk", "marble", "terrazzo", "grass", "paper")


def backdrop(rng: Random, side_px: int = 800) -> Image.Image:
    """A square RGB piece of one of the backdrops, turned, cut and lit by lot."""
    whole = _base(rng.choice(KINDS))
    cut = rng.randint(_SIDE_PX // 2, _SIDE_PX - 1)
    x, y = rng.randint(0, _SIDE_PX - cut), rng.randint(0, _SIDE_PX - cut)
    piece = whole.resize((side_px, side_px), Image.Resampling.BILINEAR, (x, y, x + cut, y + cut))
    if rng.random() < 0.5:
        piece = ImageOps.mirror(piece)
    turn = rng.choice((None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180))
    return ImageEnhance.Brightness(piece.transpose(turn) if turn is not None else piece).enhance(rng.uniform(0.8, 1.1))


@cache
def _base(kind: str) -> Image.Image:
    rng = np.random.default_rng(KINDS.index(kind) + 1)
    if kind == "oak":
        return _wood(rng, (196, 154, 108), (150, 106, 66))
    if kind == "walnut":
        return _wood(rng, (110, 76, 54), (66, 44, 32))
    if kind == "linen":
        return _cloth(rng, (214, 204, 186))
    if kind == "denim":
        return _cloth(rng, (70, 92, 132))
    return {"bokeh": _bokeh, "desk": _desk, "marble": _marble, "terrazzo": _terrazzo, "grass": _grass, "paper": _paper}[
        kind
    ](rng)


def _field(rng: np.random.Generator, across: int, down: int) -> _Field:
    """Smooth noise from -1 to 1: a random grid of ``across`` x ``down``, enlarged."""
    grid = Image.fromarray(rng.integers(0, 256, (down, across), dtype=np.uint8))
    return np.asarray(grid.resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BICUBIC), dtype=np.float64) / 127.5 - 1


def _cloud(rng: np.random.Generator, start: int = 3, octaves: int = 6) -> _Field:
    layers = (_field(rng, start * 2**k, start * 2**k) * 0.55**k for k in range(octaves))
    return np.asarray(sum(layers))


def _coloured(low: tuple[int, int, int], high: tuple[int, int, int], share: _Field) -> Image.Image:
    """Between two colours, pixel by pixel; ``share`` 0 is ``low``, 1 is ``high``."""
    a, b = np.array(low, dtype=float), np.array(high, dtype=float)
    return Image.fromarray((a + (b - a) * share[..., None]).clip(0, 255).astype(np.uint8))


def _wood(rng: np.random.Generator, light: tuple[int, int, int], dark: tuple[int, int, int]) -> Image.Image:
    y = np.mgrid[0:_SIDE_PX, 0:_SIDE_PX][0]
    grain = np.sin(y / 5 + 4 * _field(rng, 3, 14)) * 0.2 + _field(rng, 6, 240) * 0.3 + _field(rng, 3, 60) * 0.25
    planks = (y // 116) % 3 * 0.16
    picture = _coloured(light, dark, 0.35 + grain + planks)
    draw = ImageDraw.Draw(picture)
    for row in range(0, _SIDE_PX, 116):
        draw.line((0, row, _SIDE_PX, row), fill=tuple(v // 2 for v in dark), width=4)
    return picture


def _cloth(rng: np.random.Generator, colour: tuple[int, int, int]) -> Image.Image:
    y, x = np.mgrid[0:_SIDE_PX, 0:_SIDE_PX]
    weave = np.sin(x * 1.5) * np.sin(y * 1.5) * 0.16 + rng.normal(0, 0.07, (_SIDE_PX, _SIDE_PX))
    folds = np.sin((x + 0.6 * y) / 90 + 2.5 * _field(rng, 3, 3)) * 0.22
    dark = (colour[0] // 2, colour[1] // 2, colour[2] // 2)
    return _coloured(dark, colour, 0.75 + weave + folds)


def _bokeh(rng: np.random.Generator) -> Image.Image:
    picture = _coloured((24, 20, 48), (120, 70, 60), _cloud(rng, 2, 3) * 0.5 + 0.5)
    draw = ImageDraw.Draw(picture, "RGBA")
    for _ in range(70):
        x, y, r = rng.uniform(0, _SIDE_PX), rng.uniform(0, _SIDE_PX), rng.uniform(12, 60)
        red, green, blue = (int(v) for v in rng.integers(140, 256, 3))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(red, green, blue // 2, int(rng.integers(40, 120))))
    return picture.filter(ImageFilter.GaussianBlur(2.5))


def _desk(rng: np.random.Generator) -> Image.Image:
    picture = _wood(rng, (222, 206, 184), (190, 166, 138))
    for _ in range(16):
        thing = Image.new("RGBA", (260, 260))
        draw = ImageDraw.Draw(thing)
        colour = tuple(int(v) for v in rng.integers(50, 240, 3))
        kind = int(rng.integers(0, 4))
        if kind == 0:  # a cup from above
            draw.ellipse((50, 50, 210, 210), fill=(245, 245, 242))
            draw.ellipse((68, 68, 192, 192), fill=(84, 52, 34))
            draw.arc((80, 80, 180, 180), 200, 260, fill=(190, 150, 120), width=6)
        elif kind == 1:  # a pencil
            draw.rectangle((30, 120, 200, 138), fill=colour)
            draw.line((30, 126, 200, 126), fill=tuple(min(255, v + 40) for v in colour), width=3)
            draw.polygon([(200, 120), (232, 129), (200, 138)], fill=(230, 200, 160))
        elif kind == 2:  # a sheet of notes
            draw.rectangle((40, 30, 220, 230), fill=(250, 248, 240))
            for row in range(52, 220, 16):
                draw.line((56, row, int(rng.integers(110, 205)), row), fill=(90, 90, 110), width=3)
        else:  # a leaf
            draw.chord((20, 60, 240, 260), 205, 335, fill=(70, 120, 76))
            draw.line((50, 118, 210, 118), fill=(130, 180, 130), width=3)
        thing = thing.rotate(float(rng.uniform(0, 360)), resample=Image.Resampling.BILINEAR)
        x, y = (int(v) for v in rng.integers(-60, _SIDE_PX - 160, 2))
        shadow = thing.getchannel("A").filter(ImageFilter.GaussianBlur(8)).point(lambda v: v // 2)
        picture.paste((60, 45, 35), (x + 8, y + 10), shadow)
        picture.paste(thing, (x, y), thing)
    return picture


def _marble(rng: np.random.Generator) -> Image.Image:
    x = np.mgrid[0:_SIDE_PX, 0:_SIDE_PX][1]
    veins = np.abs(np.sin(x / 120 + 2.2 * _cloud(rng))) ** 0.3
    return _coloured((120, 122, 130), (242, 240, 238), veins + 0.05 * _cloud(rng, 8, 3))


def _terrazzo(rng: np.random.Generator) -> Image.Image:
    picture = _coloured((208, 200, 192), (226, 220, 212), _cloud(rng, 20, 4) * 0.5 + 0.5)
    draw = ImageDraw.Draw(picture)
    tones = ((70, 80, 88), (196, 120, 92), (120, 150, 136), (240, 236, 228), (160, 140, 120), (40, 40, 44))
    for _ in range(520):
        x, y = rng.uniform(0, _SIDE_PX, 2)
        angles = np.sort(rng.uniform(0, 2 * np.pi, 6))
        radii = rng.uniform(3, 16) * rng.uniform(0.6, 1.2, 6)
        corners = [(float(x + r * np.cos(t)), float(y + r * np.sin(t))) for r, t in zip(radii, angles, strict=True)]
        draw.polygon(corners, fill=tones[int(rng.integers(0, len(tones)))])
    return picture.filter(ImageFilter.GaussianBlur(0.6))


def _grass(rng: np.random.Generator) -> Image.Image:
    picture = _coloured((30, 52, 24), (62, 92, 44), _cloud(rng) * 0.5 + 0.5)
    draw = ImageDraw.Draw(picture)
    for k in range(3200):
        x, y = (float(v) for v in rng.uniform(-10, _SIDE_PX + 10, 2))
        lean, length, tone = float(rng.normal(0, 12)), float(rng.uniform(15, 46)), 0.5 + k / 4500
        draw.line(
            (x, y, x + lean, y - length),
            fill=(int(90 * tone), int(150 * tone), int(58 * tone)),
            width=int(rng.integers(1, 4)),
        )
    return picture


def _paper(rng: np.random.Generator) -> Image.Image:
    height = np.abs(_cloud(rng, 5, 4))
    slope = np.gradient(height, axis=0) + np.gradient(height, axis=1)
    return _coloured((120, 98, 74), (206, 180, 148), 0.6 + slope * 9 + rng.normal(0, 0.04, height.shape))
