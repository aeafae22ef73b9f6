"""Seeds, and what each refinement makes of them, over seeds.

    python benchmarks/refine_ablation.py scenes --seeds 0 1 2
    python benchmarks/refine_ablation.py voc-mini --seeds 0 1

For every random seed: trains the plain CAM network, writes the CAMs of the
training images (several scales and flips), and makes pseudo labels of them by
a threshold, DenseCRF, the local refiner, AffinityNet (PSA) and IRN, each
network trained on its own confident labels. Figures are mIoU, FP and FN of the
training images' pseudo labels. What is finished is kept in the work dir and
not repeated.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runs import (
    call,
    merge_results,
    newest_checkpoint,
    pseudo_labels,
    table,
    train,
)

NETWORKS = ('psa', 'irn')
# Refinements without a network: pipelines of configs/crf.
PLAIN = {
    'seed': 'seed_pipeline',
    'DenseCRF': 'refine_pipeline',
    'local': 'local_pipeline',
}
COLUMNS = {'mIoU': 'mIoU', 'FP': 'FP', 'FN': 'FN'}
SUMMARY = re.compile(
    r'pseudo labels of (\d+) images: mIoU ([\d.]+), FP ([\d.]+), FN ([\d.]+)'
)


def labels(
    config: str, out: Path, work_dir: Path, pipeline: str, *options: str
) -> dict:
    """Make pseudo labels, once; returns their quality."""
    log = out.with_suffix('.log')
    call(
        log,
        'make_pseudo_labels.py',
        config,
        '--pipeline',
        pipeline,
        '--out-dir',
        str(out),
        '--work-dir',
        str(work_dir),
        '--num-workers',
        '1',
        '--cfg-options',
        *options,
    )
    found = SUMMARY.search(log.read_text())
    return dict(zip(COLUMNS, map(float, found.groups()[1:]), strict=True))


def step_of(config: str, pipeline: str, kind: str) -> int:
    """Find the position of a refiner in a config's pipeline."""
    from mmseg_wsss.compat import load_config

    steps = [step['type'] for step in load_config(config)[pipeline]]
    return steps.index(f'mmseg_wsss.{kind}')


def refine_with(
    network: str, data: str, folder: Path, seed: int, cams: str, start: Path
) -> dict:
    """Train an affinity network on confident labels and walk with it."""
    config = f'configs/{network}/{network}_mobilenetv2_{data}.py'
    confident = folder / f'{network}_labels'
    where = step_of(config, 'label_pipeline', 'LoadCAM')
    quality = labels(
        config,
        confident,
        folder,
        'label_pipeline',
        f'label_pipeline.{where}.cam_dir={cams}',
    )
    print(f'{network} seed {seed} confident: {quality}', file=sys.stderr)
    work_dir = folder / network
    masks = 'train_dataloader.dataset.data_prefix.seg_map_path'
    options = [f'{masks}={confident}/labels']
    if data == 'scenes':
        options.append(f'load_from={start}')
    train(config, work_dir, seed, [], *options)
    where = step_of(config, 'refine_pipeline', 'LoadCAM')
    walk = step_of(config, 'refine_pipeline', 'RandomWalk')
    checkpoint = newest_checkpoint(work_dir)
    return labels(
        config,
        folder / f'{network}_refined',
        folder,
        'refine_pipeline',
        f'refine_pipeline.{where}.cam_dir={cams}',
        f'refine_pipeline.{walk}.checkpoint={checkpoint}',
    )


def run(data: str, root: Path, seed: int) -> dict[str, dict]:
    """All refinements of one seed's CAMs."""
    folder = root / f'seed_{seed}'
    cam_config = f'configs/cam/cam_mobilenetv2_{data}.py'
    cam_dir = folder / 'cam'
    train(cam_config, cam_dir, seed, ['mIoU'])
    start = newest_checkpoint(cam_dir)
    cams = str(pseudo_labels(cam_config, cam_dir, '--tta') / 'cams')
    config = f'configs/crf/crf_{data}.py'
    results = {}
    for name, pipeline in PLAIN.items():
        results[name] = labels(
            config,
            folder / name,
            folder,
            pipeline,
            f'{pipeline}.2.cam_dir={cams}',
        )
        print(f'{name} seed {seed}: {results[name]}', file=sys.stderr)
    for network in NETWORKS:
        results[network] = refine_with(
            network, data, folder, seed, cams, start
        )
        print(f'{network} seed {seed}: {results[network]}', file=sys.stderr)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', choices=['scenes', 'voc-mini'])
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument('--jobs', type=int, default=2, help='runs at a time')
    parser.add_argument('--work-dir', default='work_dirs/refine_ablation')
    args = parser.parse_args()
    root = Path(args.work_dir).resolve() / args.data
    with ThreadPoolExecutor(args.jobs) as pool:
        runs = pool.map(lambda seed: run(args.data, root, seed), args.seeds)
        results: dict[str, dict[str, dict]] = {}
        for seed, figures in zip(args.seeds, runs, strict=True):
            for variant, row in figures.items():
                results.setdefault(variant, {})[str(seed)] = row
    results = merge_results(root / 'results.json', results)
    print(table(results, COLUMNS))
    print(json.dumps(results, indent=1), file=sys.stderr)


if __name__ == '__main__':
    main()
