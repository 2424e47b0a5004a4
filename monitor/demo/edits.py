"""What sellers do to a picture they took: eighteen kinds of edit, each from a cut-out design to a listing's picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from random import Random

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from monitor.demo.scenery import backdrop

Edit = Callable[[Image.Image, Random], Image.Image]
Colour = tuple[int, int, int]

_SIDE_PX = 800
_WHITE: Colour = (255, 255, 255)
_SMOOTHLY = Image.Resampling.BILINEAR  # Pillow also filters when it reduces
_SHOPS = ("Pin Palace", "LUCKY STORE 66", "Cute Things Co", "best badge shop", "Gift-World Official", "TOP Trinkets")
_BLURBS = ("FREE SHIPPING TODAY", "BUY 2 GET 1 FREE", "ONLY $2.99", "BEST PRICE - NEW IN", "FLASH SALE ENDS SOON")
_OFFERS = ("-40%", "-60%", "SALE", "NEW", "HOT")


def _placed(design: Image.Image, ground: Colour = _WHITE, side_px: int = _SIDE_PX, share: float = 0.9) -> Image.Image:
    """The design in the middle of a plain square, its longer side ``share`` of the square's."""
    cut = design.getbbox() or (0, 0, *design.size)
    flat = Image.new("RGB", design.size, ground)
    flat.paste(design, mask=design.getchannel("A"))
    scale = side_px * share / max(cut[2] - cut[0], cut[3] - cut[1])
    small = flat.resize((round((cut[2] - cut[0]) * scale), round((cut[3] - cut[1]) * scale)), _SMOOTHLY, cut)
    out = Image.new("RGB", (side_px, side_px), ground)
    out.paste(small, ((side_px - small.width) // 2, (side_px - small.height) // 2))
    return out


def _jpeg(picture: Image.Image, quality: int) -> Image.Image:
    """The picture after one more round of JPEG."""
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    return Image.open(data).convert("RGB")


def _tone(rng: Random, low: int, high: int) -> Colour:
    return rng.randint(low, high), rng.randint(low, high), rng.randint(low, high)


def _seen_from_aside(card: Image.Image, rng: Random, amount: float, lean: float = 0.0) -> Image.Image:
    """An RGBA picture in perspective: each corner moves inwards by up to ``amount`` of the side, all turn by ``lean``.

    ``lean`` in degrees; the result is 1.2 times as large, so that corners stay within.
    """
    w, h = card.size
    corners = [(0, 0), (w, 0), (w, h), (0, h)]
    turn = np.exp(1j * np.radians(lean))
    rows, goals = [], []
    for u, v in corners:  # a point (x, y) of the result shows (u, v) of the card
        moved = complex(abs(u - rng.uniform(0, amount) * w), abs(v - rng.uniform(0, amount) * h)) - complex(w, h) / 2
        x, y = (moved * turn + complex(w, h) * 0.6).real, (moved * turn + complex(w, h) * 0.6).imag
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        goals += [u, v]
    plan = np.linalg.solve(np.array(rows), np.array(goals))
    return card.transform((round(w * 1.2), round(h * 1.2)), Image.Transform.PERSPECTIVE, plan.tolist(), _SMOOTHLY)


def _bulged(card: Image.Image, depth: float) -> Image.Image:
    """An RGBA picture wrapped around an upright cylinder: sides narrower, edges lower by ``depth`` of the height."""
    w, h, strips = *card.size, 10
    edges = [round(w * k / strips) for k in range(strips + 1)]
    mesh = []
    for left, right in pairwise(edges):
        u0, u1 = ((np.arcsin((2 * x / w - 1) * 0.8) / np.arcsin(0.8) + 1) * w / 2 for x in (left, right))
        d0, d1 = (depth * h * (2 * x / w - 1) ** 2 for x in (left, right))
        mesh.append(((left, 0, right, h), (u0, -d0, u0, h - d0, u1, h - d1, u1, -d1)))
    return card.transform(card.size, Image.Transform.MESH, mesh, _SMOOTHLY)


@cache
def _noise() -> Image.Image:
    values = np.random.default_rng(8).normal(128, 11, (1024, 1024)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(values).convert("RGB")


def _lit(picture: Image.Image, rng: Random) -> Image.Image:
    """Light from one side, and a sensor's noise."""
    w, h = picture.size
    ramp, low = Image.linear_gradient("L").rotate(rng.choice((0, 90, 180, 270))), rng.uniform(0.6, 0.9)
    ramp = ramp.point([round(255 * (low + (1 - low) * v / 255)) for v in range(256)]).resize((w, h))
    gain = rng.uniform(1.0, 1.25)
    picture = picture.point([min(255, round(gain * v)) for v in range(256)] * 3)
    x, y = rng.randint(0, 1024 - w), rng.randint(0, 1024 - h)
    shaded = ImageChops.multiply(picture, Image.merge("RGB", (ramp, ramp, ramp)))
    return ImageChops.soft_light(shaded, _noise().crop((x, y, x + w, y + h)))


def thumbnail(design: Image.Image, rng: Random) -> Image.Image:
    """Only a preview was saved, and compressed hard."""
    return _jpeg(_placed(design, side_px=rng.choice((200, 240, 300, 360)), share=0.95), rng.randint(32, 68))


def recompress(design: Image.Image, rng: Random) -> Image.Image:
    """Reduced and compressed very hard."""
    return _jpeg(_placed(design, side_px=rng.randint(380, 460), share=0.98), rng.randint(16, 36))


def crop(design: Image.Image, rng: Random) -> Image.Image:
    """A part of 60 to 80 % of each side."""
    whole = _placed(design, share=0.98)
    w, h = (round(_SIDE_PX * rng.uniform(0.6, 0.8)) for _ in range(2))
    x, y = rng.randint(0, _SIDE_PX - w), rng.randint(0, _SIDE_PX - h)
    return whole.crop((x, y, x + w, y + h))


def pad(design: Image.Image, rng: Random) -> Image.Image:
    """Small on a wide plain ground."""
    return _placed(design, _tone(rng, 110, 255), share=rng.uniform(0.45, 0.65))


def watermark(design: Image.Image, rng: Random) -> Image.Image:
    """A shop's name across the picture, again and again."""
    out, name = _placed(design), rng.choice(_SHOPS)
    mark = Image.new("L", (450, 450))  # half as large as it will be
    draw, font, step = ImageDraw.Draw(mark), ImageFont.load_default(rng.randint(23, 37)), rng.randint(75, 100)
    for row, y in enumerate(range(20, 440, step)):
        draw.text((rng.randint(0, 120) + 60 * (row % 2), y), name, font=font, fill=rng.randint(90, 140))
    mark = mark.rotate(rng.uniform(-35, 20), _SMOOTHLY).resize(out.size, _SMOOTHLY, (25, 25, 425, 425))
    out.paste(_tone(rng, 0, 90) if rng.random() < 0.6 else _WHITE, mask=mark)
    return out


def promo(design: Image.Image, rng: Random) -> Image.Image:
    """A sales banner below and a sticker in a corner."""
    out, loud = _placed(design, share=0.88), rng.choice(((214, 30, 48), (240, 96, 20), (40, 70, 180), (20, 130, 90)))
    draw, top = ImageDraw.Draw(out), rng.randint(650, 700)
    draw.rectangle((0, top, 800, 800), fill=loud)
    draw.text((400, (top + 800) // 2), rng.choice(_BLURBS), font=ImageFont.load_default(52), fill="white", anchor="mm")
    x, y = rng.choice(((110, 110), (690, 110)))
    draw.ellipse((x - 96, y - 96, x + 96, y + 96), fill=(255, 208, 30), outline=loud, width=6)
    draw.text((x, y), rng.choice(_OFFERS), font=ImageFont.load_default(58), fill=loud, anchor="mm", stroke_width=1)
    return out


def mirror(design: Image.Image, rng: Random) -> Image.Image:
    """Left and right exchanged."""
    return _jpeg(ImageOps.mirror(_placed(design, share=rng.uniform(0.86, 0.94))), 60)


def recolor(design: Image.Image, rng: Random) -> Image.Image:
    """All hues turned, more or less contrast."""
    hue, saturation, value = design.convert("RGB").convert("HSV").split()
    turn = rng.randint(36, 220)
    hue = hue.point([(v + turn) % 256 for v in range(256)])
    turned = Image.merge("HSV", (hue, saturation, value)).convert("RGB")
    turned.putalpha(design.getchannel("A"))
    return ImageEnhance.Contrast(_placed(turned)).enhance(rng.uniform(0.6, 1.4))


def grayscale(design: Image.Image, rng: Random) -> Image.Image:
    """No colour, another brightness."""
    return ImageEnhance.Brightness(ImageOps.grayscale(_placed(design)).convert("RGB")).enhance(rng.uniform(0.7, 1.2))


def rotate(design: Image.Image, rng: Random) -> Image.Image:
    """Tilted by 5 to 25 degrees."""
    return _placed(design, side_px=640, share=0.82).rotate(
        rng.choice((-1, 1)) * rng.uniform(5, 25), _SMOOTHLY, fillcolor=_WHITE
    )


def rotate90(design: Image.Image, rng: Random) -> Image.Image:
    """On its side or upside down."""
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    return _placed(design.transpose(rng.choice(turns)))


def recut(design: Image.Image, rng: Random) -> Image.Image:
    """Cut out and put on a dark ground."""
    return _jpeg(_placed(design, _tone(rng, 0, 90), share=0.86), 60)


def collage(design: Image.Image, rng: Random) -> Image.Image:
    """One of four pictures in a square."""
    out, place = Image.new("RGB", (_SIDE_PX, _SIDE_PX), _WHITE), rng.randrange(4)
    for k in range(4):
        tile = _placed(design, side_px=395) if k == place else backdrop(rng, 395)
        out.paste(tile, (k % 2 * 405, k // 2 * 405))
    return out


def inset(design: Image.Image, rng: Random) -> Image.Image:
    """A smaller picture within a photograph."""
    out, side = backdrop(rng), rng.randint(350, 470)
    out.paste(
        _placed(design, side_px=side, share=0.95), (rng.randint(0, _SIDE_PX - side), rng.randint(0, _SIDE_PX - side))
    )
    return out


def print_on_product(design: Image.Image, rng: Random) -> Image.Image:
    """Printed on a shirt, a mug or a bag that lies somewhere, bent and lit."""
    out, body = backdrop(rng).filter(ImageFilter.BoxBlur(2)), _tone(rng, 30, 245)
    draw, kind = ImageDraw.Draw(out), rng.randrange(3)
    if kind == 0:  # a shirt
        draw.polygon(
            [
                (140, 90),
                (310, 50),
                (490, 50),
                (660, 90),
                (800, 260),
                (690, 340),
                (650, 290),
                (650, 800),
                (150, 800),
                (150, 290),
                (110, 340),
                (0, 260),
            ],
            fill=body,
        )
        draw.ellipse((310, 0, 490, 110), fill=tuple(v * 3 // 4 for v in body))
    elif kind == 1:  # a mug
        draw.ellipse((600, 240, 790, 560), outline=body, width=44)
        draw.rounded_rectangle((90, 80, 680, 740), 50, fill=body)
    else:  # a bag
        draw.arc((260, -150, 540, 260), 150, 390, fill=body, width=26)
        draw.rounded_rectangle((100, 100, 700, 780), 24, fill=body)
    side = round(_SIDE_PX * rng.uniform(0.45, 0.58))
    card = _bulged(_card(design, side, None), rng.uniform(0.01, 0.06)) if kind == 1 else _card(design, side, None)
    card = _seen_from_aside(card, rng, 0.06)
    out.paste(
        card, ((790 - card.width) // 2 + rng.randint(-30, 30), (840 - card.height) // 2 + rng.randint(-30, 30)), card
    )
    return _jpeg(_lit(out, rng), 70)


def _card(design: Image.Image, side_px: int, ground: Colour | None) -> Image.Image:
    """The design on a square RGBA card with a margin; transparent without ``ground``."""
    card = Image.new("RGBA", (side_px, side_px), (*ground, 255) if ground else (0, 0, 0, 0))
    inner = round(side_px * (0.9 if ground else 0.98))
    small = design.resize((inner, inner), _SMOOTHLY)
    card.paste(small, ((side_px - inner) // 2,) * 2, small)
    return card


def photographed(design: Image.Image, rng: Random) -> Image.Image:
    """A printed card, photographed at an angle where it lies."""
    out = backdrop(rng)
    card = _seen_from_aside(_card(design, 540, (250, 248, 240)), rng, 0.16, rng.uniform(-13, 13))
    x, y = (max(0, (_SIDE_PX - card.width) // 2 + rng.randint(-40, 40)) for _ in range(2))
    shadow = card.getchannel("A").resize((card.width // 4, card.height // 4)).filter(ImageFilter.GaussianBlur(3))
    out.paste((20, 18, 16), (x + 10, y + 14), shadow.resize(card.size).point([v * 5 // 8 for v in range(256)]))
    out.paste(card, (x, y), card)
    return _jpeg(_lit(out, rng).filter(ImageFilter.BoxBlur(0.9)), 65)


def screenshot(design: Image.Image, rng: Random) -> Image.Image:
    """A telephone's screen with a shop's page on it."""
    out, loud = (
        Image.new("RGB", (540, 960), (246, 246, 246)),
        rng.choice(((250, 84, 20), (30, 110, 210), (200, 20, 60))),
    )
    draw = ImageDraw.Draw(out)
    draw.rectangle((0, 0, 540, 84), fill=loud)
    draw.rounded_rectangle((60, 18, 480, 66), 24, fill="white")
    draw.text((84, 42), "enamel pin cute", font=ImageFont.load_default(26), fill=(120, 120, 120), anchor="lm")
    out.paste(_placed(design, side_px=540), (0, 84))
    draw.text((20, 668), f"US ${rng.uniform(1, 9):.2f}", font=ImageFont.load_default(46), fill=loud, anchor="lm")
    draw.text(
        (300, 668),
        f"{rng.uniform(3.9, 5):.1f} stars  {rng.randint(20, 900)} sold",
        font=ImageFont.load_default(22),
        fill="gray",
        anchor="lm",
    )
    draw.text((20, 724), "Kawaii Brooch Badge Backpack Gift", font=ImageFont.load_default(27), fill=(40, 40, 40))
    for k in range(2):
        draw.rounded_rectangle((20 + 260 * k, 860, 260 + 260 * k, 930), 35, fill=loud if k else (255, 170, 60))
        draw.text(
            (140 + 260 * k, 895),
            ("Add to cart", "Buy now")[k],
            font=ImageFont.load_default(28),
            fill="white",
            anchor="mm",
        )
    return _jpeg(out, 60)


def combo(design: Image.Image, rng: Random) -> Image.Image:
    """Mirrored, marked, cut, reduced, recoloured and compressed."""
    marked = watermark(ImageOps.mirror(design), rng)
    w, h = (round(_SIDE_PX * rng.uniform(0.75, 0.88)) for _ in range(2))
    x, y = rng.randint(0, _SIDE_PX - w), rng.randint(0, _SIDE_PX - h)
    small = marked.resize((360, 360), _SMOOTHLY, (x, y, x + w, y + h))
    return _jpeg(ImageEnhance.Color(small).enhance(rng.uniform(0.4, 1.6)), 40)


def traced(design: Image.Image, rng: Random) -> Image.Image:
    """Redrawn: black lines on white where its colours meet, and nothing else."""
    flat = _placed(design, share=rng.uniform(0.7, 0.9)).filter(ImageFilter.GaussianBlur(1.5))
    edges = np.asarray(flat.filter(ImageFilter.FIND_EDGES)).max(axis=2)[1:-1, 1:-1]  # its rim stays as it was
    drawn = Image.fromarray(np.where(edges > rng.randint(14, 26), 0, 255).astype(np.uint8))
    return drawn.filter(ImageFilter.GaussianBlur(0.7)).convert("RGB")


EDITS: dict[str, Edit] = {
    edit.__name__: edit
    for edit in (
        thumbnail, recompress, crop, pad, watermark, promo, mirror, recolor, grayscale, rotate, rotate90, recut,
        collage, inset, print_on_product, photographed, screenshot, combo,
    )
}  # fmt: skip
EVERY_EDIT: dict[str, Edit] = EDITS | {"traced": traced}  # what the demo bazaar's sellers do, and a harder one
