"""Animals for the demo's designs. Each fills the pen's square, facing the visitor; its `Random` decides the details."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np

from monitor.demo.pen import Colour, Pen, arc, leaf, ring, shade, smooth, star

Motif = Callable[[Pen, Random], None]

_BLUSH: Colour = (240, 140, 140)


def _eyes(pen: Pen, middle: complex, apart: float, r: float) -> None:
    for side in (-1, 1):
        eye = middle + side * apart
        pen.fill(ring(eye, r, r * 1.15), pen.palette.ink, 0)
        pen.dots(np.array([eye + r * (-0.3 - 0.4j)]), r * 0.38, (255, 255, 255))
        pen.dots(np.array([eye + r * (0.35 + 0.4j)]), r * 0.2, (255, 255, 255))


def _whiskers(pen: Pen, middle: complex, apart: float) -> None:
    for side in (-1, 1):
        for slope in (-0.08, 0.0, 0.08):
            root = middle + side * apart + 1j * slope
            pen.stroke(np.array([root, root + side * 0.26 + 1j * slope]), pen.palette.ink, 0.016)


def _smile(pen: Pen, middle: complex, r: float) -> None:
    pen.stroke(arc(middle - r, r, 0.2, np.pi - 0.3), pen.palette.ink, 0.022)
    pen.stroke(arc(middle + r, r, 0.3, np.pi - 0.2), pen.palette.ink, 0.022)


def cat(pen: Pen, rng: Random) -> None:
    """A sitting cat with stripes, a collar and a curled tail."""
    p = pen.palette
    fur, dark = p.a, shade(p.a, 0.7)
    pen.stroke(smooth(0.4 + 0.8j, 0.85 + 0.75j, 0.9 + 0.25j, 0.62 + 0.0j, 0.6 + 0.25j, closed=False), fur, 0.17, 0.03)
    for k in range(4):
        pen.stroke(np.array([0.78 + 0.13j * k + 0.2j, 0.9 + 0.13j * k + 0.22j]), dark, 0.035)
    pen.fill(smooth(-0.55 + 0.95j, -0.5 + 0.3j, 0 - 0.15j, 0.5 + 0.3j, 0.55 + 0.95j, 0 + 1.0j), fur)
    pen.fill(ring(0.62j, 0.27, 0.33), p.light, 0)
    for side in (-1, 1):
        pen.fill(ring(side * 0.28 + 0.9j, 0.2, 0.11), fur)
        for toe in (-0.06, 0.06):
            pen.stroke(np.array([side * 0.28 + toe + 0.9j, side * 0.28 + toe + 0.98j]), p.ink, 0.018)
        for k in range(3):
            pen.stroke(np.array([side * 0.52 + 0.4j + 0.14j * k, side * 0.34 + 0.44j + 0.14j * k]), dark, 0.035)
        pen.fill(np.array([side * 0.6 - 0.45j, side * 0.55 - 1.0j, side * 0.12 - 0.75j]), fur)
        pen.fill(np.array([side * 0.5 - 0.55j, side * 0.48 - 0.85j, side * 0.25 - 0.7j]), p.b, 0)
    pen.fill(ring(-0.32j, 0.66, 0.5), fur)
    for stripe in (-0.14, 0.0, 0.14):
        pen.stroke(np.array([stripe - 0.8j, stripe * 0.8 - 0.62j]), dark, 0.05)
    _eyes(pen, -0.32j, 0.28, 0.12)
    pen.fill(np.array([-0.06 - 0.2j, 0.06 - 0.2j, -0.13j]), p.b, 0.015)
    _smile(pen, -0.1j, 0.08)
    _whiskers(pen, -0.16j, 0.4)
    pen.fill(smooth(-0.4 + 0.12j, 0.2j, 0.4 + 0.12j, 0.42 + 0.2j, 0.29j, -0.42 + 0.2j), p.c, 0.025)
    pen.fill(
        star(0.34j, 0.13, turn=rng.uniform(-0.4, 0.4)) if rng.random() < 0.5 else ring(0.34j, 0.09), p.light, 0.025
    )


def fox(pen: Pen, rng: Random) -> None:
    """A fox lying in its own tail."""
    p = pen.palette
    fur, dark = p.a, shade(p.a, 0.72)
    pen.fill(smooth(-0.9 + 0.6j, -0.6 + 0.1j, 0.1 - 0.05j, 0.8 + 0.2j, 0.95 + 0.65j, 0.4 + 0.95j, -0.5 + 0.95j), fur)
    for k in range(6):
        root = -0.1 + 0.17 * k + 0.18j + 0.05j * (k % 2)
        pen.stroke(np.array([root, root + 0.05 + 0.09j]), dark, 0.025)
    pen.fill(smooth(0.95 + 0.5j, 0.6 + 0.55j, 0.1 + 0.62j, -0.45 + 0.72j, -0.3 + 0.95j, 0.4 + 1.0j, 0.85 + 0.9j), dark)
    pen.fill(smooth(-0.45 + 0.72j, -0.15 + 0.68j, -0.02 + 0.8j, -0.12 + 0.93j, -0.3 + 0.95j), p.light)
    for k in range(5):
        pen.stroke(np.array([0.1 + 0.15 * k + 0.72j, 0.2 + 0.15 * k + 0.85j]), p.ink, 0.018)
    head = pen.at(-0.35 - 0.2j, 0.78, rng.uniform(-0.2, 0.1))
    for side in (-1, 1):
        head.fill(np.array([side * 0.75 - 0.2j, side * 0.72 - 0.98j, side * 0.15 - 0.55j]), fur)
        head.fill(np.array([side * 0.62 - 0.35j, side * 0.62 - 0.78j, side * 0.32 - 0.5j]), p.ink, 0)
    head.fill(
        smooth(-0.85 + 0.0j, -0.5 - 0.5j, 0 - 0.58j, 0.5 - 0.5j, 0.85 + 0.0j, 0.45 + 0.4j, 0.72j, -0.45 + 0.4j), fur
    )
    for side in (-1, 1):
        cheek = smooth(side * 0.8 + 0.05j, side * 0.4 + 0.0j, side * 0.08 + 0.35j, 0.68j, side * 0.42 + 0.38j)
        head.fill(cheek, p.light, 0.02)
        head.stroke(arc(side * 0.36 - 0.08j, 0.15, 0.3, np.pi - 0.3), p.ink, 0.05)
        for k in range(3):
            head.stroke(np.array([side * (0.5 + 0.1 * k) + 0.2j, side * (0.45 + 0.1 * k) + 0.3j]), p.b, 0.03)
    head.fill(ring(0.6j, 0.1, 0.08), p.ink, 0)
    head.fill(leaf(-0.5j, -0.2j, 0.5), dark, 0)


def owl(pen: Pen, rng: Random) -> None:
    """An owl on a branch, its breast full of feathers."""
    p = pen.palette
    pen.stroke(
        smooth(-0.95 + 0.82j, -0.3 + 0.75j, 0.4 + 0.83j, 0.95 + 0.72j, closed=False), shade(p.ground, 0.7), 0.1, 0.03
    )
    for x in (-0.85, -0.6, 0.65, 0.88):
        pen.fill(leaf(x + 0.8j, x + 0.12 + (0.5 + 0.1 * rng.random()) * 1j, 0.5), p.leaf, 0.022)
    for side in (-1, 1):
        pen.fill(np.array([side * 0.58 - 0.5j, side * 0.55 - 1.0j, side * 0.1 - 0.72j]), p.a)
    pen.fill(
        smooth(
            -0.6 - 0.45j, -0.68j - 0.3, -0.72j + 0.3, 0.6 - 0.45j, 0.62 + 0.3j, 0.3 + 0.8j, -0.3 + 0.8j, -0.62 + 0.3j
        ),
        p.a,
    )
    breast = ring(0.35j, 0.38, 0.46)
    pen.fill(breast, p.light, 0.025)
    for row in range(5):
        for k in range(-2, 3):
            spot = 0.15 * k + 0.075 * (row % 2) + 1j * (0.05 + 0.14 * row)
            if abs(spot.real / 0.33) ** 2 + abs((spot.imag - 0.35) / 0.4) ** 2 < 1:
                pen.stroke(arc(spot, 0.055, 0.1, np.pi - 0.1), shade(p.a, 0.75), 0.03)
    for side in (-1, 1):
        pen.fill(
            smooth(side * 0.56 - 0.15j, side * 0.72 + 0.25j, side * 0.5 + 0.72j, side * 0.36 + 0.3j), shade(p.a, 0.7)
        )
        for k in range(3):
            pen.stroke(arc(side * 0.54 + 0.16j + 0.17j * k, 0.09, 0.2, np.pi - 0.2), p.b, 0.03)
        pen.fill(ring(side * 0.27 - 0.38j, 0.27), p.b)
        for t in np.linspace(0, 2 * np.pi, 14, endpoint=False):
            ray = side * 0.27 - 0.38j + np.exp(1j * t) * np.array([0.19, 0.25])
            pen.stroke(ray, shade(p.b, 0.7), 0.014)
        pen.fill(ring(side * 0.27 - 0.38j, 0.18), p.light, 0.02)
        for toe in (-0.08, 0, 0.08):
            pen.fill(ring(side * 0.2 + toe + 0.78j, 0.04, 0.08), p.c, 0.018)
    _eyes(pen, -0.38j, 0.27, 0.12)
    pen.fill(leaf(-0.32j, -0.06j, 0.7), p.c, 0.025)


def moth(pen: Pen, rng: Random) -> None:
    """A moth with four patterned wings."""
    p = pen.palette
    bands = rng.randint(3, 5)
    for mirrored in (False, True):
        w = pen.at(0, 1, mirrored=mirrored)
        w.fill(smooth(0.05 + 0.05j, 0.5 + 0.0j, 0.72 + 0.35j, 0.5 + 0.85j, 0.2 + 0.75j), p.b)
        w.fill(smooth(0.15 + 0.2j, 0.42 + 0.15j, 0.55 + 0.4j, 0.4 + 0.65j, 0.22 + 0.55j), shade(p.b, 1.4), 0.015)
        w.fill(ring(0.42 + 0.42j, 0.11), p.c, 0.02)
        w.fill(ring(0.42 + 0.42j, 0.05), p.ink, 0)
        w.fill(smooth(0.05 - 0.1j, 0.4 - 0.75j, 0.98 - 0.8j, 0.9 - 0.25j, 0.55 + 0.12j, 0.1 + 0.12j), p.a)
        w.fill(smooth(0.2 - 0.15j, 0.45 - 0.55j, 0.8 - 0.6j, 0.72 - 0.25j, 0.4 - 0.02j), shade(p.a, 1.35), 0.015)
        for k in range(bands):
            w.stroke(np.array([0.12 - 0.05j, (0.88 - 0.1 * k) - (0.72 - 0.17 * k) * 1j]), shade(p.a, 0.65), 0.018)
        w.fill(ring(0.6 - 0.38j, 0.16), p.light, 0.022)
        w.fill(ring(0.6 - 0.38j, 0.09), p.c, 0.02)
        w.dots(np.array([0.57 - 0.41j]), 0.03, (255, 255, 255))
        w.dots(
            np.array([0.93 - 0.7j, 0.9 - 0.58j, 0.88 - 0.46j, 0.85 - 0.34j, 0.5 + 0.72j, 0.6 + 0.58j, 0.36 + 0.75j]),
            0.03,
            p.light,
        )
        w.stroke(smooth(0.05 - 0.3j, 0.12 - 0.6j, 0.32 - 0.85j, closed=False), p.ink, 0.03)
        for k in range(5):
            root = 0.09 + 0.05 * k - (0.45 + 0.08 * k) * 1j
            w.stroke(np.array([root, root + 0.09 - 0.02j]), p.ink, 0.016)
    pen.fill(smooth(-0.12 - 0.3j, 0.12 - 0.3j, 0.13 + 0.1j, 0.62j, -0.13 + 0.1j), shade(p.ground, 0.8))
    for k in range(5):
        pen.stroke(np.array([-0.09 + 0.08j + 0.09j * k, 0.09 + 0.08j + 0.09j * k]), p.light, 0.028)
    pen.fill(ring(-0.1j, 0.16, 0.13), p.light, 0.022)
    pen.fill(ring(-0.3j, 0.12), shade(p.ground, 0.8), 0.025)


def snail(pen: Pen, rng: Random) -> None:
    """A snail with a spiral house, a flower on top."""
    p = pen.palette
    pen.fill(
        smooth(
            -0.95 + 0.85j, -0.6 + 0.55j, 0.2 + 0.6j, 0.5 + 0.3j, 0.55 - 0.05j, 0.9 - 0.05j, 0.9 + 0.4j, 0.65 + 0.88j
        ),
        p.b,
    )
    for x in (0.62, 0.82):
        pen.stroke(np.array([x - 0.02j, x + 0.04 - 0.42j]), p.b, 0.06, 0.022)
        pen.fill(ring(x + 0.04 - 0.45j, 0.075), p.light, 0.022)
        pen.dots(np.array([x + 0.05 - 0.45j]), 0.035, p.ink)
    pen.dots(np.array([0.64 + 0.22j, 0.86 + 0.22j]), 0.045, _BLUSH)
    pen.stroke(arc(0.75 + 0.16j, 0.06, 0.2, np.pi - 0.2), p.ink, 0.022)
    pen.dots(np.array([complex(-0.7 + 0.14 * k, 0.76 + 0.04 * (k % 2)) for k in range(10)]), 0.022, shade(p.b, 0.7))
    house = pen.at(-0.18 + 0.02j, 0.66)
    house.fill(ring(0, 1), p.a, 0.045)
    t = np.linspace(0.3, 5 * np.pi, 90)
    spiral = t / (5 * np.pi) * np.exp(1j * (t + rng.uniform(0, 1)))
    house.stroke(spiral, shade(p.a, 0.6), 0.07)
    house.stroke(spiral * 0.93, p.light, 0.03)
    for k in range(26, 90, 4):
        house.stroke(np.array([spiral[k] * 0.84, spiral[k] * 0.72]), p.c, 0.05)
    house.shine(smooth(-0.7 - 0.4j, -0.3 - 0.8j, -0.2 - 0.72j, -0.6 - 0.3j))
    for k in range(5):
        pen.fill(ring(-0.5 - 0.68j + 0.12 * np.exp(1j * (k * 2 * np.pi / 5)), 0.1), p.c, 0.02)
    pen.fill(ring(-0.5 - 0.68j, 0.075), p.light, 0.02)


def frog(pen: Pen, rng: Random) -> None:
    """A frog with a mushroom for a hat."""
    p = pen.palette
    skin = p.leaf
    for side in (-1, 1):
        pen.fill(
            smooth(side * 0.3 + 0.5j, side * 0.85 + 0.35j, side * 0.95 + 0.8j, side * 0.5 + 0.95j), shade(skin, 0.85)
        )
        pen.fill(smooth(side * 0.5 + 0.9j, side * 0.75 + 0.8j, side * 0.98 + 0.95j, side * 0.6 + 1.0j), skin, 0.025)
    pen.fill(smooth(-0.5 + 0.2j, 0.5 + 0.2j, 0.6 + 0.7j, 0.3 + 0.98j, -0.3 + 0.98j, -0.6 + 0.7j), skin)
    pen.fill(ring(0.65j, 0.36, 0.28), p.light, 0.02)
    for side in (-1, 1):
        pen.fill(smooth(side * 0.42 + 0.55j, side * 0.22 + 0.8j, side * 0.12 + 0.98j, side * 0.38 + 0.98j), skin, 0.025)
        pen.fill(ring(side * 0.42 - 0.38j, 0.25), skin)
    pen.fill(smooth(-0.85 + 0.05j, -0.5 - 0.35j, 0.5 - 0.35j, 0.85 + 0.05j, 0.5 + 0.38j, -0.5 + 0.38j), skin)
    for side in (-1, 1):
        pen.fill(ring(side * 0.42 - 0.4j, 0.18), p.light, 0.025)
        pen.dots(np.array([side * 0.62 + 0.08j]), 0.09, _BLUSH)
    _eyes(pen, -0.4j, 0.42, 0.12)
    pen.stroke(smooth(-0.5 + 0.08j, -0.2 + 0.2j, 0.2 + 0.2j, 0.5 + 0.08j, closed=False), p.ink, 0.03)
    pen.dots(np.array([-0.06 - 0.06j, 0.06 - 0.06j]), 0.022, p.ink)
    spots = np.array([complex(rng.uniform(-0.35, 0.35), rng.uniform(-0.3, -0.16)) for _ in range(7)])
    pen.dots(spots, 0.035, shade(skin, 0.7))
    pen.dots(
        np.array([complex(rng.uniform(-0.3, 0.3), rng.uniform(0.5, 0.85)) for _ in range(9)]),
        0.025,
        shade(p.light, 0.8),
    )
    pen.fill(smooth(-0.14 - 0.32j, -0.1 - 0.6j, 0.1 - 0.6j, 0.14 - 0.32j), p.light, 0.025)
    pen.fill(smooth(-0.4 - 0.55j, -0.3 - 0.88j, 0 - 1.0j, 0.3 - 0.88j, 0.4 - 0.55j, 0 - 0.5j), p.a)
    pen.dots(np.array([-0.2 - 0.7j, 0.02 - 0.85j, 0.2 - 0.66j, 0.0 - 0.62j]), 0.06, p.light)


def fish(pen: Pen, rng: Random) -> None:
    """A koi with scales, seen from the side, bubbles rising."""
    p = pen.palette
    for k in range(3):
        stalk = -0.5 + 0.35 * k
        reed = smooth(stalk + 1.0j, stalk + 0.1 + 0.84j, stalk - 0.06 + 0.68j, stalk + 0.04 + 0.52j, closed=False)
        pen.stroke(reed, p.leaf, 0.07, 0.02)
    pen.fill(smooth(-0.5 + 0.1j, -0.75 - 0.45j, -1.0 - 0.55j, -0.85 + 0.0j, -0.98 + 0.6j, -0.7 + 0.45j), p.b)
    for vein in (-0.45, -0.2, 0.13, 0.4):
        pen.stroke(np.array([-0.62 + 0.02j, -0.88 + 1j * vein]), shade(p.b, 0.65), 0.022)
    pen.fill(smooth(-0.25 - 0.35j, -0.1 - 0.8j, 0.35 - 0.75j, 0.4 - 0.35j), p.b)
    pen.fill(smooth(-0.1 + 0.4j, -0.2 + 0.8j, 0.1 + 0.78j, 0.25 + 0.4j), p.b)
    body = smooth(-0.65 + 0.05j, -0.2 - 0.42j, 0.45 - 0.45j, 0.95 + 0.0j, 0.5 + 0.42j, -0.15 + 0.42j)
    pen.fill(body, p.a)
    with pen.inside(body):
        for row in range(-4, 5):
            for k in range(8):
                scale = -0.55 + 0.13 * k + 0.065 * (row % 2) + 0.115j * row
                pen.stroke(arc(scale, 0.07, -np.pi / 2, np.pi / 2, 10), shade(p.a, 0.68), 0.022)
        for _ in range(3):
            spot = complex(rng.uniform(-0.4, 0.2), rng.uniform(-0.3, 0.3))
            wobble = (spot + 0.17 * rng.uniform(0.6, 1.2) * np.exp(2j * np.pi * k / 6) for k in range(6))
            pen.fill(smooth(*(complex(z) for z in wobble)), p.light, 0.018)
        pen.fill(smooth(0.45 - 0.5j, 0.36 + 0.0j, 0.45 + 0.5j, 1.1 + 0.5j, 1.1 - 0.5j), shade(p.a, 1.3), 0.025)
    pen.fill(smooth(0.2 + 0.1j, -0.1 + 0.35j, 0.0 + 0.12j), p.c, 0.025)
    _eyes(pen, 0.68 - 0.1j, 0.0, 0.09)
    pen.stroke(arc(0.9 + 0.0j, 0.1, 1.7, 3.0), p.ink, 0.022)
    for k in range(4):
        pen.fill(ring(0.72 + 0.1 * (k % 2) - (0.5 + 0.14 * k) * 1j, 0.07 - 0.01 * k), p.light, 0.02)


def rabbit(pen: Pen, rng: Random) -> None:
    """A rabbit's head with a crown of flowers."""
    p = pen.palette
    fur = p.light
    for side in (-1, 1):
        tip = side * rng.uniform(0.3, 0.55) - 1.0j
        pen.fill(smooth(side * 0.12 - 0.3j, tip - side * 0.15, tip + side * 0.08, side * 0.48 - 0.25j), fur)
        pen.fill(
            smooth(side * 0.22 - 0.4j, tip - side * 0.07 + 0.15j, tip + side * 0.04 + 0.15j, side * 0.38 - 0.35j),
            p.b,
            0,
        )
    pen.fill(
        smooth(-0.72 + 0.3j, -0.5 - 0.25j, 0 - 0.4j, 0.5 - 0.25j, 0.72 + 0.3j, 0.45 + 0.7j, 0.78j, -0.45 + 0.7j), fur
    )
    for side in (-1, 1):
        pen.dots(np.array([side * 0.48 + 0.36j]), 0.11, _BLUSH)
        for k in range(3):
            tuft = side * (0.5 + 0.06 * k) + (0.62 - 0.09 * k) * 1j
            pen.stroke(np.array([tuft, tuft + side * 0.1 + 0.05j]), p.ink, 0.02)
    _eyes(pen, 0.16j, 0.3, 0.11)
    pen.fill(smooth(-0.07 + 0.3j, 0.07 + 0.3j, 0.38j), p.a, 0.02)
    _smile(pen, 0.42j, 0.09)
    _whiskers(pen, 0.4j, 0.3)
    for k in range(5):
        spot = (0.33 * (k - 2)) - (0.38 - 0.07 * abs(k - 2)) * 1j
        for turn in (-0.5, 0.5):
            pen.fill(leaf(spot, spot + 0.22 * np.exp(1j * (turn * 2.4 + np.pi / 2)), 0.5), p.leaf, 0.02)
        petals = rng.choice((5, 6))
        for j in range(petals):
            pen.fill(ring(spot + 0.1 * np.exp(2j * np.pi * j / petals), 0.075), (p.a, p.c)[k % 2], 0.018)
        pen.fill(ring(spot, 0.06), p.metal, 0.018)


