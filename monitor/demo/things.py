"""Plants and things for the demo's designs. Each fills the pen's square; its `Random` decides the details."""

from __future__ import annotations

from random import Random

import numpy as np

from monitor.demo.animals import Motif
from monitor.demo.pen import Pen, arc, leaf, ring, shade, smooth, star


def _face(pen: Pen, middle: complex, size: float) -> None:
    p = pen.palette
    for side in (-1, 1):
        eye = middle + side * size
        pen.fill(ring(eye, size * 0.3, size * 0.38), p.ink, 0)
        pen.dots(np.array([eye + size * (-0.1 - 0.12j)]), size * 0.11, (255, 255, 255))
        pen.dots(np.array([middle + side * size * 1.5 + size * 0.5j]), size * 0.25, (240, 140, 140))
    pen.stroke(arc(middle + size * 0.2j, size * 0.35, 0.2, np.pi - 0.2), p.ink, 0.026)


def mushroom(pen: Pen, rng: Random) -> None:
    """A toadstool with a skirt, its children and grass."""
    p = pen.palette
    top, wide = rng.uniform(0.85, 1.0), rng.uniform(0.75, 0.95)
    for x, size in ((-0.62, rng.uniform(0.24, 0.36)), (0.66, rng.uniform(0.2, 0.32))):
        child = pen.at(x + (0.9 - size) * 1j, size)
        child.fill(smooth(-0.3 + 1.0j, -0.2 - 0.2j, 0.2 - 0.2j, 0.3 + 1.0j), p.light, 0.06)
        child.fill(smooth(-1.0 - 0.05j, -0.6 - 0.9j, 0.6 - 0.9j, 1.0 - 0.05j, 0.15j), p.b, 0.07)
        child.dots(np.array([-0.4 - 0.4j, 0.1 - 0.65j, 0.45 - 0.3j]), 0.16, p.light)
    pen.fill(smooth(-0.28 + 0.92j, -0.18 + 0.4j, -0.22 - 0.1j, 0.22 - 0.1j, 0.2 + 0.4j, 0.3 + 0.92j, 0.98j), p.light)
    for k in range(5):
        pen.stroke(
            np.array([-0.15 + 0.075 * k + 0.45j, -0.17 + 0.085 * k + (0.7 + 0.06 * (k % 2)) * 1j]),
            shade(p.light, 0.75),
            0.02,
        )
    pen.fill(
        smooth(-0.3 + 0.3j, -0.15 + 0.08j, 0.15 + 0.08j, 0.3 + 0.3j, 0.15 + 0.36j, 0.26j, -0.15 + 0.36j),
        shade(p.light, 0.86),
        0.025,
    )
    pen.fill(smooth(-wide * 0.85, -0.3 - 0.12j, 0.3 - 0.12j, wide * 0.85, 0.4 + 0.14j, -0.4 + 0.14j), shade(p.a, 0.55))
    for k in range(9):
        pen.stroke(np.array([0.05 * (k - 4) + 0.02j, (k - 4) * 0.15 + 0.11j]), shade(p.light, 0.8), 0.02)
    cap = smooth(
        -wide,
        -wide * 0.8 - 0.5j,
        -0.3 - top * 0.98j,
        0.3 - top * 0.98j,
        wide * 0.8 - 0.5j,
        wide,
        0.45 + 0.02j,
        -0.05j,
        -0.45 + 0.02j,
    )
    pen.fill(cap, p.a)
    with pen.inside(cap):
        for _ in range(rng.randint(7, 10)):
            spot = complex(rng.uniform(-0.75, 0.75), rng.uniform(-0.85, -0.08))
            pen.fill(ring(spot, rng.uniform(0.05, 0.14), rng.uniform(0.05, 0.1), rng.uniform(0, 3)), p.light, 0.018)
        pen.shine(smooth(-wide * 0.8 - 0.2j, -wide * 0.6 - 0.6j, -0.3 - 0.85j, -0.35 - 0.7j, -wide * 0.6 - 0.2j))
    for k in range(10):
        root = -0.75 + 0.165 * k + 0.97j
        pen.fill(leaf(root, root + rng.uniform(-0.12, 0.12) - rng.uniform(0.15, 0.3) * 1j, 0.35), p.leaf, 0.018)


