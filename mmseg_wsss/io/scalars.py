"""The figures that a tool leaves as JSON: losses, metrics, label quality."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from .atomic import write_json

LABEL_SUMMARY = 'label_summary.json'
CAM_SWEEP = 'cam_eval.json'
# The figures among its numbers.
_SWEEP_FIGURES = ('mIoU', 'FP', 'FN', 'F', 'best_threshold')
# Numbers beside the metrics in MMEngine's lines.
NO_METRICS = {'data_time', 'time', 'memory', 'step', 'epoch', 'iter'}


def read_scalars(folder: Path) -> tuple[list[dict], list[dict]]:
    """Read what a training logged with MMEngine.

    Args:
        folder: Its work dir, with ``<time>/vis_data/scalars.json`` of each
            start. A training that was resumed counts from there: what an
            earlier start logged beyond that step is dropped.

    Returns:
        tuple: The lines of the training and those of its validations, each a
        dict with ``step`` and numbers by name.
    """
    training: list[dict] = []
    validation: list[dict] = []
    for path in sorted(folder.glob('*/vis_data/scalars.json')):
        lines = list(_lines(path))
        for kept, new in (
            (training, [line for line in lines if _is_training(line)]),
            (validation, [line for line in lines if not _is_training(line)]),
        ):
            if new:
                begin = new[0]['step']
                kept[:] = [line for line in kept if line['step'] < begin]
                kept += new
    return training, validation


def read_figures(folder: Path) -> dict[str, float]:
    """Read the figures of the last evaluation in a tool's folder.

    Args:
        folder: Its work dir. Compared CAMs come first, then compared labels,
            then a test, then the last validation of a training.

    Returns:
        dict[str, float]: Finite metrics by name, to four decimals as in
        MMEngine's log; empty if nothing was evaluated.
    """
    labels = read_object(folder / LABEL_SUMMARY)
    sweep = read_object(folder / CAM_SWEEP)
    cams = {key: sweep[key] for key in _SWEEP_FIGURES if key in sweep}
    tests = [
        read_object(path)
        for path in sorted(folder.glob('*/*.json'))
        if path.stem == path.parent.name
    ]
    _, validation = read_scalars(folder)
    found = [*validation, *tests, labels, cams]
    return next(filter(None, map(_metrics, reversed(found))), {})


def write_label_summary(folder: Path, figures: Mapping[str, float]) -> None:
    """Write the figures of compared labels into a tool's folder."""
    write_json(folder / LABEL_SUMMARY, figures)


def _metrics(line: Mapping) -> dict[str, float]:
    return {
        name: round(float(value), 4)
        for name, value in line.items()
        if isinstance(value, int | float)
        and name not in NO_METRICS
        and math.isfinite(value)
    }


def read_object(path: Path) -> dict:
    """Read a dict; empty if the file is missing, damaged or another."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


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


def _is_training(line: Mapping) -> bool:
    return 'iter' in line or 'lr' in line
