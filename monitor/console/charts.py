"""Charts as SVG, drawn here: bars, stacked bars over weeks. Every number also stands in the table beneath. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from monitor.text import clip, visible

_WIDTH, _HEIGHT = 440, 190
_LEFT, _BOTTOM, _TOP = 40, 24, 8
_COLOURS = ("s1", "s2", "s3", "s4", "s5")
_BAR = 26


def stacked(rows: Sequence[tuple[Any, ...]]) -> Markup:
    """Rows of (period, kind, count) as a bar for each period."""
    periods = sorted({str(row[0]) for row in rows})
    kinds = kinds_of(rows)
    totals = {period: sum(row[2] for row in rows if str(row[0]) == period) for period in periods}
    most = max(totals.values(), default=0)
    if not most:
        return Markup("")
    width = (_WIDTH - _LEFT) / len(periods)
    high = _HEIGHT - _BOTTOM - _TOP
    drawn = [_axis(most)]
    for place, period in enumerate(periods):
        foot = float(_HEIGHT - _BOTTOM)
        x = _LEFT + place * width
        bar = min(width * 0.72, 46.0)
        for kind in kinds:
            count = sum(row[2] for row in rows if str(row[0]) == period and row[1] == kind)
            height = high * count / most
            foot -= height
            drawn.append(
                Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
                    _COLOURS[kinds.index(kind) % 5], x + (width - bar) / 2, foot, bar, height
                )
            )
        every = max(1, len(periods) // 8)
        if place % every == 0:
            drawn.append(_text(x + width / 2, _HEIGHT - 6, period[5:], "middle"))
    return _svg(_HEIGHT, drawn)


def kinds_of(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """The kinds in rows of (period, kind, count), the most frequent first: the order of the colours."""
    counts: dict[str, int] = {}
    for _, kind, count in rows:
        counts[kind] = counts.get(kind, 0) + count
    return sorted(counts, key=lambda kind: (-counts[kind], str(kind)))


def key(kinds: Sequence[str]) -> Markup:
    """What the colours mean."""
    lines = [
        Markup(
            '<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" class="{}"/></svg>{}</li>'
        ).format(_COLOURS[place % 5], visible(str(kind)).replace("_", " "))
        for place, kind in enumerate(kinds)
    ]
    return Markup('<ul class="key">{}</ul>').format(Markup("").join(lines))


def bars(labelled: Sequence[tuple[str, int]]) -> Markup:
    """Labels with counts as lying bars."""
    most = max((count for _, count in labelled), default=0)
    if not most:
        return Markup("")
    drawn = []
    for place, (label, count) in enumerate(labelled):
        y = place * _BAR
        drawn.append(_text(0, y + 17, clip(visible(label), 20), "start"))
        width = (_WIDTH - 200) * count / most
        drawn.append(
            Markup('<rect class="s1" x="148" y="{}" width="{:.1f}" height="{}" rx="3"/>').format(y + 4, width, _BAR - 9)
        )
        drawn.append(_text(148 + width + 6, y + 17, f"{count:,}", "start"))
    return _svg(len(labelled) * _BAR, drawn)


def survival(points: Sequence[tuple[float, float]]) -> Markup:
    """A falling step curve: (days, share still there from 1 to 0), from the first day on."""
    if len(points) < 2:
        return Markup("")
    longest = max(points[-1][0], 1.0)
    high = _HEIGHT - _BOTTOM - _TOP
    path, last = [], 1.0
    for days, share in points:
        x = _LEFT + (_WIDTH - _LEFT - 8) * days / longest
        path += [(x, last), (x, share)]
        last = share
    line = " ".join(f"{x:.1f},{_TOP + high * (1 - share):.1f}" for x, share in path)
    drawn = [_axis(100), Markup('<polyline class="line1" points="{}"/>').format(line)]
    drawn += [_text(_LEFT, _HEIGHT - 6, "0", "start"), _text(_WIDTH - 8, _HEIGHT - 6, f"{longest:.0f} d", "end")]
    return _svg(_HEIGHT, drawn)


def _axis(most: int) -> Markup:
    drawn = []
    for share in (0, 0.5, 1):
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * share
        drawn.append(Markup('<line class="axis" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(_LEFT, _WIDTH, y, y))
        drawn.append(_text(_LEFT - 6, y + 4, f"{most * share:,.0f}", "end"))
    return Markup("").join(drawn)


def _text(x: float, y: float, words: str, anchor: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, escape(words))


def _svg(height: int, drawn: Sequence[Markup]) -> Markup:
    return Markup('<svg class="bars" viewBox="0 0 {} {}" aria-hidden="true">{}</svg>').format(
        _WIDTH, height, Markup("").join(drawn)
    )
