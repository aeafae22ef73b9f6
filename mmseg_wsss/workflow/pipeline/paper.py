"""The figures of a paper that a pipeline is compared with."""

from __future__ import annotations

from collections.abc import Mapping

_KEYS = {'name', 'method', 'figures', 'recipe', 'differs'}
_FIGURE = {'stage', 'what', 'before', 'after'}


def comparison(
    paper: Mapping | None,
    use: Mapping[str, bool],
    shipped: Mapping[str, bool],
    other_configs: Mapping[str, str],
) -> list[str]:
    """Return what a run of a pipeline is compared with, one line each.

    Args:
        paper: ``paper`` of the pipeline's config, see
            ``configs/pipelines/README.md``; None if it stands for no paper.
        use: The switches of this run.
        shipped: Those that the pipeline's file has.
        other_configs: Entries of ``configs`` that the file has otherwise.

    Returns:
        list[str]: Lines; none without ``paper``.

    Raises:
        ValueError: If a key is missing or unknown.
    """
    if paper is None:
        return []
    check_paper(paper)
    turned = sorted(k for k in use if use[k] != shipped.get(k, True))
    without = turned == [paper['method']] and not use[paper['method']]
    changed = [] if without else [f'{k}={use[k]}' for k in turned]
    changed += [f'configs.{k}={v}' for k, v in other_configs.items()]
    if changed:
        return [
            f'compares with no figure of {paper["name"]} that this pipeline '
            f'knows, because of {", ".join(changed)}; docs/results.md lists '
            'other rows of the papers'
        ]
    lines = []
    for figure in paper['figures']:
        mine, other = figure['after'], figure['before']
        word = 'without'
        if without:
            mine, other, word = other, mine, 'with'
        if mine is None:
            continue
        beside = (
            '' if other is None else f' ({word} {paper["method"]} {other})'
        )
        lines.append(
            f'compares with {paper["name"]}: {figure["what"]} {mine}{beside}; '
            f'stage {figure["stage"]}'
        )
    return [*lines, f'differs from it: {paper["differs"]}']


def check_paper(paper: Mapping) -> None:
    """Check the keys of ``paper``.

    Args:
        paper: As for :func:`comparison`.

    Raises:
        ValueError: If a key is missing or unknown.
    """
    places = [('paper', paper, _KEYS)]
    figures = paper.get('figures') or []
    places += [('paper.figures', figure, _FIGURE) for figure in figures]
    for where, found, known in places:
        if set(found) != known:
            raise ValueError(
                f'{where} must have the keys {", ".join(sorted(known))}, got '
                f'{", ".join(sorted(found)) or "none"}'
            )
