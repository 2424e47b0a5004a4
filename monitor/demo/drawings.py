"""Original designs by seed: enamel pins, patches, stickers and art prints, cut out to their die-line.

Everything is drawn by our own code; the same seed gives the same picture wherever Pillow and numpy compute alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from monitor.demo import frames
from monitor.demo.animals import ANIMALS, Motif
from monitor.demo.pen import SIDE_PX, Canvas, Colour, Palette, Pen, leaf, ring, shade, star
from monitor.demo.things import THINGS

MOTIFS: dict[str, Motif] = {**ANIMALS, **THINGS}
PRODUCTS = ("enamel pin", "patch", "sticker", "art print")


@dataclass(frozen=True, slots=True)
class Design:
    """A picture that is not drawn yet; equal designs draw equal pictures.

    Attributes:
        stock: A piece of common clip art (motif, seed) beside the main motif: two designers may have bought the same.
    """

    seed: int
    product: str  # one of PRODUCTS
    motif: str  # a key of MOTIFS
    words: str
    stock: tuple[str, int] | None = None


def _rgb(value: str) -> Colour:
    return int(value[:2], 16), int(value[2:4], 16), int(value[4:], 16)


PALETTES = tuple(
    Palette(*(_rgb(colour) for colour in line.split()))
    for line in (  # ink, metal, sky, ground, a, b, c, light, leaf
        "26203c e2b454 3c4678 8c6450 e26a54 f0aa96 4696a0 fcf0de 689e62",
        "1e2a2e d9b36a 2f6f6d 7a5b45 f2a541 f7d08a d8573c fdf6e3 7fb069",
        "3a1f3d e8c170 7b4b94 5d4157 f25f8a fbb1bd 7d82b8 fff1f3 7cae7a",
        "14213d fca311 33658a 55505c f26419 f6ae2d 86bbd8 f7f7f2 758e4f",
        "2b2118 c9a227 a3b18a 6f4e37 bc4749 f2cc8f 386641 fefae0 588157",
        "231942 f0c987 5e548e 7a4069 e56b6f eaac8b 9f86c0 fdeff9 84a98c",
        "102027 ffca3a 1982c4 6a4c93 ff595e ffb3ba 8ac926 fffdf4 4f9d69",
        "33272a d4a373 ff8ba7 a06b58 594a4e ffc6c7 c3f0ca fffffe 6a994e",
        "0b132b e0aa3e 1c2541 3a506b 5bc0be a7e8e6 ef798a f4f9f9 4d908e",
        "2d1e2f dda15e f7cac9 8b5e3c c1666b e4b7b0 48739e fff8f0 6b8f71",
        "22181c ecc30b 93b7be 785964 d5573b f1a66a 885053 f6f5ee 777b3f",
        "1b1b2f f9c74f 577590 4d3a3a f3722c f8961e 43aa8b fffbea 90be6d",
    )
)

WORDS = (
    "STAY WILD", "NIGHT CLUB", "BLOOM", "LUCKY ONE", "SLOW DAYS", "GOOD LUCK", "HOMEBODY", "WANDER", "DREAM ON",
    "OH WELL", "TEA TIME", "FOREST KIN", "SOFT HEART", "BE KIND", "MOON CHILD", "SUN SEEKER", "FERAL", "HELLO YOU",
)  # fmt: skip


def plan(
    seed: int, *, product: str | None = None, motif: str | None = None, stock: tuple[str, int] | None = None
) -> Design:
    """A design by seed; what is not named is drawn by lot."""
    rng = Random(f"design {seed}")
    drawn_product, drawn_motif, words = rng.choice(PRODUCTS), rng.choice(sorted(MOTIFS)), rng.choice(WORDS)
    return Design(seed, product or drawn_product, motif or drawn_motif, words, stock)


def draw(design: Design) -> Image.Image:
    """The picture, RGBA, 600 x 600 px, transparent outside the die-line."""
    rng = Random(f"drawing {design.seed}")
    canvas = Canvas(rng.choice(PALETTES))
    framed = design.product == "patch" or (design.product == "enamel pin" and rng.random() < 0.65)
    compose = _print if design.product == "art print" else _badge if framed else _cutout
    pen = Pen(canvas)
    compose(pen if compose is _print else pen.at(0, 0.95).by_hand(rng, 0.35), design, rng)
    picture = canvas.finish()
    if design.product == "patch":
        return _embroider(picture)
    if design.product == "art print":
        return _textured(picture, _grain())
    if design.product == "sticker":
        picture = _bordered(picture, (255, 255, 255), 11)
    elif not framed:
        picture = _bordered(picture, canvas.palette.metal, 6)
    return _textured(picture, _sheen())


def _badge(pen: Pen, design: Design, rng: Random) -> None:
    p = pen.palette
    shape = frames.SHAPES[rng.choice(sorted(frames.SHAPES))]
    rim, width = rng.uniform(0.955, 0.975), rng.uniform(0.12, 0.16)
    pen.fill(shape, p.metal, 0.03)
    pen.fill(shape * rim, rng.choice((p.c, p.ground, shade(p.sky, 0.7), p.ink)), 0.014)
    frames.border(pen, shape * (rim - width * 0.46), rng, p.ground)
    window = shape * (rim - width)
    with pen.inside(window):
        rng.choice(frames.SCENES)(pen, rng)
        _halo(pen, rng)
    pen.stroke(np.append(window, window[:1]), p.metal, 0.026, 0.012)
    lettered = rng.random() < 0.55
    size = rng.uniform(0.5, 0.56) if lettered else rng.uniform(0.54, 0.62)
    _satellites(pen, rng, 0.66, rng.randint(2, 4))
    _main(pen.at(complex(0, -0.1 if lettered else 0.02)), design, rng, size)
    if lettered:
        frames.banner(pen, design.words, rng.uniform(0.58, 0.66) * 1j, rng)


def _halo(pen: Pen, rng: Random) -> None:
    p, r = pen.palette, rng.uniform(0.5, 0.6)
    kind = rng.randrange(3)
    if kind == 0:
        pen.fill(ring(0, r), shade(p.sky, 1.5), 0.018)
    elif kind == 1:
        pen.fill(star(0, r * 1.15, rng.randint(15, 25), rng.uniform(0.8, 0.88)), p.b, 0.018)


def _cutout(pen: Pen, design: Design, rng: Random) -> None:
    p = pen.palette
    if rng.random() < 0.5:
        for k in range(rng.randint(7, 11)):
            way = np.exp(1j * (k * 0.61 + rng.uniform(0, 0.3)))
            sprig = leaf(complex(way * 0.35), complex(way * rng.uniform(0.8, 0.95)), 0.34)
            pen.fill(sprig, shade(p.leaf, rng.choice((0.75, 1.0, 1.2))), 0.02)
            pen.stroke(np.array([way * 0.45, way * 0.78]), shade(p.leaf, 0.55), 0.014)
    else:
        back = frames.SHAPES[rng.choice(sorted(frames.SHAPES))] * rng.uniform(0.72, 0.8)
        pen.fill(back, p.sky, 0.025)
        with pen.inside(back):
            rng.choice(frames.SCENES)(pen, rng)
        pen.stroke(np.append(back, back[:1]), p.ink, 0.025)
    _satellites(pen, rng, 0.74, rng.randint(3, 5))
    _main(pen.at(-0.06j), design, rng, rng.uniform(0.6, 0.7))
    if rng.random() < 0.6:
        frames.banner(pen, design.words, rng.uniform(0.68, 0.75) * 1j, rng)


def _print(pen: Pen, design: Design, rng: Random) -> None:
    p = pen.palette
    wide, tall = rng.uniform(0.68, 0.8), rng.uniform(0.94, 1.0)
    wide, tall = (wide, tall) if rng.random() < 0.7 else (tall, wide)
    corners = np.array([-1 - 1j, 1 - 1j, 1 + 1j, -1 + 1j])
    sheet = wide * corners.real + 1j * tall * corners.imag
    pen.fill(sheet, p.light, 0)
    margin = rng.uniform(0.1, 0.13)
    low = 0.2 if rng.random() < 0.7 else margin
    window = sheet - margin * corners + np.where(corners.imag > 0, (margin - low) * 1j, 0)
    loose = pen.by_hand(rng, 0.4)
    with pen.inside(window):
        rng.choice(frames.SCENES)(loose, rng)
        _halo(loose, rng)
    _satellites(pen, rng, 0.62, rng.randint(4, 6))
    _main(pen.at(-0.05j), design, rng, rng.uniform(0.5, 0.6))
    pen.stroke(np.append(window, window[:2]), p.ink, 0.02)
    frames.border(pen, sheet - 0.5 * margin * corners, rng, p.light)
    r, points, inner = rng.uniform(0.05, 0.07), rng.randint(4, 9), rng.uniform(0.35, 0.6)
    for corner in window.tolist():
        pen.fill(ring(corner, r * 1.2), p.light, 0.018)
        pen.fill(star(corner, r, points, inner), rng.choice((p.a, p.c, p.metal)), 0.012)
    if low > margin:
        half = rng.uniform(0.36, 0.48)
        label = half * corners.real + 0.085j * corners.imag + (tall - 0.205) * 1j
        pen.fill(label, p.light, 0.02)
        pen.write(design.words, complex(0, tall - 0.205), rng.uniform(0.105, 0.125), p.ink)


def _main(pen: Pen, design: Design, rng: Random, size: float) -> None:
    """The main motif, and the clip art, if any, in a lower corner before it."""
    motif = pen.at(0, size, rng.uniform(-0.1, 0.1), mirrored=rng.random() < 0.5)
    MOTIFS[design.motif](motif.by_hand(rng), rng)
    if design.stock:
        name, seed = design.stock
        corner = rng.choice((-1, 1)) * 0.5 + rng.uniform(0.3, 0.4) * 1j
        MOTIFS[name](
            Pen(pen.canvas).at(corner, rng.uniform(0.26, 0.32), rng.uniform(-0.3, 0.3)), Random(f"clip art {seed}")
        )


def _satellites(pen: Pen, rng: Random, reach: float, count: int) -> None:
    """Small things around the main motif."""
    p, start = pen.palette, rng.uniform(0, 6.28)
    for k in range(count):
        spot = complex(reach * np.exp(1j * (start + 2 * np.pi * k / count)))
        size, kind = rng.uniform(0.12, 0.19), rng.choice((0, 1, 1, 2, 3, 3, 4, 4))
        small = pen.at(spot, size, rng.uniform(-0.5, 0.5)).by_hand(rng)
        if kind == 0:
            MOTIFS[rng.choice(sorted(THINGS))](small.at(0, 1.5), rng)
        elif kind == 1:
            small.fill(star(0, 1.0, 4, 0.3), p.light, 0.1)
            small.fill(star(0, 0.5, 4, 0.3), p.metal, 0)
        elif kind == 2:
            small.fill(frames.SHAPES["heart"], p.a, 0.1)
            small.shine(ring(-0.4 - 0.35j, 0.2, 0.14, 0.6), 150)
        elif kind == 3:
            for j in range(6):
                small.fill(ring(0.55 * np.exp(2j * np.pi * j / 6), 0.42), p.b, 0.08)
            small.fill(ring(0, 0.36), p.metal, 0.08)
        else:
            for side in (-1, 1):
                small.fill(leaf(0.8j, side * 0.8 - 0.5j, 0.45), p.leaf, 0.09)
            small.fill(leaf(0.8j, -0.95j, 0.4), shade(p.leaf, 1.2), 0.09)


def _bordered(picture: Image.Image, colour: Colour, width_px: int) -> Image.Image:
    """The picture with an even border around its silhouette: the die-line of a sticker, the rim of a pin."""
    alpha = picture.getchannel("A").resize((SIDE_PX // 2, SIDE_PX // 2), Image.Resampling.BOX)
    grown = alpha.filter(ImageFilter.GaussianBlur(width_px / 2)).point(lambda v: 255 if v > 9 else 0)
    grown = grown.resize(picture.size, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(2))
    out = Image.new("RGB", picture.size, colour)
    out.paste(picture, mask=picture.getchannel("A"))
    out.putalpha(grown.point(lambda v: min(255, max(0, (v - 96) * 4))))
    return out


def _textured(picture: Image.Image, texture: Image.Image) -> Image.Image:
    done = ImageChops.soft_light(picture.convert("RGB"), texture)
    done.putalpha(picture.getchannel("A"))
    return done


def _embroider(picture: Image.Image) -> Image.Image:
    """The picture in thread: stitches run one way in dark parts, the other in light ones."""
    thread = _threads()[0].copy()
    thread.paste(_threads()[1], mask=picture.convert("L").point(lambda v: 255 if v > 120 else 0))
    return _textured(picture, thread)


@cache
def _threads() -> tuple[Image.Image, Image.Image]:
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX]
    noise = np.random.default_rng(5).normal(0, 9, (SIDE_PX, SIDE_PX))
    waves = (np.sin((x * a + y * b) * 2 * np.pi / 4.6) * 26 + noise + 128 for a, b in ((0.4, 0.92), (0.92, -0.4)))
    left, right = (Image.fromarray(wave.clip(0, 255).astype(np.uint8)).convert("RGB") for wave in waves)
    return left, right


@cache
def _grain() -> Image.Image:
    noise = np.random.default_rng(6).normal(128, 16, (SIDE_PX, SIDE_PX)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(noise).filter(ImageFilter.GaussianBlur(0.8)).convert("RGB")


@cache
def _sheen() -> Image.Image:
    light = Image.new("L", (SIDE_PX, SIDE_PX), 124)
    stroke = ImageDraw.Draw(light)
    stroke.polygon([(90, 0), (250, 0), (0, 270), (0, 100)], fill=164)
    stroke.polygon([(300, 0), (340, 0), (0, 370), (0, 325)], fill=150)
    stroke.polygon([(600, 380), (600, 600), (380, 600)], fill=104)
    return light.filter(ImageFilter.GaussianBlur(18)).convert("RGB")
