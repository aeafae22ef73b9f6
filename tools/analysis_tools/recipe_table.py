r"""Print what each stage of a pipeline does, beside the paper it stands for.

    python tools/analysis_tools/recipe_table.py
    python tools/analysis_tools/recipe_table.py configs/pipelines/voc12_hfpl.py
    python tools/analysis_tools/recipe_table.py --papers

One table in Markdown for each pipeline: network, crop, schedule, rates, test
and images of every stage as its config resolves, what changes where a switch
is turned, and what the paper has. Without arguments: the pipelines for VOC and
COCO. --papers prints one table of the papers' figures instead, with the
command for each.
"""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

from mmseg_wsss.compat import load_config
from mmseg_wsss.jobs.command_line import exit_on_error
from mmseg_wsss.workflow.pipeline import read_plan
from mmseg_wsss.workflow.pipeline.recipe import stage_recipe

PIPELINES = Path(__file__).resolve().parents[2] / 'configs' / 'pipelines'
SAME, OFF = '=', 'off'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        'pipelines', nargs='*', type=Path, help='configs of pipelines'
    )
    parser.add_argument(
        '--papers',
        action='store_true',
        help="the papers' figures, the command for each, and what differs",
    )
    return parser.parse_args()


def published() -> list[Path]:
    """List the pipelines for VOC and COCO, those of a method together."""
    names = ('voc12_*.py', 'coco14_*.py', 'all_voc12.py')
    paths = [path for name in names for path in PIPELINES.glob(name)]
    return sorted(paths, key=lambda path: path.stem.split('_')[::-1])


def recipes(path: Path, **use: bool) -> dict[str, dict[str, str]]:
    """Return the settings of a pipeline's stages with some switches set."""
    plan = read_plan(path, {f'use.{k}': v for k, v in use.items()})
    return {stage.name: stage_recipe(plan, stage) for stage in plan.on}


def table(path: Path) -> str:
    """Return the table of a pipeline."""
    cfg = load_config(path)
    use, paper = dict(cfg.get('use') or {}), cfg.get('paper')
    ours = recipes(path)
    turned = {
        f'{k} {"off" if on else "on"}': recipes(path, **{k: not on})
        for k, on in use.items()
    }
    header = ['stage', 'setting', 'as it is', *turned]
    title = f'## {path.stem}'
    if paper:
        header.append('paper')
        title += f': {paper.name}'
    rows = [header, ['---'] * len(header)]
    for name in dict.fromkeys(
        [*ours, *(n for r in turned.values() for n in r)]
    ):
        found = [ours.get(name), *(r.get(name) for r in turned.values())]
        theirs = (paper or {}).get('recipe', {}).get(name, {})
        keys = dict.fromkeys(k for part in found if part for k in part)
        for key in [*keys, *(k for k in theirs if k not in keys)]:
            cells = cells_of(key, found)
            if paper:
                cells.append(theirs.get(key, ''))
            rows.append([name, key, *cells])
    lines = ['| ' + ' | '.join(map(escape, row)) + ' |' for row in rows]
    if paper:
        lines += ['', f'Differs from the paper: {paper.differs}.']
    return '\n'.join([title, '', *lines, ''])


def papers_table(paths: list[Path]) -> str:
    """Return a table of the figures that the pipelines stand for."""
    header = ['paper', 'figure', 'before', 'with the method', 'run']
    rows = [[*header, 'differs from the paper']]
    rows.append(['---'] * len(rows[0]))
    for path in paths:
        paper = load_config(path).get('paper')
        if paper is None:
            continue
        for row in (paper, *paper.get('variants', [])):
            ends = [command(path, row), row.differs]
            for figure in row.figures:
                before = '-' if figure.before is None else str(figure.before)
                words = [row.name, figure.what, before, str(figure.after)]
                rows.append([*words, *ends])
                ends = ['the same', 'the same']
    return '\n'.join(
        '| ' + ' | '.join(map(escape, row)) + ' |' for row in rows
    )


def command(path: Path, row: Mapping) -> str:
    """Return the command line of a row of a paper."""
    words = f'python tools/run_pipeline.py configs/pipelines/{path.name}'
    options = [f'configs.{k}={v}' for k, v in row.get('configs', {}).items()]
    if options:
        words += ' --cfg-options ' + ' '.join(options)
    return f'`{words}`'


def cells_of(key: str, found: list[dict | None]) -> list[str]:
    """Return a setting in each column: as it is, then what changes."""
    first, *others = (OFF if p is None else p.get(key, '') for p in found)
    return [first, *(SAME if cell == first else cell for cell in others)]


def escape(cell: str) -> str:
    return re.sub(r'([|<])', r'\\\1', cell)


def main() -> None:
    args = parse_args()
    paths = args.pipelines or published()
    with exit_on_error():
        if args.papers:
            print(papers_table(paths))
            return
        for path in paths:
            print(table(path))


if __name__ == '__main__':
    main()
