"""Sections of the report: stages, classes, confusion, labels, settings."""

from __future__ import annotations

from html import escape

import numpy as np

from ...datasets.label_files.load import cooccurrence
from .charts import BAR_COLOURS, stacked_bars
from .collect import Content, foreground_labels
from .heat_map import heat_map
from .parts import (
    NO_MASKS,
    figure,
    legend,
    names_of,
    scroll,
    section,
    swatch,
    text,
)
from .stages import StageInfo
from .tables import class_table, settings_table, stage_table

_SHARES = {'mIoU': 'right (mIoU)', 'FP': 'false (FP)', 'FN': 'missed (FN)'}


def stages_section(content: Content) -> str:
    """Table of the stages, and what was said by those that were stopped."""
    parts = [stage_table(content)]
    rows = [
        (stage.name, [figures[key] for key in _SHARES])
        for stage in content.stages
        if stage.label_dir is not None
        and set(_SHARES) <= set(figures := _one_source(content, stage))
    ]
    if rows:
        chart = stacked_bars(rows, 'mIoU, FP and FN of the label stages')
        words = "Of the classes' unions, in percent, mean over the classes."
        marks = map(swatch, BAR_COLOURS)
        key = legend(zip(marks, _SHARES.values(), strict=True))
        parts.append(figure(chart + key, words))
    parts.append(text(_explain(content)))
    for stage in content.stages:
        if stage.status == 'stopped':
            parts.append(_stopped(stage))
    return section('Stages', ''.join(parts))


def classes_section(content: Content) -> str:
    """IoU of each class after each stage."""
    parts = []
    for group in content.groups:
        measured = [(s, m) for s, m in group.measured.items() if m.images]
        if not measured:
            continue
        images = group.images
        count = max(found.images for _, found in measured)
        rows = class_table(
            images.classes,
            images.palette,
            [name for name, _ in measured],
            [found.rates()[0] for _, found in measured],
            f'IoU of the classes, {names_of(group)}',
        )
        parts.append(f'<div><h3>{count} images</h3>{rows}</div>')
    inner = f'<div class="beside">{"".join(parts)}</div>'
    title = 'Classes: IoU in percent'
    return section(title, inner if parts else text(NO_MASKS))


def confusion_section(content: Content) -> str:
    """Confusion matrix of the last segmentor, or else of the last labels."""
    found = [
        (stage, group.images, group.measured[stage.name])
        for group in content.groups
        for stage in group.stages
        if stage.name in group.measured and group.measured[stage.name].images
    ]
    if not found:
        return section('Confusion', text(NO_MASKS))
    order = [stage.name for stage in content.stages]
    stage, images, measured = max(
        found, key=lambda f: (f[0].predicts, order.index(f[0].name))
    )
    counts = measured.confusion.astype(float)
    columns = list(images.classes)
    if counts[:, -1].any():
        columns.append('no class')
    counts = counts[:, : len(columns)]
    total = measured.confusion.sum(1, keepdims=True)
    with np.errstate(invalid='ignore'):
        shares = counts / total
    texts = [[_percent(share) for share in row] for row in shares]
    title = f'Confusion of {stage.name}'
    chart = heat_map(shares, texts, images.classes, columns, title)
    words = (
        f'{stage.name}, {measured.images} images. Rows: the true class; '
        'columns: what its pixels were taken for, in percent of the row.'
    )
    return section('Confusion', figure(scroll(chart, title), words))


def labels_section(content: Content) -> str:
    """Heat map of the classes that occur together."""
    for group in content.groups:
        found = foreground_labels(group.images)
        if found is None:
            continue
        names, labels = found
        counts, single = cooccurrence(labels), (labels.sum(1) == 1).sum()
        with np.errstate(invalid='ignore'):
            shares = counts / np.diag(counts)[:, None]
        texts = [[str(n) if n else '' for n in row] for row in counts]
        title = 'Images in which two classes occur together'
        chart = heat_map(shares, texts, names, names, title)
        words = (
            f'Image labels of {len(group.images.stems)} images '
            f'({names_of(group)}): how many have both the class of the row '
            "and that of the column; shaded by its share of the row's class. "
            f'{single} images have one class only.'
        )
        return section('Image labels', figure(scroll(chart, title), words))
    return section('Image labels', text('No image labels could be read.'))


def settings_section(content: Content) -> str:
    """What the stages were made from."""
    configs = [
        f'<details><summary>{escape(stage.name)}: the whole config</summary>'
        f'<pre tabindex="0">{escape(whole, False)}</pre></details>'
        for stage in content.stages
        if (whole := stage.config_text())
    ]
    return section('Settings', settings_table(content) + ''.join(configs))


def _explain(content: Content) -> str:
    words = (
        "Figures in percent: those of the stage's own log and, where that "
        'has none, those measured for this report. FP and FN are shares of '
        "the classes' unions, F the quality of the contours, OC rate the "
        'share of images with a pixel of a class that is not among their '
        'labels. A + behind a time: the stage was stopped and went on; it '
        'is the time of its last run.'
    )
    for group in content.groups:
        if group.compared < len(group.images.stems):
            words += (
                f' Measured on {group.compared} of the '
                f'{len(group.images.stems)} images of {names_of(group)}, '
                'drawn at random.'
            )
    return words


def _one_source(content: Content, stage: StageInfo) -> dict[str, float]:
    """Figures that were measured together: ours, or else the stage's own."""
    group = content.group_of(stage.name)
    found = group and group.measured.get(stage.name)
    return (found.figures() if found else {}) or stage.figures


def _stopped(stage: StageInfo) -> str:
    tail = '\n'.join(stage.log_tail)
    log = f'<pre tabindex="0">{escape(tail)}</pre>' if tail else ''
    return (
        f'<div class="failed"><h3>{escape(stage.name)} did not finish</h3>'
        f'{text("The end of its log; the same command goes on there.")}{log}'
        '</div>'
    )


def _percent(share: float) -> str:
    """Write a share in percent; '' for less than half a percent."""
    return f'{100 * share:.0f}' if share >= 0.005 else ''
