"""A pen for flat, outlined pictures: closed lines of complex numbers, filled and outlined on a canvas.

A point is a complex number, x + y i, y growing downwards; a motif lives in the square from -1-1i to 1+1i and is put in
its place by `Pen.at`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Line = npt.NDArray[np.complexfloating[Any, Any]]
Colour = tuple[int, int, int]
Points = list[tuple[float, float]]

SIDE_PX = 600
_FINER = 2  # drawn so many times larger, then reduced: smooth edges
_CANVAS_PX = SIDE_PX * _FINER
_GAP_PX = 1.3  # a bend whose gap is narrower needs no joint
_UNIT_PX = _CANVAS_PX / 2.1  # the square of side 2 leaves a margin of 2.5 % on each side


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one design."""

    ink: Colour  # outlines
    metal: Colour  # rims
    sky: Colour  # behind everything
    ground: Colour
    a: Colour  # the motif's main colour
    b: Colour
    c: Colour
    light: Colour
    leaf: Colour


def ring(centre: complex = 0, rx: float = 1.0, ry: float | None = None, turn: float = 0.0, n: int = 40) -> Line:
    """An ellipse with half axes ``rx`` and ``ry`` (a circle without ``ry``), turned by ``turn`` radians."""
    t = np.arange(n) * (2 * np.pi / n)
    return np.asarray(centre + (rx * np.cos(t) + 1j * (rx if ry is None else ry) * np.sin(t)) * np.exp(1j * turn))


def arc(centre: complex, r: float, start: float, end: float, n: int = 20, flat: float = 1.0) -> Line:
    """A piece of a circle, from ``start`` to ``end`` radians (clockwise on the canvas, 0 points right).

    ``flat`` is the height in parts of the width.
    """
    t = np.linspace(start, end, n)
    return np.asarray(centre + r * (np.cos(t) + 1j * flat * np.sin(t)))


def star(centre: complex, r: float, points: int = 5, inner: float = 0.45, turn: float = 0.0) -> Line:
    """A star with its first point up; ``inner`` is the inner radius in parts of ``r``."""
    t = np.arange(2 * points) * (np.pi / points) - np.pi / 2 + turn
    return np.asarray(centre + r * np.where(np.arange(2 * points) % 2, inner, 1.0) * np.exp(1j * t))


