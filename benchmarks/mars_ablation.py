"""MARS on the scenes or on voc_mini: labels and segmentors over seeds.

    python benchmarks/mars_ablation.py scenes --seeds 0 1 2
    python benchmarks/mars_ablation.py voc-mini --seeds 0 1

For each seed the pseudo labels are refine_ablation.py's DenseCRF ones (what
is in its work dir is not made again). Two tables: the pseudo labels of the
training images before and after debiasing, biased pixels counted as not
predicted, and the share of target centroids; and segmentors trained on them,
on the validation images. FP and FN are means over the foreground, as in MARS's
Table 6; mIoU is over all classes. On the scenes segmentors start from the CAM
network of their seed, as there are no ImageNet weights for drawings: from
scratch ten epochs leave out whole classes. What is finished is kept in the
work dir and not repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from refinements import (
    RATES,
    cams_of,
    foreground_rates,
    labels,
    plain_labels,
    step_of,
)
from runs import add_run_arguments, call, merge_seeds, table, train

LABEL_COLUMNS = {**RATES, 'target': 'target centroids %'}
COLUMNS = {**RATES, 'seconds': 'seconds'}
METRICS = ['mIoU', 'FP', 'FN']
MASKS = 'train_dataloader.dataset.data_prefix.seg_map_path'
HOOK = 'custom_hooks.3'
# Configuration, whether it learns from debiased labels, and options.
SEGMENTORS = {
    'plain': ('ocr/ce', False, ()),
    'ignored': ('mars/mars-ignored', True, ()),
    'completed': ('mars/mars', True, (f'{HOOK}.weighted=False',)),
    'WCE': ('mars/mars', True, ()),
    'WCE + OCR': ('mars/mars-ocr', True, ()),
}
# Settings of all segmentors.
FOREGROUND = 'val_evaluator.2.skip_background=True'
SETTINGS = {
    'scenes': (
        'train_cfg.max_epochs=6',
        'train_cfg.val_interval=6',
        'param_scheduler.0.total_steps=6',
        FOREGROUND,
    ),
    'voc-mini': (FOREGROUND,),
}


def features(data: str, root: Path) -> Path:
    """Extract the features once; they do not depend on the seed."""
    out = root / 'extracted'
    call(
        root / 'features.log',
        'extract_features.py',
        f'configs/mars/debias_{data}.py',
        *('--out-dir', str(out), '--work-dir', str(root)),
    )
    return out / 'features'


def pipeline_options(data: str, pipeline: str, **values: Path) -> list[str]:
    """Return where a pipeline of the config finds its files."""
    config = f'configs/mars/debias_{data}.py'
    steps = {
        'label_dir': 'LoadPseudoLabel',
        'feature_dir': 'LoadFeatures',
        'centroids': 'MARSDebias',
    }
    return [
        f'{pipeline}.{step_of(config, pipeline, steps[key])}.{key}={value}'
        for key, value in values.items()
    ]


def debias(data: str, folder: Path, before: Path, feature_dir: Path) -> dict:
    """Select centroids and debias labels; the labels' quality."""
    config = f'configs/mars/debias_{data}.py'
    name = 'centroid_pipeline'
    inputs = dict(label_dir=before, feature_dir=feature_dir)
    settings = pipeline_options(data, name, **inputs)
    common = ('--work-dir', str(folder), '--num-workers', '1')
    call(
        folder / 'centroids.log',
        'make_centroids.py',
        config,
        *('--out-dir', str(folder), *common),
        *('--cfg-options', *settings),
    )
    shares = folder / 'targets.json'
    if not shares.is_file():
        call(
            folder / 'targets.log',
            'analysis_tools/eval_centroids.py',
            config,
            *('--out', str(shares), '--work-dir', str(folder)),
            *('--cfg-options', *settings),
        )
    name = 'debias_pipeline'
    settings = pipeline_options(
        data, name, **inputs, centroids=folder / 'centroids.npz'
    )
    labels(config, folder / 'debiased', folder, name, *settings)
    target = json.loads(shares.read_text())['mean']
    return {
        **foreground_rates(config, folder / 'debiased' / 'labels'),
        'target': target['selected'],
        'all': target['all'],
    }


def segment(
    data: str, folder: Path, before: Path, start: Path, seed: int, name: str
) -> dict:
    """Train a segmentor; figures of the validation images."""
    config, debiased, options = SEGMENTORS[name]
    where = folder / 'mars' / 'debiased' / 'labels' if debiased else before
    options = (*options, *SETTINGS[data])
    if data == 'scenes':
        options = (*options, f'load_from={start}')
    figures = train(
        f'configs/{config}_mobilenetv2_{data}.py',
        folder / 'segmentors' / name.replace(' ', ''),
        seed,
        METRICS,
        f'{MASKS}={where}',
        *options,
    )
    for rate in ('FP', 'FN'):
        figures[f'foreground_{rate}'] = figures.pop(rate)
    return figures


def run(
    args: argparse.Namespace, root: Path, feature_dir: Path, seed: int
) -> dict[str, dict[str, dict]]:
    """Labels and segmentors of one seed, as {table: {row: figures}}."""
    seeds = Path(args.seed_dir).resolve() / args.data / f'seed_{seed}'
    cams, start = cams_of(args.data, seeds, seed)
    plain_labels(args.data, seeds, 'DenseCRF', cams)
    before = seeds / 'DenseCRF' / 'labels'
    quality = foreground_rates(f'configs/crf/crf_{args.data}.py', before)
    folder = root / f'seed_{seed}'

    after = debias(args.data, folder / 'mars', before, feature_dir)
    print(f'seed {seed} debiased: {after}', file=sys.stderr)
    segmentors = {}
    for name in args.only or SEGMENTORS:
        figures = segment(args.data, folder, before, start, seed, name)
        print(f'seed {seed} {name}: {figures}', file=sys.stderr)
        segmentors[name] = {key: figures[key] for key in COLUMNS}
    return {
        'labels': {
            'before': {**quality, 'target': after['all']},
            'debiased': after,
        },
        'segmentors': segmentors,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_run_arguments(parser, 'mars_ablation', SEGMENTORS, at_a_time='seeds')
    parser.add_argument('--seed-dir', default='work_dirs/refine_ablation')
    args = parser.parse_args()
    root = Path(args.work_dir).resolve() / args.data
    feature_dir = features(args.data, root)
    with ThreadPoolExecutor(args.jobs) as pool:
        runs = list(
            pool.map(lambda s: run(args, root, feature_dir, s), args.seeds)
        )
    for name in runs[0]:
        rows = [tables[name] for tables in runs]
        results = merge_seeds(root / f'{name}.json', args.seeds, rows)
        columns = COLUMNS if name == 'segmentors' else LABEL_COLUMNS
        print(f'{name}\n{table(results, columns)}\n')


if __name__ == '__main__':
    main()
