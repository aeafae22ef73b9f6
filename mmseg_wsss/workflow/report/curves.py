"""What a training logged: losses and validation figures over its steps."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

Series = dict[str, list[tuple[float, float]]]

# Means over as many parts take the place of more points.
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
    losses = _series(train, lambda name: 'loss' in name)
    total = losses.pop('loss', [])
    # The sum of one loss is that loss.
    if total not in losses.values():
        losses = {'loss': total, **losses}
    return Curves(
        losses=losses if any(losses.values()) else {},
        metrics=_series(validation, lambda name: name not in _OTHERS),
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


def _lines(path: Path) -> Iterator[dict]:
    """Yield the lines that are whole: a killed run may break the last."""
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