def smooth(*points: complex, closed: bool = True, steps: int = 8) -> Line:
    """A Catmull-Rom curve through the points."""
    p = np.array(points, dtype=complex)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([p[:1], p, p[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[None, :]
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.asarray(curve.ravel() if closed else np.append(curve.ravel(), points[-1]))


def leaf(base: complex, tip: complex, width: float) -> Line:
    """A pointed oval from ``base`` to ``tip``; ``width`` in parts of its length."""
    t = np.linspace(0, np.pi, 12)
    side = np.sin(t) * width / 2
    along = np.linspace(0, 1, 12)
    return np.asarray(base + (tip - base) * np.concatenate([along + 1j * side, (along - 1j * side)[::-1]]))


def scallop(r: float, bumps: int, depth: float = 0.06, n: int = 8) -> Line:
    """A circle around 0 whose edge bulges ``bumps`` times by ``depth``."""
    t = np.arange(bumps * n) * (2 * np.pi / (bumps * n))
    return np.asarray((r - depth + depth * np.abs(np.sin(t * bumps / 2)) * 1.6) * np.exp(1j * t))


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (``factor`` below 1) or lighter, towards white (above 1)."""
    if factor <= 1:
        return int(colour[0] * factor), int(colour[1] * factor), int(colour[2] * factor)
    k = factor - 1
    return tuple(int(v + (255 - v) * k) for v in colour)  # type: ignore[return-value]


def _way(rng: Random) -> complex:
    return complex(np.exp(1j * rng.uniform(0, 6.28)))


class Canvas:
    """What pens draw on: colours, and apart from them the die-line (what is not transparent in the end)."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self.image = Image.new("RGB", (_CANVAS_PX, _CANVAS_PX), palette.ink)
        self.mask = Image.new("L", (_CANVAS_PX, _CANVAS_PX), 0)
        self.colours = ImageDraw.Draw(self.image)
        self.line: ImageDraw.ImageDraw | None = ImageDraw.Draw(self.mask)  # None where all is within the die-line

    def finish(self) -> Image.Image:
        """The picture, RGBA, 600 x 600 px."""
        picture = self.image.reduce(_FINER)
        picture.putalpha(self.mask.reduce(_FINER))
        return picture


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws in a square of its own: a point z lands at ``turn * z + flip * conj(z) + place`` of the canvas's square."""

    canvas: Canvas
    turn: complex = 1
    flip: complex = 0
    place: complex = 0
    bends: tuple[tuple[complex, complex, float], ...] = ()  # waves that warp the canvas: height, direction, phase

    @property
    def palette(self) -> Palette:
        """The canvas's colours."""
        return self.canvas.palette

    def at(self, place: complex, size: float = 1.0, turn: float = 0.0, *, mirrored: bool = False) -> Pen:
        """A pen for the square around ``place``, half as wide as ``size``, turned by ``turn`` radians."""
        a = size * np.exp(1j * turn)
        a, b = (0j, -a) if mirrored else (a, 0j)
        return replace(
            self,
            turn=complex(self.turn * a + self.flip * np.conj(b)),
            flip=complex(self.turn * b + self.flip * np.conj(a)),
            place=complex(self.turn * place + self.flip * np.conj(place) + self.place),
        )

    def by_hand(self, rng: Random, amount: float = 1.0) -> Pen:
        """A pen whose lines are stretched and swayed a little: the same motif as another person would draw it."""
        stretch = amount * rng.uniform(0.04, 0.16) * rng.choice((1, -1, 1j, -1j))
        bends = tuple(
            (amount * 0.035 * _way(rng), rng.uniform(3.5, 7) * _way(rng), rng.uniform(0, 6.28)) for _ in range(3)
        )
        turn, flip = self.turn + self.flip * np.conj(stretch), self.flip + self.turn * stretch
        return replace(self, turn=complex(turn), flip=complex(flip), bends=self.bends + bends)

    def fill(self, line: Line, colour: Colour, edge: float = 0.03, ink: Colour | None = None) -> None:
        """Fill a closed line and outline it; ``edge`` is the outline's width, 0 for none."""
        points = self._pixels(line)
        self.canvas.colours.polygon(points, fill=colour)
        if self.canvas.line:
            self.canvas.line.polygon(points, fill=255)
        if edge:
            self._trace([*points, points[0], points[1]], ink or self.palette.ink, self._width_px(edge))

    def stroke(self, line: Line, colour: Colour, width: float, edge: float = 0.0) -> None:
        """Draw an open line with round ends; with ``edge``, outlined."""
        points = self._pixels(line)
        if edge:
            self._trace(points, self.palette.ink, self._width_px(width) + 2 * self._width_px(edge))
        self._trace(points, colour, self._width_px(width))

    def shine(self, line: Line, strength: int = 110, colour: Colour = (255, 255, 255)) -> None:
        """Lay a translucent patch over what is there; ``strength`` 0 to 255."""
        ImageDraw.Draw(self.canvas.image, "RGBA").polygon(self._pixels(line), fill=(*colour, strength))

    def dots(self, centres: Line, r: float, colour: Colour) -> None:
        """Small discs without outlines."""
        radius = max(1.5, r * self._scale())
        for x, y in self._pixels(centres):
            self._disc(x, y, radius, colour)

    def write(self, text: str, place: complex, height: float, colour: Colour, turn: float = 0.0) -> None:
        """Write one line centred on ``place``, ``height`` high, turned by ``turn`` radians."""
        size = max(8, round(height * self._scale()))
        font = ImageFont.load_default(size)
        bold = max(1, size // 22)
        glyphs = Image.new("L", (round(font.getlength(text)) + 4 * bold, round(size * 1.4)))
        middle = (glyphs.width / 2, glyphs.height / 2)
        ImageDraw.Draw(glyphs).text(middle, text, font=font, fill=255, anchor="mm", stroke_width=bold)
        angle = turn + float(np.angle(self.turn)) if self.turn else turn
        if abs(angle) > 0.01:
            glyphs = glyphs.rotate(-np.degrees(angle), expand=True, resample=Image.Resampling.BILINEAR)
        x, y = self._pixels(np.array([place]))[0]
        corner = (round(x - glyphs.width / 2), round(y - glyphs.height / 2))
        self.canvas.image.paste(colour, corner, glyphs)

    @contextmanager
    def inside(self, line: Line) -> Iterator[None]:
        """Keep what is drawn in this block within a closed line."""
        canvas = self.canvas
        before, colours, line_before = canvas.image, canvas.colours, canvas.line
        canvas.image, canvas.line = before.copy(), None
        canvas.colours = ImageDraw.Draw(canvas.image)
        yield
        points = self._pixels(line)
        left, top = (max(0, int(min(p[i] for p in points)) - 1) for i in (0, 1))
        right, bottom = (min(_CANVAS_PX, int(max(p[i] for p in points)) + 2) for i in (0, 1))
        window = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(window).polygon([(x - left, y - top) for x, y in points], fill=255)
        before.paste(canvas.image.crop((left, top, right, bottom)), (left, top), window)
        if line_before:
            canvas.mask.paste(255, (left, top), window)
        canvas.image, canvas.colours, canvas.line = before, colours, line_before

    def _scale(self) -> float:
        return max(abs(self.turn), abs(self.flip)) * _UNIT_PX

    def _width_px(self, width: float) -> int:
        return max(3, round(width * self._scale()))

    def _pixels(self, line: Line) -> Points:
        placed = self.turn * line + self.flip * np.conj(line) + self.place
        placed = placed + sum(h * np.sin((placed * np.conj(way)).real + phase) for h, way, phase in self.bends)
        placed = placed * _UNIT_PX + _CANVAS_PX / 2 * (1 + 1j)
        return list(zip(placed.real.round(2).tolist(), placed.imag.round(2).tolist(), strict=True))

    def _trace(self, points: Points, colour: Colour, width: int) -> None:
        radius = width / 2 - 0.5
        joints = [points[0], points[-1]] if radius > 1.5 else []
        if len(points) > 2 and radius > 1.5:
            steps = np.diff(np.array(points) @ np.array([1, 1j]))
            bends = np.abs(np.angle(steps[1:] * np.conj(steps[:-1]))) * radius > _GAP_PX
            joints += [points[i + 1] for i in np.flatnonzero(bends)]
        self.canvas.colours.line(points, fill=colour, width=width)
        if self.canvas.line:
            self.canvas.line.line(points, fill=255, width=width)
        for x, y in joints:
            self._disc(x, y, radius, colour)

    def _disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        box = (x - radius, y - radius, x + radius, y + radius)
        self.canvas.colours.ellipse(box, fill=colour)
        if self.canvas.line:
            self.canvas.line.ellipse(box, fill=255)
