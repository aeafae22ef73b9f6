"""The figures of a paper that a pipeline is compared with."""

from __future__ import annotations

from collections.abc import Mapping

from .identity import find_references
from .stage import Stage

_FIGURE = {'stage', 'what', 'before', 'after'}
_VARIANT = {'name', 'configs', 'figures', 'differs'}
_KEYS = {'name', 'method', 'figures', 'recipe', 'differs'}
# Settings by which a run stays the paper's: how it is spread over machines,
# its seed, and where its files are.
_SAME = {
    *('batch_size', 'num_workers', 'persistent_workers', 'pin_memory'),
    *('seed', 'data_root', 'checkpoint', 'labels', 'amp'),
}


def comparison(
    paper: Mapping | None,
    changed: Mapping[str, object],
    depends: Mapping[str, set[str]],
) -> list[str]:
    """Return what a run of a pipeline is compared with, one line each.

    Args:
        paper: ``paper`` of the pipeline's config, see
            ``configs/pipelines/README.md``; None if it stands for no paper.
        changed: What the run sets otherwise than the pipeline's file, by
            dotted key: ``use.ocr``, ``configs.segmentor`` ...
        depends: The beginnings of such keys by which each stage changes, see
            :func:`what_changes`.

    Returns:
        list[str]: Lines; none without ``paper``. A figure is left out if its
        stage is changed in a way that makes no row of the paper.

    Raises:
        ValueError: If a key is missing or unknown.
    """
    if paper is None:
        return []
    check_paper(paper)
    method = paper['method']
    without = changed.get(f'use.{method}') is False
    row, own = paper, set()
    for variant in paper.get('variants', []):
        configs = {f'configs.{k}': v for k, v in variant['configs'].items()}
        if configs.items() <= changed.items():
            row, own = variant, set(configs)
    if without:
        own.add(f'use.{method}')
    others = {
        k: '.'.join(k.split('.')[:2])
        for k in changed
        if k not in own and k.rsplit('.', 1)[-1] not in _SAME
    }
    lines, reasons = [], {}
    for figure in row['figures']:
        found = [
            k
            for k, part in others.items()
            if part.startswith('options.')
            or part in depends.get(figure['stage'], ())
        ]
        reasons |= dict.fromkeys(found)
        mine, other = figure['after'], figure['before']
        word = 'without'
        if without:
            mine, other, word = other, mine, 'with'
        if found or mine is None:
            continue
        beside = '' if other is None else f' ({word} {method} {other})'
        lines.append(
            f'compares with {row["name"]}: {figure["what"]} {mine}{beside}; '
            f'stage {figure["stage"]}'
        )
    if lines:
        return [*lines, f'differs from it: {row["differs"]}']
    because = ', '.join(f'{k}={changed[k]}' for k in reasons or own)
    return [
        f'compares with no figure of {row["name"]}, because of {because}; '
        'docs/results.md lists other rows of the papers'
    ]


def what_changes(
    stage: str, stages: Mapping[str, Stage], given: Mapping[str, Mapping]
) -> set[str]:
    """Return what changes a stage, or one that it reads from.

    Args:
        stage: Its name.
        stages: All stages, with references as they are written.
        given: Their settings in the pipeline's config.

    Returns:
        set[str]: Beginnings of options: ``stages.NAME``, ``use.SWITCH`` and
        ``configs.NAME``.
    """
    names, found = [stage], set()
    for name in names:
        when = given[name].get('when') or {}
        switches = {
            stages[name].method,
            *(s for w in when for s in w.split('+')),
        }
        configs = {
            part.get('config') for part in (given[name], *when.values())
        }
        found |= {f'stages.{name}'} | {f'use.{s}' for s in switches}
        found |= {f'configs.{c}' for c in configs}
        for reference in find_references(given[name]):
            if reference.stage in stages and reference.stage not in names:
                names.append(reference.stage)
    return found


def check_paper(paper: Mapping) -> None:
    """Check the keys of ``paper``.

    Args:
        paper: As for :func:`comparison`.

    Raises:
        ValueError: If a key is missing or unknown.
    """
    places = [('paper', paper, _KEYS)]
    for row in (paper, *paper.get('variants', [])):
        if row is not paper:
            places.append(('paper.variants', row, _VARIANT))
        figures = row.get('figures') or []
        places += [('paper.figures', figure, _FIGURE) for figure in figures]
    for where, found, known in places:
        if set(found) - {'variants'} != known:
            raise ValueError(
                f'{where} must have the keys {", ".join(sorted(known))}, got '
                f'{", ".join(sorted(found)) or "none"}'
            )
