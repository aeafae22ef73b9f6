"""The figures of a paper that a pipeline is compared with."""

from __future__ import annotations

from collections.abc import Mapping

from .identity import find_references
from .stage import Stage

_FIGURE = {'stage', 'what', 'before', 'after'}
_VARIANT = {'name', 'configs', 'figures', 'differs'}
_KEYS = {'name', 'method', 'figures', 'recipe', 'differs'}
# Settings by which a run stays the paper's: how it is spread over machines,
# its seed, and where its data are.
_SAME = {
    *('batch_size', 'num_workers', 'persistent_workers', 'pin_memory'),
    *('seed', 'data_root', 'amp'),
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
    row, own = _row(paper, changed)
    figures = [(row['name'], figure) for figure in row['figures']]
    if own:  # the paper's of stages that the variant does not touch
        figures += [
            (paper['name'], figure)
            for figure in paper['figures']
            if own.isdisjoint(depends.get(figure['stage'], ()))
        ]
    if without:
        own.add(f'use.{method}')
    others = [
        key
        for key in changed
        if key not in own and key.rsplit('.', 1)[-1] not in _SAME
    ]
    lines, reasons = [], {}
    for name, figure in figures:
        touching = [
            key
            for key in others
            if key.startswith('options.')
            or '.'.join(key.split('.')[:2]) in depends[figure['stage']]
        ]
        reasons |= dict.fromkeys(touching)
        line = _compare(figure, method, without)
        if line and not touching:
            lines.append(f'compares with {name}: {line}')
    if lines:
        return [*lines, f'differs from it: {row["differs"]}']
    because = [f'{key}={changed[key]}' for key in reasons or sorted(own)]
    return [
        f'compares with no figure of {row["name"]}, because of '
        f'{", ".join(because)}; docs/results.md lists other rows of the papers'
    ]


def _row(
    paper: Mapping, changed: Mapping[str, object]
) -> tuple[Mapping, set[str]]:
    """Return the paper's row that other configs make, and these configs."""
    for variant in paper.get('variants', []):
        configs = {f'configs.{k}': v for k, v in variant['configs'].items()}
        if configs.items() <= changed.items():
            return variant, set(configs)
    return paper, set()


def _compare(figure: Mapping, method: str, without: bool) -> str:
    """Return a figure with the one beside it; nothing if there is none."""
    mine, other, word = figure['after'], figure['before'], 'without'
    if without:
        mine, other, word = other, mine, 'with'
    if mine is None:
        return ''
    beside = '' if other is None else f' ({word} {method} {other})'
    return f'{figure["what"]} {mine}{beside}; stage {figure["stage"]}'


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
    variants = paper.get('variants', [])
    rest = {k: v for k, v in paper.items() if k != 'variants'}
    places = [('paper', rest, _KEYS)]
    places += [('paper.variants', row, _VARIANT) for row in variants]
    places += [
        ('paper.figures', figure, _FIGURE)
        for row in (paper, *variants)
        for figure in row.get('figures') or ()
    ]
    for where, found, known in places:
        if set(found) != known:
            raise ValueError(
                f'{where} must have the keys {", ".join(sorted(known))}, got '
                f'{", ".join(sorted(found)) or "none"}'
            )
