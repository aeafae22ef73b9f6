"""The section of the trainings: curves of losses and validations."""

from __future__ import annotations

from html import escape

from .charts import line_chart
from .collect import Content
from .curves import Series
from .parts import figure, legend, line_mark, section, text


def curves_section(content: Content) -> str:
    """Losses and validation figures of the trainings."""
    parts = []
    for name, curves in content.curves.items():
        charts = []
        if curves.losses:
            charts.append(_chart(curves.losses, name, 'losses', 'iteration'))
        bounded, free = _split(curves.metrics)
        for series, bounds in ((bounded, (0, 100)), (free, None)):
            if series and max(map(len, series.values())) > 1:
                what = 'validation' + (', %' if bounds else '')
                charts.append(_chart(series, name, what, curves.unit, bounds))
        said = _last(curves.metrics, curves.unit)
        charts = f'<div class="charts">{"".join(charts)}</div>'
        parts.append(f'<h3>{escape(name)}</h3>{charts}{said}')
    if not parts:
        parts.append(text('No training has logged any figures.'))
    return section('Training', ''.join(parts))


def _chart(
    series: Series, stage: str, what: str, unit: str, bounds=None
) -> str:
    chart = line_chart(series, f'{stage}: {what}', unit, bounds)
    marks = ((line_mark(k), name) for k, name in enumerate(series))
    return figure(chart + legend(marks), what)


def _split(metrics: Series) -> tuple[Series, Series]:
    """Part the metrics in percent from others."""
    bounded: Series = {}
    free: Series = {}
    for name, points in metrics.items():
        inside = all(0 <= y <= 100 for _, y in points)
        percent = inside and 'loss' not in name.lower()
        (bounded if percent else free)[name] = points
    return bounded, free


def _last(metrics: Series, unit: str) -> str:
    if not metrics:
        return ''
    step = max(points[-1][0] for points in metrics.values())
    said = ', '.join(f'{n} {p[-1][1]:.4g}' for n, p in metrics.items())
    return text(f'Validation at {unit} {step:g}: {said}.')
