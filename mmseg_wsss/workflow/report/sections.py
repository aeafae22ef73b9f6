"""Charts and tables of the report, as data for its template."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from markupsafe import Markup

from ...datasets.label_files.load import cooccurrence
from .charts import heat_map, line_chart, stacked_bars
from .collect import Content, Group
from .curves import Series
from .measure import Measured

# The switch of the stages that train on true masks.
FULL = 'full'


def shares_chart(content: Content) -> Markup | None:
    """Draw mIoU, FP and FN of the stages that wrote label maps."""
    rows = []
    for stage in content.stages:
        # All three from one source: measured here, or else logged there.
        figures = content.measured_figures(stage) or stage.figures
        if stage.label_dir and {'mIoU', 'FP', 'FN'} <= set(figures):
            shares = [figures[key] for key in ('mIoU', 'FP', 'FN')]
            rows.append((stage.name, shares))
    return stacked_bars(rows) if rows else None


def full_shares(content: Content) -> dict[str, float]:
    """Compute weak / full: the mIoU of segmentors in percent of an upper mark.

    Returns:
        dict[str, float]: By stage, of those tested on the same images as the
        segmentor that was trained on true masks; empty if there is none.
    """
    for group in content.groups:
        miou = {
            stage.name: content.figures(stage)['mIoU']
            for stage in group.stages
            if stage.predicts and content.figures(stage).get('mIoU')
        }
        for stage in group.stages:
            if stage.method == FULL and stage.name in miou:
                full = miou.pop(stage.name)
                return {name: 100 * weak / full for name, weak in miou.items()}
    return {}


def class_tables(
    content: Content,
) -> Iterator[tuple[Group, dict[str, Measured], list]]:
    """Yield the IoU of each class after each stage, by group of images.

    Yields:
        tuple: Group, measured stages by name, and rows (name, colour, IoUs
        in percent) of the classes.
    """
    for group in content.groups:
        measured = {s: m for s, m in group.measured.items() if m.images}
        if measured:
            ious = np.stack([m.rates()[0] for m in measured.values()], 1)
            images = group.images
            rows = list(
                zip(images.classes, images.palette, ious.tolist(), strict=True)
            )
            yield group, measured, rows


def confusion_matrix(content: Content) -> dict | None:
    """Draw the confusion of the last segmentor, or else of the last labels.

    Returns:
        dict | None: Title, chart, stage, number of images; None without
        masks.
    """
    order = [stage.name for stage in content.stages]
    found = [
        (stage.predicts, order.index(stage.name), group)
        for group in content.groups
        for stage in group.stages
        if stage.name in group.measured and group.measured[stage.name].images
    ]
    if not found:
        return None
    _, place, group = max(found, key=lambda item: item[:2])
    measured, names = group.measured[order[place]], group.images.classes
    counts = measured.confusion
    columns = [*names, 'no class'] if counts[:, -1].any() else names
    with np.errstate(invalid='ignore'):
        shares = counts[:, : len(columns)] / counts.sum(1, keepdims=True)
    # Nothing is written into cells of less than half a percent.
    texts = [
        [f'{100 * x:.0f}' if x >= 0.005 else '' for x in s] for s in shares
    ]
    title = f'Confusion of {order[place]}'
    chart = heat_map(shares, texts, names, columns, title)
    return {
        'title': title,
        'chart': chart,
        'stage': order[place],
        'images': measured.images,
    }


def label_matrix(content: Content) -> dict | None:
    """Draw how often classes occur together in the first image labels.

    Returns:
        dict | None: Title, chart, stages, number of images with labels and
        of those with a ``single`` class; None without image labels.
    """
    for group in content.groups:
        images = group.images
        rows = map(images.candidates, images.stems)
        rows = [row for row in rows if row is not None]
        if not rows:
            continue
        classes = range(len(images.classes))
        kept = [k for k in classes if k != images.background]
        names = [images.classes[k] for k in kept]
        labels = np.stack(rows)[:, kept]
        counts = cooccurrence(labels)
        with np.errstate(invalid='ignore'):
            shares = counts / np.diag(counts)[:, None]
        texts = [[str(n) if n else '' for n in row] for row in counts]
        title = 'Images in which two classes occur together'
        chart = heat_map(shares, texts, names, names, title)
        return {
            'title': title,
            'chart': chart,
            'stages': group.names,
            'images': len(labels),
            'single': int((labels.sum(1) == 1).sum()),
        }
    return None


def training_charts(content: Content) -> dict[str, list[tuple[str, Markup]]]:
    """Draw losses and validation figures: title and chart, by stage."""
    charts: dict[str, list] = {}
    for name, curves in content.curves.items():
        drawn = charts.setdefault(name, [])
        percent, other = _split(curves.metrics)
        for series, title, unit, bounds in (
            (curves.losses, 'losses', 'iteration', None),
            (percent, 'validation, %', curves.unit, (0, 100)),
            (other, 'validation', curves.unit, None),
        ):
            least = 1 if title == 'losses' else 2
            if max(map(len, series.values()), default=0) >= least:
                label = f'{name}: {title}'
                chart = line_chart(series, label, unit, bounds)
                drawn.append((title, chart))
    return charts


def _split(metrics: Series) -> tuple[Series, Series]:
    """Separate metrics in percent from others."""
    percent: Series = {}
    other: Series = {}
    for name, points in metrics.items():
        inside = all(0 <= y <= 100 for _, y in points)
        chosen = percent if inside and 'loss' not in name.lower() else other
        chosen[name] = points
    return percent, other
