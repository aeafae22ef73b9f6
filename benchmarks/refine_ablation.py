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

# Pipelines with each network's walk.
WALKS = {
    'psa': {'psa': 'refine_pipeline'},
    'irn': {'irn': 'refine_pipeline', 'irn_crf': 'crf_pipeline'},
}
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
    """Create pseudo labels once; return their quality."""
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
) -> dict[str, dict]:
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
    checkpoint = newest_checkpoint(work_dir)
    results = {}
    for name, pipeline in WALKS[network].items():
        where = step_of(config, pipeline, 'LoadCAM')
        walk = step_of(config, pipeline, 'RandomWalk')
        results[name] = labels(
            config,
            folder / f'{name}_refined',
            folder,
            pipeline,
            f'{pipeline}.{where}.cam_dir={cams}',
            f'{pipeline}.{walk}.checkpoint={checkpoint}',
        )
    return results


def cams_of(data: str, folder: Path, seed: int) -> tuple[str, Path]:
    """Train the plain CAM network; its folder of CAMs and checkpoint."""
    config = f'configs/cam/cam_mobilenetv2_{data}.py'
    cam_dir = folder / 'cam'
    train(config, cam_dir, seed, ['mIoU'])
    start = newest_checkpoint(cam_dir)
    return str(pseudo_labels(config, cam_dir, '--tta') / 'cams'), start


def plain_labels(data: str, folder: Path, name: str, cams: str) -> dict:
    """Refine CAMs without a network: labels in folder / name."""
    pipeline = PLAIN[name]
    return labels(
        f'configs/crf/crf_{data}.py',
        folder / name,
        folder,
        pipeline,
        f'{pipeline}.2.cam_dir={cams}',
    )


def run(data: str, root: Path, seed: int) -> dict[str, dict]:
    """All refinements of one seed's CAMs."""
    folder = root / f'seed_{seed}'
    cams, start = cams_of(data, folder, seed)
    results = {}
    for name in PLAIN:
        results[name] = plain_labels(data, folder, name, cams)
        print(f'{name} seed {seed}: {results[name]}', file=sys.stderr)
    for network in WALKS:
        walked = refine_with(network, data, folder, seed, cams, start)
        for name, figures in walked.items():
            print(f'{name} seed {seed}: {figures}', file=sys.stderr)
        results.update(walked)
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
