"""Puts what a plan names into one picture, from far to near."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import backdrop, clutter
from .drawing import DRAW
from .pen import Canvas, Pen
from .plan import CLASSES, ScenePlan

STAND_IN = 0.5
"""How often bare rails have a goods shed, bare water a hut on stilts."""

_HEIGHTS = {
    'boat': (0.28, 0.44),
    'car': (0.26, 0.42),
    'cat': (0.42, 0.66),
    'dog': (0.42, 0.66),
    'person': (0.52, 0.84),
    'train': (0.20, 0.40),
}
"""Smallest and largest height of one object unit, 1 = picture height."""


@dataclass(frozen=True)
class _Stage:
    """What the backdrop tells the objects.

    Rows in pixels: ``shore`` ends rails and water, ``track`` is where the
    wheels of a train stand, ``lane`` where those of a car do. ``afar`` names
    the classes on rails or water, all others stand on this side of them.
    """

    shore: float
    track: float
    lane: float
    afar: tuple[str, ...]


def paint_scene(
    canvas: Canvas, plan: ScenePlan, rng: np.random.Generator
) -> None:
    """Draw one layout of a plan.

    Args:
        canvas (Canvas): Empty canvas of the plan's size.
        plan (ScenePlan): What the picture holds.
        rng (np.random.Generator): Where everything is and looks like.
    """
    stage = _paint_backdrop(canvas, plan, rng)
    for name, x, y in sorted(
        _place(canvas, plan, stage, rng), key=lambda place: place[2]
    ):
        _draw_object(canvas, name, x, y, len(plan.classes) > 1, rng)
    if stage.shore < 0.9 * canvas.height and rng.random() < 0.3:
        clutter.draw_occluder(canvas, rng)


def _paint_backdrop(
    canvas: Canvas, plan: ScenePlan, rng: np.random.Generator
) -> _Stage:
    height = canvas.height
    on_rails = plan.rails and 'train' in plan.classes
    on_water = plan.water and 'boat' in plan.classes
    alone = len(plan.classes) == 1
    horizon = rng.uniform(0.30, 0.42) * height
    shore = horizon
    backdrop.draw_sky(canvas, horizon, rng)
    clutter.draw_far_clutter(canvas, horizon, rng)
    backdrop.draw_ground(canvas, horizon, rng)
    if plan.water:
        low, high = 0.60, 1.05 if on_water and alone else 0.76
        shore = rng.uniform(low, high) * height
        backdrop.draw_water(canvas, horizon + 1, shore, rng)
        if not on_water and rng.random() < STAND_IN:
            clutter.draw_jetty(canvas, 0.3 * horizon + 0.7 * shore, rng)
    low, high = (0.62, 0.82) if on_rails and alone else (0.56, 0.64)
    track = rng.uniform(low, high) * height
    if plan.rails:
        depth = rng.uniform(0.11, 0.17) * height
        backdrop.draw_rails(canvas, track, depth, rng)
        if not on_rails and rng.random() < STAND_IN:
            clutter.draw_goods_shed(canvas, track - 0.3 * depth, rng)
        shore = track + depth
    lane = rng.uniform(0.80, 0.88) * height
    if plan.road:
        backdrop.draw_road(canvas, lane, rng.uniform(0.15, 0.2) * height, rng)
    if shore < 0.9 * height:
        clutter.draw_near_clutter(canvas, shore + 0.04 * height, rng)
    afar = ('train',) * on_rails + ('boat',) * on_water
    return _Stage(shore, track, lane, afar)


def _place(
    canvas: Canvas, plan: ScenePlan, stage: _Stage, rng: np.random.Generator
) -> list[tuple[str, float, float]]:
    """Choose (class, x, y) of all objects, in pixels."""
    width, height = canvas.width, canvas.height
    placed = []
    if 'train' in stage.afar:
        placed.append(('train', 0.0, stage.track))
    if 'boat' in stage.afar:
        row = min(stage.shore, height) - 0.06 * height
        x, y = rng.uniform(0.3, 0.7) * width, rng.uniform(0.8, 1.0) * row
        placed.append(('boat', x, y))
    near = [name for name in plan.classes if name not in stage.afar]
    if len(near) == 1 and near != ['train'] and rng.random() < 0.2:
        near = near * 2
    top = max(0.66, stage.shore / height + 0.08)
    for name, slot in zip(near, rng.permutation(len(near)), strict=True):
        x = (slot + rng.uniform(0.25, 0.75)) / len(near) * width
        y = rng.uniform(top, 0.97) * height
        if name == 'car' and plan.road:
            y = stage.lane + rng.uniform(-0.02, 0.06) * height
        placed.append((name, x, y))
    return placed


def _draw_object(
    canvas: Canvas,
    name: str,
    x: float,
    y: float,
    crowded: bool,
    rng: np.random.Generator,
) -> None:
    """Draw one object, so that its tell-tale part is inside the picture."""
    low, high = _HEIGHTS[name]
    scale = rng.uniform(low, high - 0.35 * crowded * (high - low))
    scale *= canvas.height * (0.9 if crowded else 1.0)
    flip = bool(rng.random() < 0.5)
    if name == 'train':
        nose = rng.uniform(0.55, 1.0) * canvas.width
        x = canvas.width - nose if flip else nose
    elif name in ('cat', 'dog'):
        head = (-0.5 if flip else 0.5) * scale
        room = min(0.36 * scale, 0.5 * canvas.width)
        x = min(max(x + head, room), canvas.width - room) - head
    pen = Pen(canvas, x, y, scale, flip, CLASSES.index(name))
    DRAW[name](pen, rng)