def moon(pen: Pen, rng: Random) -> None:
    """A sleeping crescent with stars on strings."""
    p = pen.palette
    outer, inner = arc(0, 0.92, -2.2, 2.2 - 0.35, 40), arc(-0.32 - 0.05j, 0.68, 1.75, -2.0 + 0.1, 30)
    crescent = np.concatenate([outer, inner])
    pen.fill(crescent, p.metal, 0.035)
    with pen.inside(crescent):
        for _ in range(rng.randint(6, 9)):
            crater = rng.uniform(0.6, 0.88) * np.exp(1j * rng.uniform(-1.8, 1.6))
            pen.fill(ring(complex(crater), rng.uniform(0.03, 0.08)), shade(p.metal, 0.8), 0.014)
        pen.shine(arc(0, 0.86, -1.9, 1.7, 30) if rng.random() < 0.3 else ring(0.75 - 0.35j, 0.08, 0.2, -0.4), 70)
    pen.stroke(arc(0.5 - 0.05j, 0.1, 0.3, np.pi - 0.3), p.ink, 0.035)
    for k in range(3):
        pen.stroke(np.array([0.43 + 0.07 * k + 0.05j, 0.41 + 0.09 * k + 0.11j]), p.ink, 0.02)
    pen.dots(np.array([0.55 + 0.2j]), 0.07, (240, 140, 140))
    pen.stroke(arc(0.42 + 0.28j, 0.09, 0.4, 2.0), p.ink, 0.028)
    for k in range(3):
        x, drop = -0.62 + 0.34 * k, rng.uniform(-0.2, 0.45)
        pen.stroke(np.array([x - 0.72j, x + drop * 1j]), p.ink, 0.016)
        pen.dots(np.array([x - 0.5j, x - 0.3j, x + (drop - 0.18) * 1j]), 0.025, p.c)
        pen.fill(
            star(x + drop * 1j, 0.15, rng.choice((4, 5, 6)), turn=rng.uniform(-0.3, 0.3)), (p.a, p.light, p.b)[k], 0.025
        )
    cloud = smooth(-0.5 + 0.95j, -0.6 + 0.7j, -0.3 + 0.62j, 0 + 0.5j, 0.3 + 0.62j, 0.62 + 0.72j, 0.5 + 0.95j)
    pen.fill(cloud, p.light)
    for x in (-0.3, 0.05, 0.32):
        pen.stroke(arc(x + 0.82j, 0.1, -2.8, -0.6), shade(p.light, 0.75), 0.025)


def sun(pen: Pen, rng: Random) -> None:
    """A sun with a face and two kinds of rays."""
    p = pen.palette
    rays = rng.choice((10, 12, 14))
    for k in range(2 * rays):
        way = np.exp(1j * np.pi * k / rays)
        if k % 2:
            pen.fill(leaf(complex(0.5 * way), complex(0.97 * way), 0.34), p.a, 0.024)
            pen.stroke(np.array([0.62 * way, 0.84 * way]), shade(p.a, 1.5), 0.022)
        else:
            wave = smooth(0.55 * way, 0.7 * way * np.exp(0.08j), 0.82 * way * np.exp(-0.06j), 0.93 * way, closed=False)
            pen.stroke(wave, p.b, 0.055, 0.02)
    pen.fill(ring(0, 0.58), p.metal, 0.035)
    for k in range(24):
        pen.dots(np.array([0.5 * np.exp(2j * np.pi * k / 24)]), 0.022, p.light if k % 2 else p.a)
    pen.fill(ring(0, 0.43), shade(p.metal, 1.3), 0.022)
    _face(pen, -0.04j, 0.17)
    pen.fill(star(-0.27j, 0.1, 4, 0.35), p.a, 0.02)


