"""What the logs of our tools say: how far they are, what came out."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PREFIX = re.compile(r'^.*? - (?:INFO|WARNING|ERROR) - ')
_STEP = re.compile(r'(?:Epoch|Iter)\((train|val|test)\) +((?:\[ *[\d/ ]+\])+)')
_IMAGES = re.compile(r'\d+ of \d+ images.*per minute')
_LABELS = re.compile(r'pseudo labels of \d+ images: (.+)')
_FIGURE = re.compile(r'([A-Za-z][\w./&-]*):? +(-?\d+(?:\.\d+)?)(?![\w:.])')
_OTHERS = {
    'data_time',
    'time',
    'memory',
    'eta',
    'lr',
    'base_lr',
    'step',
    'written',
}


def progress_of(line: str) -> str | None:
    """Shorten a line that tells how far a tool is; None for others."""
    step = _STEP.search(line)
    if step and 'eta:' in line:
        eta = re.search(r'eta: ([\w:, ]*?\d:\d\d:\d\d)', line)
        loss = re.search(r' loss: ([\d.e+-]+)', line)
        words = [f'{step[1]} {step[2]}']
        words += [f'{eta[1]} left'] if eta else []
        words += [f'loss {loss[1]}'] if loss else []
        return ', '.join(words)
    if _IMAGES.search(line):
        return _PREFIX.sub('', line).strip()
    return None


def figures_of(line: str) -> dict[str, float]:
    """Read the figures of a validation, a test or a label summary.

    Args:
        line: A line of a log.

    Returns:
        dict[str, float]: Figures by name; empty for other lines.
    """
    labels, step = _LABELS.search(line), _STEP.search(line)
    if labels:
        text = labels[1]
    elif step and step[1] != 'train' and 'eta:' not in line:
        text = line[step.end() :]
    else:
        return {}
    return {
        name: float(value)
        for name, value in _FIGURE.findall(text)
        if name not in _OTHERS
    }


def last_figures(lines: Iterable[str]) -> dict[str, float]:
    """Read the last figures of a log."""
    last: dict[str, float] = {}
    for line in lines:
        last = figures_of(line) or last
    return last


def format_figures(figures: dict[str, float], limit: int = 6) -> str:
    """Write the first figures on one line."""
    pairs = [f'{name} {value:g}' for name, value in figures.items()]
    return ', '.join(pairs[:limit])
