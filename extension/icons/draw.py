"""Draws the extension's icons: a stall's awning over an eye. Run from anywhere; writes beside itself."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

_SIZES_PX = (16, 32, 48, 128)
_GRID = 1024  # drawn large, then reduced
_BLUE, _WHITE, _RED = "#1f4fbf", "#ffffff", "#e5533d"


def draw() -> Image.Image:
    """The icon, 1024 x 1024 pixels with transparent corners."""
    icon = Image.new("RGBA", (_GRID, _GRID), (0, 0, 0, 0))
    pen = ImageDraw.Draw(icon)
    pen.rounded_rectangle((32, 32, 992, 992), radius=200, fill=_BLUE)
    for stripe in range(4):
        left = 160 + stripe * 176
        color = _WHITE if stripe % 2 == 0 else _RED
        pen.rectangle((left, 190, left + 176, 330), fill=color)
        pen.pieslice((left, 242, left + 176, 418), 0, 180, fill=color)
    pen.ellipse((202, 470, 822, 870), fill=_WHITE)
    pen.ellipse((392, 550, 632, 790), fill=_BLUE)
    pen.ellipse((462, 590, 542, 670), fill=_WHITE)
    return icon


if __name__ == "__main__":
    icon = draw()
    for size_px in _SIZES_PX:
        icon.resize((size_px, size_px), Image.Resampling.LANCZOS).save(Path(__file__).with_name(f"{size_px}.png"))