def flower(pen: Pen, rng: Random) -> None:
    """A bunch of flowers tied with a ribbon."""
    p = pen.palette
    heads = [(-0.5, -0.28, 0.33), (0.5, -0.3, 0.33), (0.0, -0.58, 0.4), (-0.28, 0.1, 0.26), (0.3, 0.12, 0.26)]
    for x, y, _ in heads:
        pen.stroke(smooth(0.7j, x * 0.4 + 0.3j, x + 1j * y, closed=False), p.leaf, 0.05, 0.02)
        pen.stroke(np.array([0.66j, -x * 0.6 + 0.97j]), p.leaf, 0.045, 0.018)
    for side in (-1, 1):
        for k in range(3):
            tip = side * (0.92 - 0.16 * k) + (-0.05 + 0.22 * k) * 1j
            pen.fill(leaf(side * 0.12 + 0.45j, tip, 0.3), p.leaf, 0.022)
            pen.stroke(np.array([side * 0.2 + 0.42j, tip * 0.9 + 0.04j]), shade(p.leaf, 0.65), 0.016)
    colours = [p.a, p.b, p.c, p.light, p.a]
    rng.shuffle(colours)
    for (x, y, r), colour in zip(heads, colours, strict=True):
        head, petals = pen.at(x + 1j * y, r, rng.uniform(0, 1)), rng.choice((5, 6, 8))
        for j in range(petals):
            way = np.exp(2j * np.pi * j / petals)
            head.fill(leaf(complex(0.1 * way), complex(1.08 * way), 0.85 * 6 / (petals + 1)), colour, 0.06)
            head.stroke(np.array([0.3 * way, 0.72 * way]), shade(colour, 0.68), 0.05)
        head.fill(ring(0, 0.3), p.metal, 0.06)
        head.dots(0.16 * np.exp(2j * np.pi * np.arange(6) / 6), 0.06, p.ink)
    pen.fill(smooth(-0.16 + 0.6j, 0.16 + 0.6j, 0.16 + 0.75j, -0.16 + 0.75j), p.c, 0.022)
    for side in (-1, 1):
        pen.fill(smooth(0.67j, side * 0.3 + 0.55j, side * 0.34 + 0.78j), p.c, 0.022)


def potion(pen: Pen, rng: Random) -> None:
    """A round flask with something bubbling in it."""
    p = pen.palette
    glass = smooth(
        -0.2 - 0.55j,
        0.2 - 0.55j,
        0.2 - 0.25j,
        0.6 + 0.05j,
        0.68 + 0.5j,
        0.42 + 0.92j,
        -0.42 + 0.92j,
        -0.68 + 0.5j,
        -0.6 + 0.05j,
        -0.2 - 0.25j,
    )
    pen.fill(glass, shade(p.light, 0.95), 0.04)
    level = rng.uniform(0.0, 0.25)
    with pen.inside(glass):
        surface = smooth(
            -0.8 + level * 1j, -0.3 + (level - 0.07) * 1j, 0.2 + (level + 0.07) * 1j, 0.8 + level * 1j, closed=False
        )
        pen.fill(np.concatenate([surface, np.array([0.8 + 1.0j, -0.8 + 1.0j])]), p.a, 0.025)
        pen.fill(np.concatenate([surface + 0.32j, np.array([0.8 + 1.0j, -0.8 + 1.0j])]), p.b, 0)
        for _ in range(16):
            bubble = complex(rng.uniform(-0.55, 0.55), rng.uniform(level + 0.08, 0.85))
            pen.fill(ring(bubble, rng.uniform(0.025, 0.075)), shade(p.a, 1.5), 0.014)
        for _ in range(7):
            pen.fill(star(complex(rng.uniform(-0.5, 0.5), rng.uniform(level + 0.1, 0.85)), 0.07, 4, 0.3), p.light, 0)
    pen.stroke(glass[:], p.ink, 0.03)
    pen.fill(smooth(-0.3 - 0.66j, 0.3 - 0.66j, 0.3 - 0.52j, -0.3 - 0.52j), p.metal)
    pen.fill(np.array([-0.17 - 0.95j, 0.17 - 0.95j, 0.14 - 0.66j, -0.14 - 0.66j]), shade(p.ground, 1.3))
    pen.dots(
        np.array([-0.08 - 0.85j, 0.06 - 0.78j, 0.0 - 0.9j, 0.1 - 0.72j, -0.06 - 0.72j]), 0.02, shade(p.ground, 0.6)
    )
    pen.fill(smooth(-0.34 + 0.38j, 0.34 + 0.38j, 0.36 + 0.72j, -0.36 + 0.72j), p.light, 0.022)
    emblem = rng.choice((star(0.55j, 0.14), ring(0.55j, 0.11), leaf(0.68j, 0.42j, 0.7)))
    pen.fill(emblem, p.c, 0.022)
    for x in (-0.25, 0.25):
        pen.stroke(np.array([x + 0.48j, x + 0.62j]), p.ink, 0.016)
    pen.shine(smooth(-0.52 + 0.15j, -0.4 - 0.02j, -0.34 + 0.03j, -0.5 + 0.45j), 150)
    for k in range(3):
        pen.fill(ring(0.35 + 0.16 * k - (0.6 + 0.13 * (k % 2)) * 1j, 0.07), p.b, 0.02)


