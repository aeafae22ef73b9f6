"""A second round of IRN, and seeds of ISL + FSL: do better labels help it?

    python benchmarks/irn_rounds.py voc-mini --seeds 0 1 2
    python benchmarks/irn_rounds.py scenes --seeds 0 1 2

IRN's boundary network learns from the confident parts of seeds. In the second
round it is trained again, on the confident parts of what the first round's
walk gave; it then walks from the same seeds. "true masks" trains it on ground
truth and walks from the seeds too: the mark that boundaries alone can reach,
no method. Figures are those of the training images' labels, "with DenseCRF"
after the walk. Seeds and first round of plain CAMs are refine_ablation.py's
(what is in its work dir is not made again).
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from refinements import (
    COLUMNS,
    TRUE_MASKS,
    cams_of,
    plain_labels,
    train_affinity,
    train_on,
    walk,
)
from runs import add_run_arguments, merge_seeds, table

SEEDS = {'CAM': 'cam', 'ISL + FSL': 'isl-fsl'}
WITH_CRF = {**COLUMNS, 'crf': 'mIoU with DenseCRF'}


def rounds(
    data: str, folder: Path, true: Path, seed: int, cams: str, start: Path
) -> dict[str, dict]:
    """Two rounds, and a walk along true boundaries, from one seed's CAMs."""
    common = 'irn', data
    results = {}

    def walked(name: str, checkpoint: Path) -> None:
        out = folder / name.replace(' ', '_')
        given = dict(cams=cams, checkpoint=checkpoint)
        plain = walk(
            *common, out, 'refine_pipeline', **given, save_scores=True
        )
        crf = out.with_name(f'{out.name}_crf')
        found = walk(*common, crf, 'crf_pipeline', **given)
        results[name] = {**plain, 'crf': found['mIoU']}
        print(f'{folder} {name}: {results[name]}', file=sys.stderr)

    plain = plain_labels(data, folder, 'seed', cams)
    crf = plain_labels(data, folder, 'DenseCRF', cams)
    results['seed'] = {**plain, 'crf': crf['mIoU']}
    walked('first round', train_affinity(*common, folder, seed, cams, start))
    scores = str(folder / 'first_round' / 'cams')
    again = folder / 'again'
    walked('second round', train_affinity(*common, again, seed, scores, start))
    masks = TRUE_MASKS[data]
    walked('true masks', train_on(*common, true, seed, masks, start))
    return results


def run(
    data: str, root: Path, seed_dir: Path, seed: int, only: list[str]
) -> dict[str, dict]:
    """All rows of one random seed."""
    plain = seed_dir / data / f'seed_{seed}'
    plain_cams, start = cams_of(data, plain, seed)
    results = {}
    for title in only:
        folder, cams = plain, plain_cams
        if title != 'CAM':
            folder = root / f'seed_{seed}'
            first = [f'load_from={start}'] if data == 'scenes' else []
            cams, _ = cams_of(data, folder, seed, SEEDS[title], *first)
        rows = rounds(data, folder, plain / 'true', seed, cams, start)
        results |= {f'{title}, {name}': row for name, row in rows.items()}
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_run_arguments(parser, 'irn_rounds', SEEDS, at_a_time='seeds')
    parser.add_argument('--seed-dir', default='work_dirs/refine_ablation')
    args = parser.parse_args()
    root = Path(args.work_dir).resolve() / args.data
    seed_dir = Path(args.seed_dir).resolve()
    only = args.only or list(SEEDS)
    with ThreadPoolExecutor(args.jobs) as pool:
        found = pool.map(
            lambda s: run(args.data, root, seed_dir, s, only), args.seeds
        )
        results = merge_seeds(root / 'results.json', args.seeds, found)
    print(table(results, WITH_CRF))


if __name__ == '__main__':
    main()
