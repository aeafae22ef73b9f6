"""Sky, hills and ground of the built-in scenes; rails, water and road."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from .pen import (
    RAILS,
    ROAD,
    SUPERSAMPLE,
    WATER,
    Canvas,
    Colour,
    Pen,
    pick,
    shade,
)

_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((96, 156, 216), (206, 228, 240)),
    ((130, 170, 206), (236, 226, 206)),
    ((156, 166, 178), (214, 216, 216)),
    ((112, 120, 178), (246, 190, 150)),
)
_GROUNDS: tuple[tuple[Colour, Colour], ...] = (
    ((128, 168, 92), (86, 132, 58)),
    ((164, 176, 96), (122, 136, 64)),
    ((200, 186, 136), (168, 148, 98)),
    ((146, 150, 112), (98, 106, 70)),
)
_WATERS: tuple[tuple[Colour, Colour], ...] = (
    ((132, 180, 204), (44, 104, 148)),
    ((128, 176, 172), (40, 104, 108)),
    ((150, 164, 178), (66, 88, 112)),
)


def _gradient(canvas: Canvas, y0: float, y1: float, ends: tuple) -> None:
    """Draw a vertical colour gradient over the rows from y0 to y1."""
    top, bottom = (round(y * SUPERSAMPLE) for y in (y0, y1))
    if bottom <= top:
        return
    t = np.linspace(0, 1, bottom - top)[:, None]
    column = (1 - t) * np.array(ends[0]) + t * np.array(ends[1])
    wide = np.repeat(
        column[:, None].astype(np.uint8), canvas.image.width, axis=1
    )
    canvas.image.paste(Image.fromarray(wide), (0, top))


def draw_sky(canvas: Canvas, horizon: float, rng: np.random.Generator) -> None:
    """Draw a sky with clouds, and hills on the horizon."""
    _gradient(canvas, 0, horizon + 1, pick(rng, _SKIES))
    pen = Pen(canvas)
    for _ in range(rng.integers(0, 4)):
        x = rng.uniform(0, canvas.width)
        y = rng.uniform(0.1, 0.7) * horizon
        for _ in range(4):
            dx, dy = rng.uniform(-14, 14), rng.uniform(-3, 3)
            pen.ellipse(
                x + dx, -y + dy, rng.uniform(7, 13), rng.uniform(3, 6),
                (255, 255, 255, 130),
            )  # fmt: skip
    tint = shade((112, 140, 120), rng.uniform(0.75, 1.2))
    phase, waves = rng.uniform(0, 6.3), rng.uniform(1.0, 3.0)
    rise = rng.uniform(0.05, 0.3) * horizon
    ridge = [
        (
            canvas.width * k / 20,
            -horizon
            + rise * (1 + math.sin(phase + waves * math.pi * k / 20)) / 2,
        )
        for k in range(21)
    ]
    pen.polygon(
        [(0, -horizon - 2), *ridge, (canvas.width, -horizon - 2)], tint
    )


def draw_ground(
    canvas: Canvas, horizon: float, rng: np.random.Generator
) -> None:
    """Draw a meadow, dry grass or sand with blades and speckles."""
    ends = pick(rng, _GROUNDS)
    _gradient(canvas, horizon, canvas.height, ends)
    pen = Pen(canvas)
    depth = canvas.height - horizon
    for _ in range(170):
        near = rng.uniform(0.02, 1)
        x, y = rng.uniform(0, canvas.width), horizon + near * depth
        tint = shade(ends[1], rng.uniform(0.75, 1.4))
        length = 1 + 4 * near
        pen.line([(x, -y), (x + rng.uniform(-2, 2), -y + length)], 0.7, tint)
    blossom = pick(rng, ((240, 220, 90), (240, 240, 240), (214, 110, 150)))
    for _ in range(rng.integers(0, 16)):
        x, y = rng.uniform(0, canvas.width), rng.uniform(0.2, 1) * depth
        pen.ellipse(x, -horizon - y, 1.1, 1.1, blossom)


def draw_water(
    canvas: Canvas, top: float, bottom: float, rng: np.random.Generator
) -> None:
    """Draw water from row ``top`` to ``bottom``, with ripples and a shore."""
    ends = pick(rng, _WATERS)
    pen = Pen(canvas, context=WATER)
    pen.box(-2, -top, canvas.width + 2, -bottom, ends[1])
    _gradient(canvas, top, min(bottom, canvas.height), ends)
    for _ in range(round(1.8 * (bottom - top))):
        near = rng.uniform(0, 1)
        x, y = rng.uniform(0, canvas.width), top + near * (bottom - top)
        length = 3 + 9 * near
        tint = shade(ends[1], rng.choice((0.8, 1.35, 1.7)))
        pen.line(
            [(x, -y), (x + length / 2, -y - 1), (x + length, -y)], 0.8, tint
        )
    shore = Pen(canvas)
    edge = [
        (x, -bottom + rng.uniform(-1.5, 1.5))
        for x in range(-4, canvas.width + 9, 8)
    ]
    shore.line(edge, 3, (206, 190, 146))


def draw_rails(
    canvas: Canvas, y: float, depth: float, rng: np.random.Generator
) -> None:
    """Draw a track across the picture: ballast, sleepers and two rails.

    ``y`` is the row the wheels stand on, ``depth`` the width of the track
    in rows.
    """
    width = canvas.width
    pen = Pen(canvas, context=RAILS)
    top, bottom = y - 0.45 * depth, y + 0.75 * depth
    stone = shade((150, 142, 134), rng.uniform(0.8, 1.1))
    pen.polygon(
        [
            (-2, -top), (width + 2, -top),
            (width + 2, -bottom), (-2, -bottom),
        ],
        stone,
    )  # fmt: skip
    for _ in range(round(width * depth / 12)):
        pen.ellipse(
            rng.uniform(0, width), -rng.uniform(top + 1, bottom - 1), 1, 0.8,
            shade(stone, rng.uniform(0.65, 1.25)),
        )  # fmt: skip
    wood = shade((98, 70, 50), rng.uniform(0.8, 1.2))
    step = rng.uniform(7, 10)
    lean = rng.uniform(-2, 2)
    for k in range(-1, int(width / step) + 2):
        x = k * step
        pen.polygon(
            [
                (x, -y + 0.3 * depth), (x + 3, -y + 0.3 * depth),
                (x + 4 + lean, -y - 0.6 * depth),
                (x + lean, -y - 0.6 * depth),
            ],
            wood,
        )  # fmt: skip
    for row in (y - 0.12 * depth, y + 0.38 * depth):
        pen.line([(-2, -row), (width + 2, -row)], 2.2, (74, 70, 72))
        pen.line([(-2, -row + 1), (width + 2, -row + 1)], 1, (206, 208, 214))


def draw_road(
    canvas: Canvas, y: float, depth: float, rng: np.random.Generator
) -> None:
    """Draw a road across the picture, ``depth`` rows around row ``y``."""
    pen = Pen(canvas, context=ROAD)
    tint = shade((112, 112, 118), rng.uniform(0.8, 1.2))
    width = canvas.width
    pen.box(-2, -y + depth / 2, width + 2, -y - depth / 2, tint)
    for edge in (-0.44, 0.44):
        pen.line(
            [(-2, -y + edge * depth), (width + 2, -y + edge * depth)],
            1, (220, 216, 196),
        )  # fmt: skip
    for x in range(int(rng.integers(-16, 0)), width, 26):
        pen.box(x, -y - 1, x + 13, -y + 1, (236, 232, 214))