def cactus(pen: Pen, rng: Random) -> None:
    """A cactus in flower in a painted pot."""
    p = pen.palette
    green = p.leaf
    left, right = rng.uniform(-0.35, 0.0), rng.uniform(-0.35, 0.0)
    for side, up in ((-1, left), (1, right)):
        arm = smooth(side * 0.2 + 0.15j, side * 0.5 + 0.15j, side * 0.6 - 0.0j, side * 0.6 + up * 1j, closed=False)
        pen.stroke(arm, green, 0.24, 0.03)
        pen.dots(arm[::4] + side * 0.03, 0.018, p.light)
    pen.fill(smooth(-0.3 + 0.45j, -0.32 - 0.4j, -0.2 - 0.72j, 0.2 - 0.72j, 0.32 - 0.4j, 0.3 + 0.45j), green)
    for x in (-0.15, 0.0, 0.15):
        pen.stroke(smooth(x + 0.38j, x * 1.15 - 0.2j, x * 0.7 - 0.66j, closed=False), shade(green, 0.7), 0.022)
        for k in range(6):
            spine = x * 1.1 + 0.07 + (0.3 - 0.17 * k) * 1j
            pen.stroke(np.array([spine - 0.035 - 0.03j, spine, spine + 0.035 - 0.03j]), p.light, 0.016)
    for spot, r in ((0 - 0.78j, 0.2), (-0.6 + (left - 0.14) * 1j, 0.13), (0.6 + (right - 0.14) * 1j, 0.13)):
        for j in range(6):
            way = np.exp(2j * np.pi * j / 6 + 0.3j)
            pen.fill(leaf(spot, complex(spot + r * way), 0.7), p.a, 0.02)
        pen.fill(ring(spot, r * 0.3), p.metal, 0.02)
    pot = np.array([-0.5 + 0.42j, 0.5 + 0.42j, 0.38 + 0.97j, -0.38 + 0.97j])
    pen.fill(pot, p.b)
    with pen.inside(pot):
        for k in range(-6, 7):
            zig = 0.12 * k
            pen.stroke(np.array([zig + 0.82j, zig + 0.06 + 0.7j, zig + 0.12 + 0.82j]), p.light, 0.03)
            pen.dots(np.array([zig + 0.06 + 0.88j]), 0.025, p.c)
    pen.fill(smooth(-0.55 + 0.38j, 0.55 + 0.38j, 0.55 + 0.54j, -0.55 + 0.54j), shade(p.b, 0.8))
    _face(pen, -0.08j, 0.13)