def bird(pen: Pen, rng: Random) -> None:
    """A bird on a blossoming twig."""
    p = pen.palette
    pen.stroke(
        smooth(-0.95 + 0.65j, -0.2 + 0.78j, 0.5 + 0.7j, 0.95 + 0.45j, closed=False), shade(p.ground, 0.65), 0.07, 0.025
    )
    for x, y in ((-0.8, 0.62), (-0.5, 0.85), (0.5, 0.86), (0.8, 0.42), (0.62, 0.55)):
        pen.fill(leaf(x + 1j * y, x + 0.18 + (y - rng.uniform(0.1, 0.25)) * 1j, 0.5), p.leaf, 0.02)
    pen.fill(np.array([-0.45 + 0.25j, -0.98 + 0.3j, -0.95 + 0.48j, -0.9 + 0.55j, -0.35 + 0.5j]), shade(p.a, 0.75))
    for side in (-0.1, 0.12):
        pen.stroke(np.array([side + 0.6j, side + 0.04 + 0.76j]), p.metal, 0.035, 0.015)
    pen.fill(
        smooth(
            -0.6 + 0.3j, -0.15 - 0.2j, 0.1 - 0.65j, 0.5 - 0.72j, 0.68 - 0.4j, 0.55 + 0.25j, 0.15 + 0.62j, -0.3 + 0.58j
        ),
        p.a,
    )
    pen.fill(smooth(0.6 - 0.25j, 0.58 + 0.2j, 0.2 + 0.58j, -0.02 + 0.5j, 0.22 + 0.1j, 0.32 - 0.3j), p.b, 0.02)
    for k in range(4):
        pen.stroke(arc(0.34 + 0.02j + (0.1j - 0.03) * k, 0.06, 0.2, np.pi - 0.2), shade(p.b, 0.7), 0.02)
    pen.fill(smooth(0.12 - 0.12j, 0.2 + 0.25j, -0.25 + 0.45j, -0.72 + 0.4j, -0.3 + 0.15j), shade(p.a, 0.72))
    for k in range(4):
        pen.fill(
            leaf(0.08 + 0.02j + 0.09j * k, -0.3 - 0.09 * k + (0.22 + 0.06 * k) * 1j, 0.3),
            (p.c, shade(p.c, 0.8))[k % 2],
            0.018,
        )
    pen.fill(np.array([0.64 - 0.5j, 0.95 - 0.42j, 0.64 - 0.36j]), p.metal, 0.022)
    _eyes(pen, 0.45 - 0.48j, 0.0, 0.075)
    pen.dots(np.array([0.5 - 0.3j]), 0.06, _BLUSH)
    for _ in range(3):
        blossom = complex(rng.uniform(-0.9, 0.9), rng.uniform(0.66, 0.95))
        for j in range(5):
            pen.fill(ring(blossom + 0.07 * np.exp(2j * np.pi * j / 5), 0.055), p.light, 0.016)
        pen.dots(np.array([blossom]), 0.035, p.c)


