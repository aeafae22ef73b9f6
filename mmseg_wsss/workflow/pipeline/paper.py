"""The figures of a paper that a pipeline is compared with."""

from __future__ import annotations

from collections.abc import Mapping

_FIGURE = {'stage', 'what', 'before', 'after'}
_VARIANT = {'name', 'configs', 'figures', 'differs'}
_KEYS = {'name', 'method', 'figures', 'recipe', 'differs'}


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
    method = paper['method']
    turned = sorted(k for k in use if use[k] != shipped.get(k, True))
    without = turned == [method] and not use[method]
    row = row_of(paper, other_configs)
    if row is None or (turned and not without):
        changed = [] if without else [f'{k}={use[k]}' for k in turned]
        changed += [f'configs.{k}={v}' for k, v in other_configs.items()]
        return [
            f'compares with no figure of {paper["name"]} that this pipeline '
            f'knows, because of {", ".join(changed)}; docs/results.md lists '
            'other rows of the papers'
        ]
    lines = []
    for figure in row['figures']:
        mine, other = figure['after'], figure['before']
        word = 'without'
        if without:
            mine, other, word = other, mine, 'with'
        if mine is None:
            continue
        beside = '' if other is None else f' ({word} {method} {other})'
        lines.append(
            f'compares with {row["name"]}: {figure["what"]} {mine}{beside}; '
            f'stage {figure["stage"]}'
        )
    return [*lines, f'differs from it: {row["differs"]}']


def row_of(paper: Mapping, configs: Mapping[str, str]) -> Mapping | None:
    """Return the row of a paper that a run with other configs stands for.

    Args:
        paper: As for :func:`comparison`.
        configs: Entries of ``configs`` that the pipeline's file has otherwise.

    Returns:
        Mapping | None: ``paper`` itself without such entries, one of its
        ``variants`` with exactly these, or None.
    """
    if not configs:
        return paper
    rows = paper.get('variants', [])
    rows = [row for row in rows if row['configs'] == dict(configs)]
    return rows[0] if rows else None


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