def crystals(pen: Pen, rng: Random) -> None:
    """A cluster of crystals growing from a rock."""
    p = pen.palette
    shafts = [(-0.95, 0.62), (0.95, 0.6), (-0.5, 0.85), (0.52, 0.8), (0.0, 1.05)]
    for k, (turn, length) in enumerate(shafts):
        c = pen.at(0.62j, length * rng.uniform(1.2, 1.45), turn * rng.uniform(0.75, 1.0))
        colour = (p.a, p.b, p.c)[k % 3]
        w, h = rng.uniform(0.15, 0.2), -0.78
        c.fill(np.array([-w, -w + h * 1j, (h - 0.24) * 1j, w + h * 1j, w, 0.05j]), colour, 0.026)
        c.fill(np.array([-w, -w + h * 1j, -0.3 * w + (h + 0.1) * 1j, -0.3 * w]), shade(colour, 1.45), 0.012)
        c.fill(np.array([0.55 * w, 0.55 * w + (h + 0.1) * 1j, w + h * 1j, w]), shade(colour, 0.7), 0.012)
        c.fill(np.array([-w + h * 1j, (h - 0.24) * 1j, -0.3 * w + (h + 0.1) * 1j]), shade(colour, 1.7), 0.012)
        for _ in range(4):
            spot = complex(rng.uniform(-0.5, 0.5) * w, rng.uniform(h + 0.2, -0.15))
            c.stroke(np.array([spot, spot + 0.03 - 0.09j]), (255, 255, 255), 0.016)
    pen.fill(smooth(-0.85 + 0.95j, -0.75 + 0.62j, -0.3 + 0.5j, 0.2 + 0.58j, 0.7 + 0.55j, 0.9 + 0.95j), p.ground)
    for _ in range(14):
        stone = complex(rng.uniform(-0.7, 0.7), rng.uniform(0.66, 0.9))
        pen.stroke(
            np.array([stone, stone + 0.06 + 0.03j, stone + 0.1 - 0.02j]),
            shade(p.ground, rng.choice((0.65, 1.4))),
            0.022,
        )
    for x, y, r in ((-0.85, -0.5, 0.13), (0.82, -0.55, 0.16), (0.62, -0.85, 0.09), (-0.6, -0.8, 0.08)):
        pen.fill(star(x + 1j * y, r, 4, 0.28), p.light, 0.02)


def planet(pen: Pen, rng: Random) -> None:
    """A banded planet with a ring and two moons."""
    p = pen.palette
    tilt = rng.uniform(-0.5, -0.2)
    around = pen.at(0, 1, tilt)
    around.stroke(arc(0, 0.95, np.pi, 2 * np.pi, 30, 0.3), p.metal, 0.1, 0.025)
    globe = ring(0, 0.62)
    around.fill(globe, p.a, 0.035)
    with around.inside(globe):
        for k in range(6):
            y = -0.55 + 0.2 * k + rng.uniform(-0.03, 0.03)
            band = smooth(
                -0.8 + 1j * y, -0.2 + (y + 0.08) * 1j, 0.3 + (y + 0.03) * 1j, 0.8 + (y + 0.1) * 1j, closed=False
            )
            around.stroke(band, (p.b, p.c, shade(p.a, 0.75), p.light)[k % 4], rng.uniform(0.04, 0.1))
        for _ in range(8):
            storm = complex(rng.uniform(-0.45, 0.45), rng.uniform(-0.5, 0.5))
            around.fill(
                ring(storm, rng.uniform(0.03, 0.09), rng.uniform(0.02, 0.05)), shade(p.a, rng.choice((0.6, 1.5))), 0.014
            )
        around.shine(smooth(-0.55 - 0.1j, -0.3 - 0.52j, 0.05 - 0.55j, -0.25 - 0.4j), 120)
    front = arc(0, 0.95, 0, np.pi, 30, 0.3)
    around.stroke(front, p.metal, 0.1, 0.025)
    around.stroke(front * 0.97, shade(p.metal, 0.7), 0.02)
    around.dots(front[2:-2:3] * 1.02, 0.022, p.light)
    for spot, r in ((0.72 - 0.66j, 0.15), (-0.7 + 0.68j, 0.19)):
        pen.fill(ring(spot, r), p.b)
        pen.dots(spot + r * np.array([-0.3 - 0.2j, 0.35 + 0.1j, -0.1 + 0.5j]), r * 0.18, shade(p.b, 0.65))
    for _ in range(9):
        way = rng.uniform(0.75, 0.98) * np.exp(1j * rng.uniform(0, 6.28))
        pen.fill(star(complex(way), rng.uniform(0.05, 0.1), rng.choice((4, 5)), 0.38), p.light, 0.018)


