"""What surrounds a motif: a badge's shape, ornaments along its border, the scene behind, lettering."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np

from monitor.demo.pen import Colour, Line, Pen, arc, leaf, ring, scallop, shade, smooth, star

Scene = Callable[[Pen, Random], None]


def _arch() -> Line:
    return np.concatenate([arc(-0.15j, 0.78, -np.pi, 0, 30), np.array([0.78 + 0.97j, -0.78 + 0.97j])])


def _heart() -> Line:
    t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.asarray(0.06 * (16 * np.sin(t) ** 3 - 1j * (y + 2)))


def _squircle(power: float) -> Line:
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    c, s = np.cos(t), np.sin(t)
    return np.asarray(0.92 * (np.sign(c) * np.abs(c) ** power + 1j * np.sign(s) * np.abs(s) ** power))


def _shield() -> Line:
    return smooth(
        -0.86 - 0.8j,
        -0.4 - 0.88j,
        -0.96j,
        0.4 - 0.88j,
        0.86 - 0.8j,
        0.88 + 0.05j,
        0.5 + 0.66j,
        0.98j,
        -0.5 + 0.66j,
        -0.88 + 0.05j,
    )


SHAPES: dict[str, Line] = {
    "circle": ring(0, 0.96, n=64),
    "scallop": scallop(0.95, 14),
    "petals": scallop(0.95, 8, 0.1),
    "hexagon": np.asarray(0.97 * np.exp(2j * np.pi * (np.arange(6) + 0.5) / 6)),
    "octagon": np.asarray(0.98 * np.exp(2j * np.pi * (np.arange(8) + 0.5) / 8)),
    "arch": _arch(),
    "heart": _heart(),
    "square": _squircle(0.3),
    "diamond": _squircle(1.5) * 1.06,
    "shield": _shield(),
    "oval": ring(0, 0.8, 0.97, n=64),
}


def along(line: Line, n: int) -> tuple[Line, Line]:
    """``n`` points at even distances along a closed line, and the directions there (unit length)."""
    closed = np.append(line, line[0])
    walked = np.concatenate([[0], np.cumsum(np.abs(np.diff(closed)))])
    at = (np.arange(n) + 0.5) * walked[-1] / n
    ahead = np.minimum(at + walked[-1] * 1e-3, walked[-1])
    points = np.interp(at, walked, closed.real) + 1j * np.interp(at, walked, closed.imag)
    way = np.interp(ahead, walked, closed.real) + 1j * np.interp(ahead, walked, closed.imag) - points
    return points, way / np.abs(way)


def border(pen: Pen, line: Line, rng: Random, back: Colour) -> None:
    """Ornaments in a row along a closed line."""
    p = pen.palette
    bright = [c for c in (p.metal, p.light, p.a, p.b, p.c) if c != back]
    first, second = rng.sample(bright, 2)
    kind = rng.choice(("beads", "stars", "leaves", "dashes", "zigzag", "hearts", "bunting"))
    usual = {"beads": 22, "stars": 11, "leaves": 17, "dashes": 20, "zigzag": 36, "hearts": 11, "bunting": 15}[kind]
    points, ways = along(line, 2 * round(usual * rng.uniform(0.75, 1.2)))
    ways = ways * rng.uniform(0.8, 1.15)
    if kind == "zigzag":
        swing = points + ways * 1j * np.where(np.arange(len(points)) % 2, 0.024, -0.024)
        pen.stroke(np.append(swing, swing[0]), first, 0.018)
        return
    for k, (z, way) in enumerate(zip(points.tolist(), ways.tolist(), strict=True)):
        colour = (first, second)[k % 2]
        if kind == "beads":
            pen.fill(ring(z, (0.034 if k % 2 else 0.02) * abs(way), n=14), colour, 0.012)
        elif kind == "stars":
            pen.fill(star(z, 0.048 * abs(way), (5, 4)[k % 2], (0.45, 0.3)[k % 2], float(np.angle(way))), colour, 0.01)
        elif kind == "leaves":
            pen.fill(leaf(z - way * 0.03, z + way * 0.05 + way * 0.035j * (-1) ** k, 0.55), colour, 0.01)
        elif kind == "dashes":
            pen.stroke(np.array([z - way * 0.022, z + way * 0.022]), colour, 0.022 if k % 2 else 0.034)
        elif kind == "hearts" and k % 2:
            pen.dots(np.array([z]), 0.02, colour)
        elif kind == "hearts":
            pen.fill(z + SHAPES["heart"][::2] * 0.05 * way, colour, 0.01)
        else:
            pen.fill(np.array([z - way * 0.035, z + way * 0.035, z + way * 0.062j]), colour, 0.01)


def rays(pen: Pen, rng: Random) -> None:
    """Sun rays from a point, with sparks between."""
    p = pen.palette
    middle, n = complex(rng.uniform(-0.2, 0.2), rng.uniform(-0.1, 0.6)), rng.choice((11, 13, 16, 18))
    pen.fill(ring(0, 1.5), p.sky, 0)
    for k in range(n):
        way = 2.5 * np.exp(2j * np.pi * (k + np.array([0.0, 0.5])) / n)
        pen.fill(np.concatenate([[middle], middle + way]), shade(p.sky, 1.22), 0)
    for k in range(n):
        spark = middle + rng.uniform(0.45, 1.1) * np.exp(2j * np.pi * (k + 0.25) / n)
        pen.fill(star(complex(spark), rng.uniform(0.03, 0.06), 4, 0.3), p.light, 0)


def night(pen: Pen, rng: Random) -> None:
    """A starry sky over hills with trees."""
    p = pen.palette
    for k in range(5):
        pen.fill(ring(complex(0, 0.1), 1.5 - 0.22 * k), shade(p.sky, 0.8 + 0.11 * k), 0)
    for _ in range(34):
        spot, r = complex(rng.uniform(-0.95, 0.95), rng.uniform(-0.95, 0.4)), rng.uniform(0.012, 0.055)
        pen.fill(star(spot, r, rng.choice((4, 5)), 0.36, rng.uniform(0, 1)), rng.choice((p.light, p.light, p.metal)), 0)
    for k, tone in enumerate((0.62, 0.9, 1.2)):
        level = 0.36 + 0.22 * k
        ridge = [complex(x, level + rng.uniform(-0.1, 0.1)) for x in (-1.2, -0.8, -0.4, 0, 0.4, 0.8, 1.2)]
        crest = smooth(*ridge, closed=False)
        pen.fill(np.concatenate([crest, np.array([1.3 + 1.3j, -1.3 + 1.3j])]), shade(p.ground, tone), 0.018)
        for _ in range(6):
            foot = complex(crest[rng.randrange(4, len(crest) - 4)])
            height = rng.uniform(0.09, 0.17)
            for step in range(3):
                low = foot - 1j * height * (0.1 + 0.3 * step)
                half = height * (0.42 - 0.09 * step)
                pen.fill(np.array([low - half, low + half, low - 0.45j * height]), shade(p.leaf, 0.6 + 0.2 * k), 0.01)


def waves(pen: Pen, rng: Random) -> None:
    """Rows of overlapping waves under a low sun."""
    p = pen.palette
    pen.fill(ring(0, 1.5), shade(p.sky, 1.3), 0)
    pen.fill(ring(complex(rng.uniform(-0.3, 0.3), -0.2), 0.55), p.metal, 0.018)
    r = rng.uniform(0.13, 0.19)
    for row in range(12):
        for k in range(-7, 8):
            middle = complex((k + 0.5 * (row % 2)) * r * 2, -0.05 + row * r * 0.72)
            pen.fill(ring(middle, r, n=22), (p.sky, shade(p.sky, 0.8))[row % 2], 0.014)
            pen.fill(ring(middle, r * 0.62, n=16), shade(p.sky, 1.4), 0.012)
            pen.fill(ring(middle, r * 0.3, n=10), p.c, 0)


def garden(pen: Pen, rng: Random) -> None:
    """Tall leaves and small flowers growing from below."""
    p = pen.palette
    pen.fill(ring(0, 1.5), shade(p.sky, 1.15), 0)
    for _ in range(26):
        pen.dots(np.array([complex(rng.uniform(-0.9, 0.9), rng.uniform(-0.9, 0.3))]), rng.uniform(0.008, 0.02), p.light)
    for k in range(12):
        x = -0.95 + 1.9 * k / 11
        tip = x * 1.05 + rng.uniform(-0.08, 0.08) + (rng.uniform(-0.75, -0.1) * abs(x) + 0.1) * 1j
        stem = smooth(x * 0.8 + 1.1j, x * 0.9 + 0.5j, tip, closed=False)
        pen.stroke(stem, shade(p.leaf, 0.7), 0.024)
        for i in range(2, len(stem) - 1, 2):
            side = 1 if (i // 2) % 2 else -1
            way = stem[i + 1] - stem[i]
            tip_i = stem[i] + 0.17 * way / max(abs(way), 1e-6) * np.exp(0.9j * side)
            pen.fill(leaf(complex(stem[i]), complex(tip_i), 0.42), shade(p.leaf, rng.choice((0.8, 1.0, 1.2))), 0.012)
        for j in range(5):
            pen.fill(ring(tip + 0.05 * np.exp(2j * np.pi * j / 5), 0.042, n=12), (p.a, p.b, p.c, p.light)[k % 4], 0.01)
        pen.dots(np.array([tip]), 0.026, p.metal)


def pattern(pen: Pen, rng: Random) -> None:
    """A repeat of small signs on a plain ground."""
    p = pen.palette
    pen.fill(ring(0, 1.5), p.sky, 0)
    step, lean = rng.uniform(0.2, 0.26), rng.uniform(-0.3, 0.3)
    tones = (shade(p.sky, 1.35), shade(p.sky, 0.7), p.b)
    kinds, r = rng.sample(range(4), 2), rng.uniform(0.04, 0.07)
    for row in range(-6, 7):
        for k in range(-6, 7):
            z = complex(step * (k + 0.5 * (row % 2)), step * 0.87 * row) * np.exp(1j * lean)
            kind, tone = kinds[(row + k) % 2], tones[(row * 2 + k) % 3]
            if kind == 0:
                pen.fill(star(complex(z), r, 4, rng.uniform(0.3, 0.36)), tone, 0)
            elif kind == 1:
                pen.fill(complex(z) + SHAPES["heart"][::3] * r, tone, 0)
            elif kind == 2:
                pen.fill(ring(complex(z), r, n=14), tone, 0)
                pen.fill(ring(complex(z), r * 0.5, n=10), p.sky, 0)
            else:
                pen.fill(leaf(complex(z) - r, complex(z) + r, 0.6), tone, 0)


def clouds(pen: Pen, rng: Random) -> None:
    """Curled clouds in rows, birds above."""
    p = pen.palette
    pen.fill(ring(0, 1.5), shade(p.sky, 1.25), 0)
    for _ in range(7):
        z = complex(rng.uniform(-0.8, 0.8), rng.uniform(-0.85, -0.3))
        pen.stroke(
            np.concatenate([arc(z - 0.05, 0.05, np.pi, 2 * np.pi, 8), arc(z + 0.05, 0.05, np.pi, 2 * np.pi, 8)]),
            p.ink,
            0.016,
        )
    for row in range(6):
        for k in range(-4, 5):
            z = complex(0.3 * k + 0.15 * (row % 2) + rng.uniform(-0.04, 0.04), -0.25 + 0.24 * row)
            r = rng.uniform(0.16, 0.22)
            tone = (p.light, shade(p.sky, 1.6), p.b)[(row + k) % 3]
            pen.fill(ring(z, r, n=24), tone, 0.014)
            t = np.linspace(0, 3.6 * np.pi, 30)
            pen.stroke(z + r * 0.75 * (1 - t / (4.2 * np.pi)) * np.exp(1j * (t + k)), shade(p.sky, 0.75), 0.014)


SCENES: tuple[Scene, ...] = (rays, night, waves, garden, pattern, clouds)


def banner(pen: Pen, words: str, middle: complex, rng: Random) -> None:
    """A ribbon with folded ends and a line of capitals."""
    p = pen.palette
    half, high = rng.uniform(0.44, 0.58), rng.uniform(0.095, 0.12)
    for side in (-1, 1):
        fold = np.array([half - 0.1, half + 0.14, half + 0.07 + 0.09j, half + 0.14 + 0.18j, half - 0.1 + 0.18j])
        fold = (fold if side > 0 else -np.conj(fold)) + middle - (high - 0.07) * 1j
        pen.fill(fold, shade(p.c, 0.7), 0.022)
    box = np.array([-half - high * 1j, half - high * 1j, half + high * 1j, -half + high * 1j]) + middle
    pen.fill(box, p.c, 0.024)
    for y in (-0.072, 0.072):
        line = np.array([-half + 0.03, half - 0.03]) + middle + 1j * y
        pen.stroke(line, shade(p.c, 1.5), 0.01)
    pen.write(words, middle, min(0.15, half * 3.0 / max(len(words), 1)), p.ink if sum(p.c) > 420 else p.light)