def bee(pen: Pen, rng: Random) -> None:
    """A round bee in flight, its way dotted behind it."""
    p = pen.palette
    way = smooth(-0.98 - 0.7j, -0.6 - 0.95j, -0.5 - 0.55j, -0.8 - 0.4j, -0.75 + 0.05j, closed=False)
    pen.dots(way[::3], 0.025, p.ink)
    for mirrored in (False, True):
        w = pen.at(0.05 - 0.3j, 0.62, -0.15, mirrored=mirrored)
        w.fill(smooth(0.02 + 0.1j, 0.2 - 0.75j, 0.75 - 1.0j, 0.95 - 0.5j, 0.4 + 0.05j), p.light)
        for k in range(4):
            w.stroke(np.array([0.12, 0.25 + 0.18 * k - (0.8 - 0.12 * k) * 1j]), shade(p.light, 0.72), 0.022)
    body = smooth(-0.62 + 0.2j, -0.3 - 0.25j, 0.3 - 0.28j, 0.78 + 0.15j, 0.4 + 0.6j, -0.3 + 0.6j)
    pen.fill(np.array([-0.5 + 0.1j, -0.9 + 0.22j, -0.5 + 0.35j]), p.ink, 0.02)
    pen.fill(body, p.metal, 0.035)
    with pen.inside(body):
        for k in range(3):
            pen.stroke(
                smooth(-0.4 + 0.27 * k - 0.4j, -0.33 + 0.27 * k + 0.15j, -0.4 + 0.27 * k + 0.7j, closed=False),
                p.ink,
                0.13,
            )
        for k in range(22):
            tuft = complex(rng.uniform(-0.5, 0.2), rng.uniform(-0.2, 0.55))
            pen.stroke(np.array([tuft, tuft - 0.07 + 0.03j]), (p.light, p.a)[k % 2], 0.018)
    pen.fill(ring(0.52 + 0.17j, 0.32), p.metal)
    _eyes(pen, 0.56 + 0.12j, 0.14, 0.065)
    pen.stroke(arc(0.57 + 0.22j, 0.06, 0.2, np.pi - 0.2), p.ink, 0.022)
    pen.dots(np.array([0.36 + 0.24j, 0.76 + 0.24j]), 0.05, _BLUSH)
    for x in (0.42, 0.66):
        pen.stroke(smooth(x - 0.12j, x + 0.06 - 0.35j, x + 0.16 - 0.4j, closed=False), p.ink, 0.03)
        pen.dots(np.array([x + 0.16 - 0.4j]), 0.045, p.c)
    for k in range(3):
        flower = -0.6 + 0.55 * k + 0.85j
        for j in range(5):
            pen.fill(ring(flower + 0.08 * np.exp(2j * np.pi * j / 5), 0.065), (p.a, p.c, p.b)[k], 0.018)
        pen.fill(ring(flower, 0.045), p.light, 0.015)


ANIMALS: dict[str, Motif] = {
    "cat": cat,
    "fox": fox,
    "owl": owl,
    "moth": moth,
    "snail": snail,
    "frog": frog,
    "koi": fish,
    "rabbit": rabbit,
    "robin": bird,
    "bee": bee,
}