def teacup(pen: Pen, rng: Random) -> None:
    """A steaming cup with a painted border, leaves and flowers in the tea."""
    p = pen.palette
    pen.fill(ring(0.82j, 0.88, 0.17), p.b)
    pen.fill(ring(0.78j, 0.6, 0.1), shade(p.b, 0.8), 0.018)
    pen.stroke(smooth(0.6 + 0.1j, 0.95 + 0.05j, 0.9 + 0.42j, 0.48 + 0.5j, closed=False), p.a, 0.09, 0.028)
    cup = smooth(-0.68 - 0.05j, 0.68 - 0.05j, 0.6 + 0.35j, 0.32 + 0.74j, -0.32 + 0.74j, -0.6 + 0.35j)
    pen.fill(cup, p.a)
    with pen.inside(cup):
        for k in range(-7, 8):
            pen.stroke(arc(0.1 * k + 0.22j, 0.05, 0, np.pi), p.light, 0.024)
            pen.dots(np.array([0.1 * k + 0.34j]), 0.022, p.light)
        for k in range(3):
            rose = -0.3 + 0.3 * k + 0.5j
            pen.fill(leaf(rose, rose + 0.16 - 0.07j, 0.5), p.leaf, 0.014)
            pen.fill(ring(rose, 0.08), p.c, 0.016)
            pen.stroke(arc(rose, 0.04, 0, 4.5), shade(p.c, 0.6), 0.016)
        pen.shine(smooth(-0.6 + 0.05j, -0.48 + 0.05j, -0.4 + 0.5j, -0.5 + 0.4j), 90)
    pen.fill(ring(-0.02j, 0.66, 0.17), p.light)
    pen.fill(ring(0, 0.56, 0.12), shade(p.ground, 0.85), 0.018)
    for _ in range(5):
        petal = complex(rng.uniform(-0.4, 0.4), rng.uniform(-0.06, 0.06))
        pen.fill(leaf(petal, petal + 0.12 + rng.uniform(-0.06, 0.06) * 1j, 0.6), rng.choice((p.leaf, p.c)), 0.014)
    for k in range(3):
        x, sway = -0.32 + 0.32 * k, rng.uniform(0.08, 0.16)
        steam = smooth(x - 0.24j, x + sway - 0.42j, x - sway - 0.62j, x + sway * 0.5 - 0.9j, closed=False)
        pen.stroke(steam, p.light, 0.06, 0.02)
    for x, y in ((-0.75, -0.6), (0.72, -0.62)):
        pen.fill(star(x + 1j * y, 0.14, 4, 0.3, rng.uniform(-0.2, 0.2)), p.metal, 0.022)


