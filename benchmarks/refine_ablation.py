"""Seeds, and what each refinement makes of them, over seeds.

    python benchmarks/refine_ablation.py scenes --seeds 0 1 2
    python benchmarks/refine_ablation.py voc-mini --seeds 0 1

For every random seed: trains the plain CAM network, writes the CAMs of the
training images (several scales and flips), and makes pseudo labels of them by
a threshold, DenseCRF, the local refiner, AffinityNet (PSA) and IRN, each
network trained on its own confident labels, and IRN with a DenseCRF behind
it. Figures are mIoU, FP and FN of the training images' pseudo labels. What is
finished is kept in the work dir and not repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from refinements import (
    COLUMNS,
    PLAIN,
    cams_of,
    plain_labels,
    train_affinity,
    walk,
)
from runs import add_run_arguments, merge_seeds, table

# Pipelines with each network's walk.
WALKS = {
    'psa': {'psa': 'refine_pipeline'},
    'irn': {'irn': 'refine_pipeline', 'irn_crf': 'crf_pipeline'},
}


def run(data: str, root: Path, seed: int) -> dict[str, dict]:
    """All refinements of one seed's CAMs."""
    folder = root / f'seed_{seed}'
    cams, start = cams_of(data, folder, seed)
    results = {}
    for name in PLAIN:
        results[name] = plain_labels(data, folder, name, cams)
        print(f'{name} seed {seed}: {results[name]}', file=sys.stderr)
    for network, walks in WALKS.items():
        checkpoint = train_affinity(network, data, folder, seed, cams, start)
        for name, pipeline in walks.items():
            out = folder / f'{name}_refined'
            found = walk(network, data, out, pipeline, cams, checkpoint)
            print(f'{name} seed {seed}: {found}', file=sys.stderr)
            results[name] = found
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_run_arguments(parser, 'refine_ablation')
    args = parser.parse_args()
    root = Path(args.work_dir).resolve() / args.data
    with ThreadPoolExecutor(args.jobs) as pool:
        runs = pool.map(lambda seed: run(args.data, root, seed), args.seeds)
        results = merge_seeds(root / 'results.json', args.seeds, runs)
    print(table(results, COLUMNS))
    print(json.dumps(results, indent=1), file=sys.stderr)


if __name__ == '__main__':
    main()
