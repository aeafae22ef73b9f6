"""What a training logged: losses and validation figures over its steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from ...io.scalars import NO_METRICS, read_scalars

Series = dict[str, list[tuple[float, float]]]

# Means over as many parts take the place of more points.
MAX_POINTS = 300


@dataclass
class Curves:
    """Curves of one training.

    Attributes:
        losses: Points (iteration, loss) by name.
        metrics: Points (step, figure) of the validations by name.
        unit: What the steps of the validations are: 'epoch' or 'iteration'.
    """

    losses: Series = field(default_factory=dict)
    metrics: Series = field(default_factory=dict)
    unit: str = 'iteration'


def read_curves(folder: Path) -> Curves:
    """Read the curves of a training.

    Args:
        folder: Its folder, with ``<time>/vis_data/scalars.json`` of each
            start. A training that went on after it was stopped counts from
            there: what an earlier start logged beyond is dropped.

    Returns:
        Curves: Empty if it logged nothing. Values that are no finite numbers
        are left out.
    """
    train, validation = read_scalars(folder)
    losses = _series(train, lambda name: 'loss' in name)
    total = losses.pop('loss', [])
    # The sum of one loss is that loss.
    if total not in losses.values():
        losses = {'loss': total, **losses}
    return Curves(
        losses=losses if any(losses.values()) else {},
        metrics=_series(validation, lambda name: name not in NO_METRICS),
        unit='epoch' if any('epoch' in x for x in train) else 'iteration',
    )


def thin(
    points: list[tuple[float, float]], limit: int = MAX_POINTS
) -> list[tuple[float, float]]:
    """Take means of neighbours until there are at most ``limit`` points."""
    if len(points) <= limit:
        return points
    ends = [round(k * len(points) / limit) for k in range(limit + 1)]
    parts = [points[a:b] for a, b in pairwise(ends)]
    return [
        (sum(x for x, _ in p) / len(p), sum(y for _, y in p) / len(p))
        for p in parts
    ]


def _series(lines: list[dict], wanted) -> Series:
    series: Series = {}
    for line in lines:
        for name, value in line.items():
            if not wanted(name) or not isinstance(value, int | float):
                continue
            if math.isfinite(value):
                series.setdefault(name, []).append((line['step'], value))
    return series