def balloon(pen: Pen, rng: Random) -> None:
    """A hot-air balloon between clouds."""
    p = pen.palette
    hull = smooth(-0.15 + 0.42j, -0.68 - 0.1j, -0.55 - 0.75j, 0 - 0.98j, 0.55 - 0.75j, 0.68 - 0.1j, 0.15 + 0.42j)
    pen.fill(hull, p.a, 0.035)
    with pen.inside(hull):
        for k, x in enumerate((-0.62, -0.3, 0.3, 0.62)):
            gore = smooth(-0.98j, x * 1.1 - 0.5j, x * 0.9 + 0.05j, x * 0.2 + 0.42j, x * 0.4 + 0.1j, x * 0.5 - 0.5j)
            pen.fill(gore, (p.b, p.light)[k in (1, 2)], 0.018)
        band = smooth(-0.8 - 0.35j, -0.25j, 0.8 - 0.35j, closed=False)
        pen.stroke(band, p.c, 0.2, 0.02)
        for k in range(-5, 6):
            pen.fill(star(0.125 * k - (0.25 + 0.0037 * k * k) * 1j, 0.065, rng.choice((4, 5))), p.light, 0.012)
        for k in range(-6, 7):
            pen.stroke(arc(0.1 * k + 0.05j, 0.05, 0, np.pi, 8), p.metal, 0.028)
        pen.shine(smooth(-0.5 - 0.35j, -0.35 - 0.72j, -0.25 - 0.75j, -0.38 - 0.3j), 100)
    for x in (-0.13, 0.0, 0.13):
        pen.stroke(np.array([x + 0.42j, x * 0.9 + 0.66j]), p.ink, 0.02)
    pen.fill(np.array([-0.17 + 0.64j, 0.17 + 0.64j, 0.13 + 0.95j, -0.13 + 0.95j]), shade(p.ground, 1.2))
    for k in range(3):
        pen.stroke(
            np.array([-0.13 + (0.71 + 0.08 * k) * 1j, 0.13 + (0.71 + 0.08 * k) * 1j]), shade(p.ground, 0.65), 0.02
        )
    for x in (-0.09, 0.0, 0.09):
        pen.stroke(np.array([x + 0.66j, x * 0.9 + 0.93j]), shade(p.ground, 0.65), 0.016)
    for x, y, size in ((-0.66, 0.62, 0.3), (0.66, 0.45, 0.28)):
        cloud = pen.at(complex(x, y + rng.uniform(-0.1, 0.1)), size)
        cloud.fill(
            smooth(-1.0 + 0.4j, -0.8 - 0.1j, -0.3 - 0.5j, 0.3 - 0.45j, 0.9 - 0.05j, 1.0 + 0.4j, 0.5j), p.light, 0.07
        )
        cloud.stroke(arc(-0.2 + 0.1j, 0.25, -2.6, -0.5), shade(p.light, 0.75), 0.06)


def ghost(pen: Pen, rng: Random) -> None:
    """A small ghost in a patterned sheet, holding flowers."""
    p = pen.palette
    hem = [complex(0.68 - 0.17 * k, 0.82 + 0.13 * (k % 2)) for k in range(9)]
    sheet = smooth(-0.66 + 0.1j, -0.48 - 0.65j, 0 - 0.95j, 0.48 - 0.65j, 0.66 + 0.1j, *hem)
    pen.fill(sheet, p.light, 0.035)
    with pen.inside(sheet):
        for _ in range(18):
            spot = complex(rng.uniform(-0.62, 0.62), rng.uniform(0.2, 0.85))
            pen.fill(star(spot, rng.uniform(0.04, 0.075), rng.choice((4, 5)), 0.42), rng.choice((p.a, p.b, p.c)), 0.012)
        pen.shine(smooth(0.45 - 0.6j, 0.7 + 0.1j, 0.75 + 0.9j, 0.5 + 0.9j, 0.5 + 0.1j), 60, p.ink)
    for side in (-1, 1):
        pen.fill(ring(side * 0.42 + 0.22j, 0.2, 0.12, side * 0.5), p.light, 0.028)
    _face(pen, -0.38j, 0.22)
    pen.fill(leaf(0.55j, 0.05 - 0.05j, 0.18), p.leaf, 0.018)
    for x, y, colour in ((-0.16, 0.08, p.a), (0.16, 0.05, p.b), (0.0, -0.06, p.c)):
        pen.stroke(np.array([0.5j, x + 1j * y]), p.leaf, 0.04, 0.014)
        for j in range(5):
            pen.fill(ring(x + 1j * y + 0.08 * np.exp(2j * np.pi * j / 5), 0.068), colour, 0.018)
        pen.fill(ring(x + 1j * y, 0.05), p.metal, 0.016)
    pen.fill(np.array([-0.42 - 0.7j, -0.26 - 0.92j, 0.08 - 1.04j, 0.24 - 0.93j, 0.38 - 0.74j]), p.b, 0.028)
    pen.fill(ring(-0.02 - 0.7j, 0.46, 0.07), p.b, 0.028)
    pen.stroke(np.array([-0.22 - 0.8j, 0.28 - 0.8j]), p.c, 0.06)


THINGS: dict[str, Motif] = {
    "mushroom": mushroom,
    "moon": moon,
    "sun": sun,
    "flower": flower,
    "potion": potion,
    "cactus": cactus,
    "crystal": crystals,
    "planet": planet,
    "teacup": teacup,
    "balloon": balloon,
    "ghost": ghost,
}
