"""Matrices as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from .charts import shorten, svg


def heat_map(
    shares: np.ndarray,
    texts: Sequence[Sequence[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    hints: bool = True,
) -> str:
    """Draw a matrix; the darker a cell, the larger its share.

    Args:
        shares: (R, C) in [0, 1], NaN for cells to leave empty.
        texts: What stands in each cell, where cells are large enough, and in
            its tooltip; '' for nothing.
        rows: Names of the rows.
        columns: Names of the columns.
        title: What a screen reader says.
        hints: Whether cells have tooltips.

    Returns:
        str: An ``svg`` element of fixed width in pixels.
    """
    side = 38 if len(columns) <= 12 else 26 if len(columns) <= 30 else 14
    size = min(12, side - 3)
    longest = max(len(shorten(name)) for name in (*rows, *columns))
    left = round(10 + longest * size * 0.62)
    top = round(14 + longest * size * 0.48)
    parts = []
    for c, name in enumerate(columns):
        x = left + (c + 0.6) * side
        parts.append(
            f'<text transform="translate({x:.0f} {top - 6}) rotate(-50)">'
            f'{escape(shorten(name))}<title>{escape(name)}</title></text>'
        )
    for r, name in enumerate(rows):
        middle = top + (r + 0.5) * side + size * 0.35
        parts.append(
            f'<text x="{left - 6}" y="{middle:.0f}" text-anchor="end">'
            f'{escape(shorten(name))}<title>{escape(name)}</title></text>'
        )
        for c, column in enumerate(columns):
            share, text = float(shares[r, c]), texts[r][c]
            if not math.isfinite(share) or (share < 0.005 and not text):
                continue
            x, y = left + c * side, top + r * side
            hint = f'{name}, {column}: {text}' if hints and text else ''
            parts.append(
                f'<rect x="{x}" y="{y}" width="{side}" height="{side}" '
                f'fill="{shade(share)}">'
                + (f'<title>{escape(hint)}</title>' if hint else '')
                + '</rect>'
            )
            if text and side >= 26:
                # Either is at least 4.5 : 1 on its cells.
                ink = 'on' if share > 0.61 else 'off'
                parts.append(
                    f'<text class="{ink}" x="{x + side / 2:.0f}" '
                    f'y="{middle:.0f}" text-anchor="middle">'
                    f'{escape(text)}</text>'
                )
    width = left + side * len(columns)
    height = top + side * len(rows)
    parts.append(
        f'<rect class="frame" x="{left}" y="{top}" '
        f'width="{width - left}" height="{height - top}"/>'
    )
    # Slanted names stick out on the right.
    width += round(longest * size * 0.4)
    return svg(width, height + 2, title, parts, size, fixed=True)


def shade(share: float) -> str:
    """Colour of a share in [0, 1], from white to dark blue."""
    light, dark = np.array([255, 255, 255]), np.array([8, 64, 129])
    part = min(max(share, 0.0), 1.0) ** 0.7
    return '#{:02x}{:02x}{:02x}'.format(
        *np.round(light + (dark - light) * part).astype(int)
    )
