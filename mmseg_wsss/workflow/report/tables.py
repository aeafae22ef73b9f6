"""The tables of the report: stages, settings, figures of the classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from .charts import number
from .collect import Content
from .parts import scroll, swatch
from .stages import StageInfo

# The columns of figures, and how many digits they have.
FIGURES = {
    'mIoU': 'mIoU',
    'FP': 'FP',
    'FN': 'FN',
    'F': 'F',
    'OC_image_rate': 'OC rate',
}
_NOT_SHOWN = {*FIGURES, 'J', 'J&F'}


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], label: str, kind: str
) -> str:
    """Lay out a table.

    Args:
        head: HTML of the column heads.
        rows: HTML of the cells; the first of each row is its head.
        label: What the table shows, plain text.
        kind: Its class in the style sheet.

    Returns:
        str: HTML.
    """
    cells = ''.join(f'<th scope="col">{name}</th>' for name in head)
    lines = [
        f'<tr><th scope="row">{row[0]}</th>'
        + ''.join(f'<td>{cell}</td>' for cell in row[1:])
        + '</tr>'
        for row in rows
    ]
    inner = (
        f'<table class="{kind}"><thead><tr>{cells}</tr></thead>'
        f'<tbody>{"".join(lines)}</tbody></table>'
    )
    return scroll(inner, label)


def stage_table(content: Content) -> str:
    """Table of the stages: what became of them, and their figures."""
    rows = []
    for stage in content.stages:
        figures = content.figures(stage)
        others = [
            f'{escape(name)} {value:g}'
            for name, value in stage.figures.items()
            if name not in _NOT_SHOWN
        ]
        rows.append(
            [
                escape(stage.name),
                f'<span class="state {stage.status.split()[0]}">'
                f'{escape(stage.status)}</span>',
                duration(stage),
                escape(measured_on(content, stage)),
                *(number(figures.get(key, math.nan)) for key in FIGURES),
                ', '.join(others) or '-',
            ]
        )
    head = ['stage', 'state', 'time', 'figures of', *FIGURES.values(), 'other']
    return table(head, rows, 'Stages and their figures', 'stages')


def measured_on(content: Content, stage: StageInfo) -> str:
    """Say which images the figures of a stage belong to."""
    if stage.status == 'off':
        return '-'
    if stage.tool == 'train.py':
        return 'validation' if stage.figures else '-'
    folder = stage.label_dir
    if folder is None:
        return '-'
    count = sum(1 for _ in folder.glob('*.png'))
    group = content.group_of(stage.name)
    whole = len(group.images.stems) if group else count
    return f'{count} images' if count >= whole else f'{count} of {whole}'


def duration(stage: StageInfo) -> str:
    """Write how long a stage took; + if it was stopped before."""
    if stage.seconds is None:
        return '-'
    return in_words(stage.seconds) + ('+' if stage.stopped_before else '')


def in_words(seconds: float) -> str:
    """Write a time: '34 s', '2 min 5 s', '3 h 20 min'."""
    seconds = round(seconds)
    if seconds < 60:
        return f'{seconds} s'
    if seconds < 3600:
        return f'{seconds // 60} min {seconds % 60} s'
    return f'{seconds // 3600} h {seconds % 3600 // 60} min'


def settings_table(content: Content) -> str:
    """Table of what each stage was made from."""
    rows = [
        [
            escape(stage.name),
            escape(stage.tool or '-'),
            escape(stage.config or '-').replace('/', '/<wbr>'),
            escape(', '.join(stage.upstream) or '-'),
            '-' if stage.seed is None else escape(str(stage.seed)),
            escape(', '.join(stage.settings()) or '-'),
        ]
        for stage in content.stages
        if stage.status != 'off'
    ]
    head = ['stage', 'tool', 'config', 'takes from', 'seed', 'settings']
    return table(head, rows, 'Settings of the stages', 'settings')


def class_table(
    names: Sequence[str],
    palette: Sequence[Sequence[int]],
    stages: Sequence[str],
    ious: Sequence[Sequence[float]],
    label: str,
) -> str:
    """Table of the IoU of each class after each stage, with bars.

    Args:
        names: Names of the C classes.
        palette: Their colours.
        stages: Names of the S stages.
        ious: (S, C) in percent, NaN for classes that do not occur.
        label: What the table shows, plain text.

    Returns:
        str: HTML.
    """
    rows = []
    for k, name in enumerate(names):
        values = [float(iou[k]) for iou in ious]
        rows.append(
            [swatch(palette[k]) + escape(name), *map(_bar, values)],
        )
    head = ['class', *map(escape, stages)]
    return table(head, rows, label, 'classes')


def _bar(value: float) -> str:
    length = value if math.isfinite(value) else 0
    return (
        f'{number(value)}<span class="bar">'
        f'<span style="width:{length:.1f}%"></span></span>'
    )
