"""Charts as inline SVG: curves and stacked bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from .curves import Series, thin

# Each at least 4.5 : 1 on white.
COLOURS = (
    *('#0b5fa5', '#c2410c', '#15803d', '#7e22ce'),
    *('#8a5a00', '#be185d', '#0f766e', '#374151'),
)
# Of the parts of a bar: right, false, missed.
BAR_COLOURS = ('#0b5fa5', '#c2410c', '#5b6675')
DASHES = ('', '7 3', '2 3', '9 3 2 3')
# Of a name beside a chart; the whole one is its tooltip.
MAX_NAME = 18
# Pixels of the curves' chart and of its left and lower margin.
_WIDTH, _HEIGHT, _LEFT, _BELOW = 420, 250, 46, 40


def shorten(name: str, limit: int = MAX_NAME) -> str:
    """Cut a name that is too long for its place."""
    return name if len(name) <= limit else f'{name[: limit - 1]}…'


def number(value: float, digits: int = 1) -> str:
    """Write a number; a dash for one that is not there."""
    if value is None or not math.isfinite(value):
        return '-'
    return f'{value:.{digits}f}'


def line_style(place: int) -> tuple[str, str]:
    """Colour and dashes of a curve: no two of 32 are alike."""
    turn = place // len(COLOURS)
    return COLOURS[place % len(COLOURS)], DASHES[turn % len(DASHES)]


def line_chart(
    series: Series,
    title: str,
    x_label: str,
    bounds: tuple[float, float] | None = None,
) -> str:
    """Draw curves over one axis.

    Args:
        series: Points (x, y) by name, finite; at least one.
        title: What a screen reader says.
        x_label: Name of the x axis.
        bounds: Range of the y axis; that of the points if None.

    Returns:
        str: An ``svg`` element, without legend.
    """
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    x_ticks = ticks(min(xs), max(xs))
    y_ticks = ticks(*(bounds or (min(0, *ys), max(ys))))
    right, top = _WIDTH - 26, 10
    bottom = _HEIGHT - _BELOW

    def at_x(x: float) -> float:
        return _scale(x, (min(xs), max(xs)), (_LEFT, right))

    def at_y(y: float) -> float:
        return _scale(y, (y_ticks[0], y_ticks[-1]), (bottom, top))

    parts = []
    for tick in y_ticks:
        y = at_y(tick)
        parts.append(
            f'<path class="grid" d="M{_LEFT} {y:.1f}H{right}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
            f'{tick:g}</text>'
        )
    for tick in x_ticks:
        if min(xs) <= tick <= max(xs):
            parts.append(
                f'<text x="{at_x(tick):.1f}" y="{bottom + 17}" '
                f'text-anchor="middle">{tick:g}</text>'
            )
    parts.append(
        f'<path class="axis" d="M{_LEFT} {bottom}H{right}"/>'
        f'<text x="{(_LEFT + right) / 2:.0f}" y="{_HEIGHT - 5}" '
        f'text-anchor="middle">{escape(x_label)}</text>'
    )
    for place, (name, points) in enumerate(series.items()):
        colour, dash = line_style(place)
        dashes = f' stroke-dasharray="{dash}"' if dash else ''
        points = thin(points)
        path = 'L'.join(f'{at_x(x):.1f} {at_y(y):.1f}' for x, y in points)
        parts.append(
            f'<path class="curve" stroke="{colour}"{dashes} d="M{path}">'
            f'<title>{escape(name)}</title></path>'
        )
        if len(points) < 3:
            parts += [
                f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3" '
                f'fill="{colour}"/>'
                for x, y in points
            ]
    return svg(_WIDTH, _HEIGHT, title, parts)


def stacked_bars(
    rows: Sequence[tuple[str, Sequence[float]]], title: str
) -> str:
    """Draw a bar of several shares for each row.

    Args:
        rows: Name and three shares in percent, up to 100 together.
        title: What a screen reader says.

    Returns:
        str: An ``svg`` element, without legend.
    """
    step, left, width = 28, 140, 420
    scale = (width - left - 6) / 100
    parts = []
    for place, (name, shares) in enumerate(rows):
        y, x = 4 + place * step, float(left)
        parts.append(
            f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">'
            f'{escape(shorten(name, 16))}<title>{escape(name)}</title></text>'
        )
        for colour, share in zip(BAR_COLOURS, shares, strict=True):
            length = scale * share if math.isfinite(share) else 0.0
            parts.append(
                f'<rect x="{x:.1f}" y="{y}" width="{length:.1f}" height="20" '
                f'fill="{colour}"/>'
            )
            if length > 30:
                parts.append(
                    f'<text class="on" x="{x + length / 2:.1f}" y="{y + 15}" '
                    f'text-anchor="middle">{share:.1f}</text>'
                )
            x += length
    return svg(width, 8 + step * len(rows), title, parts)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Choose round numbers that span a range.

    Returns:
        list[float]: The first at most ``low``, the last at least ``high``.
    """
    if high <= low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / count
    power = 10 ** math.floor(math.log10(rough))
    step = next(s for s in (1, 2, 2.5, 5, 10) if s * power >= rough) * power
    begin, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(begin, end + 1)]


def _scale(value: float, old: tuple, new: tuple) -> float:
    part = (value - old[0]) / ((old[1] - old[0]) or 1)
    return new[0] + part * (new[1] - new[0])


def svg(
    width: int,
    height: int,
    title: str,
    parts: Sequence[str],
    size: int = 12,
    fixed: bool = False,
) -> str:
    """Put an ``svg`` element together.

    Args:
        width: In pixels.
        height: In pixels.
        title: What a screen reader says, plain text.
        parts: What it holds, SVG.
        size: Of the type, in pixels.
        fixed: Whether it keeps its width on narrow screens.

    Returns:
        str: The element.
    """
    style = f'width:{width}px' if fixed else f'max-width:{width * 1.4:.0f}px'
    return (
        f'<svg role="img" aria-label="{escape(title)}" '
        f'viewBox="0 0 {width} {height}" font-size="{size}" '
        f'style="{style}">{"".join(parts)}</svg>'
    )
