"""Losses and validation figures that a training logged."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...io.scalars import NO_METRICS, read_scalars

Series = dict[str, list[tuple[float, float]]]

# More points are replaced by the means of as many parts.
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

    @property
    def last_step(self) -> float:
        """Step of the last validation."""
        return max(points[-1][0] for points in self.metrics.values())


def read_curves(folder: Path) -> Curves:
    """Read the curves of a training.

    Args:
        folder: Its folder.

    Returns:
        Curves: Empty if it logged nothing. Values that are no finite numbers
        are left out.
    """
    train, validation = read_scalars(folder)
    losses = _series(train, lambda name: 'loss' in name)
    total = losses.pop('loss', [])
    # The sum of one loss is that loss.
    if total and total not in losses.values():
        losses = {'loss': total, **losses}
    return Curves(
        losses=losses,
        metrics=_series(validation, lambda name: name not in NO_METRICS),
        unit='epoch' if any('epoch' in x for x in train) else 'iteration',
    )


def thin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Average neighbouring points until at most MAX_POINTS are left."""
    if len(points) <= MAX_POINTS:
        return points
    parts = np.array_split(np.array(points), MAX_POINTS)
    return [tuple(part.mean(0)) for part in parts]


def _series(lines: list[dict], wanted) -> Series:
    series: Series = {}
    for line in lines:
        for name, value in line.items():
            if not wanted(name) or not isinstance(value, int | float):
                continue
            if math.isfinite(value):
                series.setdefault(name, []).append((line['step'], value))
    return series
