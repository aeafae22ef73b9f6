"""What a pipeline has made: a table, and a file for the report."""

from __future__ import annotations

from ...version import __version__
from .log_lines import format_figures
from .plan import Plan
from .record import DONE, read_record, write_record

FILE = 'pipeline.json'


def write_summary(plan: Plan) -> dict:
    """Write ``pipeline.json``: the stages in their order, and their records.

    Args:
        plan: The pipeline.

    Returns:
        dict: ``name``, ``version`` and ``stages``, a list of dicts: ``name``,
        ``tool``, ``method``, ``on``, ``config`` (path), ``upstream`` (names),
        ``settings``, and ``record``, the content of the stage's
        ``stage.json``, None where it is not finished.
    """
    content = {
        'name': plan.name,
        'version': __version__,
        'stages': [
            {
                'name': stage.name,
                'tool': stage.kind.tool,
                'method': stage.method,
                'on': stage.on,
                'config': stage.config,
                'upstream': plan.upstream(stage),
                'settings': stage.settings,
                'record': read_record(plan.folder(stage.name), DONE)
                if stage.on
                else None,
            }
            for stage in plan.stages.values()
        ],
    }
    write_record(plan.work_dir, FILE, content)
    return content


def table(content: dict) -> str:
    """Lay out the stages: seconds, what came out, figures.

    Args:
        content: What :func:`write_summary` returned.

    Returns:
        str: Lines of text. A + behind the seconds: the stage was stopped and
        went on; the seconds are those of its last part.
    """
    rows = [('stage', 'seconds', 'made', 'figures')]
    for stage in content['stages']:
        record = stage['record']
        if record is None:
            rows.append((stage['name'], 'off' if not stage['on'] else '-'))
            continue
        seconds = f'{record["seconds"]:.0f}'
        made = [
            f'{out["files"]} {name}' if out['files'] > 1 else out['path']
            for name, out in record['outputs'].items()
        ]
        rows.append(
            (
                stage['name'],
                seconds + ('+' if record['stopped_before'] else ''),
                ', '.join(made),
                format_figures(record['figures']),
            )
        )
    rows = [(*row, *[''] * (4 - len(row))) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return '\n'.join(
        f'{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  '
        f'{row[2]:<{widths[2]}}  {row[3]}'.rstrip()
        for row in rows
    )
