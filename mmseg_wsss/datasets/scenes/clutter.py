"""Clutter of the built-in scenes: things that are all background.

Part of it wears the shapes and colours of the objects on purpose: sheds and
houses have the paints of the vehicles, boulders and benches the coats of the
pets, shop dummies the clothes of the people. A plain body alone therefore
says little about the class.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .drawing import COATS, GLASS, PAINTS, draw_coat
from .pen import Canvas, Pen, pick, shade, shadow


def _house(pen: Pen, rng: np.random.Generator) -> None:
    wall, roof = pick(rng, PAINTS), pick(rng, ((150, 74, 58), (84, 78, 84)))
    pen.box(-0.5, 0, 0.5, 0.62, shade(wall, 1.05))
    pen.polygon([(-0.6, 0.6), (0, 1), (0.6, 0.6)], roof)
    pen.box(-0.08, 0, 0.12, 0.36, (92, 66, 50))
    for x in (-0.36, 0.22):
        pen.box(x, 0.24, x + 0.17, 0.44, GLASS)


def _tree(pen: Pen, rng: np.random.Generator) -> None:
    leaf = shade((74, 122, 62), rng.uniform(0.7, 1.3))
    pen.box(-0.05, 0, 0.05, 0.5, (98, 72, 52))
    if rng.random() < 0.4:
        for y in (0.2, 0.42, 0.64):
            half = 0.34 - 0.3 * (y - 0.2)
            pen.polygon(
                [(-half, y), (half, y), (0, y + 0.38)],
                shade(leaf, 0.8 + 0.3 * y),
            )
        return
    for _ in range(7):
        pen.ellipse(
            rng.uniform(-0.2, 0.2), rng.uniform(0.5, 0.85),
            rng.uniform(0.12, 0.2), rng.uniform(0.1, 0.16),
            shade(leaf, rng.uniform(0.85, 1.2)),
        )  # fmt: skip


def _bush(pen: Pen, rng: np.random.Generator) -> None:
    leaf = shade((84, 128, 66), rng.uniform(0.7, 1.2))
    for _ in range(8):
        pen.ellipse(
            rng.uniform(-0.5, 0.5), rng.uniform(0.1, 0.6),
            rng.uniform(0.15, 0.3), rng.uniform(0.15, 0.3),
            shade(leaf, rng.uniform(0.8, 1.25)),
        )  # fmt: skip


def _boulder(pen: Pen, rng: np.random.Generator) -> None:
    coat = pick(rng, COATS)
    shadow(pen, 0.7)
    pen.ellipse(0, 0.28, 0.62, 0.34, coat)
    pen.ellipse(0.02, 0.36, 0.5, 0.22, shade(coat, 1.06))
    pen.ellipse(0.25, 0.14, 0.36, 0.2, shade(coat, 0.9))


def _bench(pen: Pen, rng: np.random.Generator) -> None:
    coat = pick(rng, COATS)
    shadow(pen, 0.6)
    for x in (-0.56, -0.42, 0.28, 0.42):
        pen.box(x, 0, x + 0.14, 0.44, shade(coat, 0.85))
    pen.ellipse(0, 0.47, 0.64, 0.22, coat)
    pen.ellipse(0, 0.52, 0.57, 0.15, shade(coat, 1.06))


def _dummy(pen: Pen, rng: np.random.Generator) -> None:
    draw_coat(pen, pick(rng, PAINTS), rng.uniform(0, 0.12))
    pen.box(-0.035, 0.68, 0.035, 0.76, (150, 112, 76))
    pen.ellipse(0, 0.77, 0.05, 0.03, (150, 112, 76))


def _shed(pen: Pen, rng: np.random.Generator) -> None:
    paint = pick(rng, PAINTS)
    half = rng.uniform(0.7, 1.3)
    shadow(pen, half)
    pen.box(-half, 0, half, 0.86, paint)
    pen.box(-half, 0, half, 0.14, shade(paint, 0.8))
    pen.box(-half, 0.84, half, 0.92, shade(paint, 0.6))
    for k in range(1, 6):
        x = half * (k / 3 - 1)
        pen.line([(x, 0.04), (x, 0.84)], 0.02, shade(paint, 0.85))


def draw_goods_shed(
    canvas: Canvas, y: float, rng: np.random.Generator
) -> None:
    """Draw a shed right behind the rails, where a train would stand."""
    size = rng.uniform(0.2, 0.32) * canvas.height
    x = rng.uniform(0.1, 0.9) * canvas.width
    pen = Pen(canvas, x, y, size)
    _shed(pen, rng)
    pen.box(-0.3, 0, 0.1, 0.6, (88, 66, 52))


def draw_jetty(canvas: Canvas, y: float, rng: np.random.Generator) -> None:
    """Draw a hut on stilts in the water, where a boat would lie."""
    size = rng.uniform(0.2, 0.3) * canvas.height
    x = rng.uniform(0.1, 0.9) * canvas.width
    pen = Pen(canvas, x, y, size)
    paint = pick(rng, PAINTS)
    for k in range(4):
        pen.box(-0.9 + 0.56 * k, -0.12, -0.82 + 0.56 * k, 0.1, (82, 62, 48))
    pen.box(-1.05, 0.08, 1.05, 0.4, paint)
    pen.box(-1.05, 0.08, 1.05, 0.16, shade(paint, 0.7))
    pen.box(-0.5, 0.4, 0.3, 0.8, shade(paint, 1.1))
    pen.polygon([(-0.64, 0.78), (-0.1, 1.06), (0.44, 0.78)], (96, 78, 70))


def _fence(pen: Pen, rng: np.random.Generator) -> None:
    wood = shade((176, 140, 100), rng.uniform(0.7, 1.25))
    for y in (0.3, 0.7):
        pen.box(-1.6, y, 1.6, y + 0.12, wood)
    for k in range(7):
        x = -1.5 + 0.5 * k
        pen.box(x - 0.08, 0, x + 0.08, 1, shade(wood, 0.9))


def draw_far_clutter(
    canvas: Canvas, horizon: float, rng: np.random.Generator
) -> None:
    """Draw houses, trees and bushes along the horizon."""
    for _ in range(rng.integers(2, 7)):
        draw = (_house, _tree, _tree, _bush)[int(rng.integers(4))]
        size = rng.uniform(0.1, 0.26) * canvas.height
        x = rng.uniform(0, canvas.width)
        draw(Pen(canvas, x, horizon + rng.uniform(0, 4), size), rng)


_NEAR_CLUTTER: tuple[tuple[Callable, float], ...] = (
    (_boulder, 1.0),
    (_bench, 1.4),
    (_dummy, 1.9),
    (_shed, 1.0),
    (_bush, 1.0),
    (_tree, 1.8),
)


def draw_near_clutter(
    canvas: Canvas, top: float, rng: np.random.Generator
) -> None:
    """Draw things in the objects' colours, from row ``top`` to the last.

    Boulders, benches, headless shop dummies, sheds, bushes and trees.
    """
    for near in np.sort(rng.uniform(0, 0.8, size=rng.integers(0, 4))):
        draw, factor = _NEAR_CLUTTER[int(rng.integers(len(_NEAR_CLUTTER)))]
        y = top + near * (canvas.height - top)
        size = (0.15 + 0.2 * near) * factor * canvas.height
        draw(Pen(canvas, rng.uniform(0, canvas.width), y, size), rng)


def draw_occluder(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a fence or a bush at the lower border, in front of everything."""
    draw = (_fence, _bush)[int(rng.integers(2))]
    size = rng.uniform(0.1, 0.2) * canvas.height
    x = rng.uniform(0, canvas.width)
    y = canvas.height * rng.uniform(0.97, 1.04)
    draw(Pen(canvas, x, y, size), rng)
