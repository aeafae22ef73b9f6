"""Losses and validation figures that a training logged."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

Series = dict[str, list[tuple[float, float]]]

# More points are replaced by the means of as many parts.
MAX_POINTS = 300
_OTHERS = {'data_time', 'time', 'memory', 'step', 'epoch', 'iter'}


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
        metrics=_series(validation, lambda name: name not in _OTHERS),
        unit='epoch' if any('epoch' in x for x in train) else 'iteration',
    )


def read_scalars(folder: Path) -> tuple[list[dict], list[dict]]:
    """Read what MMEngine's logger wrote in all starts of a training.

    Args:
        folder: Folder with ``<time>/vis_data/scalars.json`` of each start.
            What an earlier start logged at or after the first step of a
            later one is dropped.

    Returns:
        tuple: Lines of the training and lines of the validations, each with
        its ``step``.
    """
    train: list[dict] = []
    validation: list[dict] = []
    for path in sorted(folder.glob('*/vis_data/scalars.json')):
        lines = list(_lines(path))
        for kept, new in (
            (train, [line for line in lines if _is_train(line)]),
            (validation, [line for line in lines if not _is_train(line)]),
        ):
            if new:
                begin = new[0]['step']
                kept[:] = [line for line in kept if line['step'] < begin]
                kept += new
    return train, validation


def thin(
    points: list[tuple[float, float]], limit: int = MAX_POINTS
) -> list[tuple[float, float]]:
    """Average neighbouring points until at most ``limit`` are left."""
    if len(points) <= limit:
        return points
    return [tuple(p.mean(0)) for p in np.array_split(np.array(points), limit)]


def _lines(path: Path) -> Iterator[dict]:
    """Yield the complete lines: a killed run may leave half a line."""
    with open(path, errors='replace') as file:
        for line in file:
            try:
                content = json.loads(line)
            except ValueError:
                continue
            if isinstance(content, dict) and 'step' in content:
                yield content


def _is_train(line: dict) -> bool:
    return 'iter' in line or 'lr' in line


def _series(lines: list[dict], wanted) -> Series:
    series: Series = {}
    for line in lines:
        for name, value in line.items():
            if not wanted(name) or not isinstance(value, int | float):
                continue
            if math.isfinite(value):
                series.setdefault(name, []).append((line['step'], value))
    return series
