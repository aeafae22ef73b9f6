"""CSD's ablation on the scenes or on voc_mini: mean and spread over seeds.

    python benchmarks/csd_ablation.py scenes --seeds 0 1 2
    python benchmarks/csd_ablation.py voc-mini --seeds 0 1 2 \
        --only baseline resampling true-masks paper paper-true-masks

For each seed a plain CAM network is trained, and all variants of that seed
start from its weights. Their masks are its pseudo labels, refined by DenseCRF;
those of "cam-masks" are not refined, those of "true-masks" the ground truth,
which tells what CSD does with clean masks and is no method. "paper" has the
paper's weights on logits; "fixed" has neither dropout nor batch statistics.
"baseline" sees the same images in the same order with CSD's weights at 0.
Every run writes the CAMs of the training images and evaluates them at each
background threshold; figures are those at the run's best one, and "multi"
those of the multi-label images at the same. A finished run is kept in the
work dir and not repeated.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import NamedTuple

from hfpl_ablation import evaluate
from refinements import TRUE_MASKS, plain_labels
from runs import (
    ROOT,
    add_run_arguments,
    make_scenes,
    merge_results,
    newest_checkpoint,
    pseudo_labels,
    run_all,
    table,
    train,
)

from mmseg_wsss.compat import load_config
from mmseg_wsss.datasets import load_image_labels, read_split_list
from mmseg_wsss.datasets.transforms.loading import resolve_classes

DATASET = 'train_dataloader.dataset.'
# The place of CSDLoss among the losses of each configuration.
CONFIGS = {'csd': 1, 'csd-isl-fsl': 2}
OFF = {'loss.fg_weight': 0, 'loss.bg_weight': 0}
PAPER = {'loss.min_max': False, 'loss.bg_weight': 0.1}
# Teacher and students differ by their images alone.
FIXED = {
    'model.backbone.norm_eval': True,
    'model.decode_head.dropout_ratio': 0,
}


class Variant(NamedTuple):
    """A configuration of configs/csd, its options and its masks."""

    config: str
    options: dict[str, object]
    masks: str = 'refined'


VARIANTS = {
    'baseline': Variant('csd', OFF),
    'copy-paste': Variant('csd', {'data.resampling': 'uniform'}),
    'resampling': Variant('csd', {}),
    'fg': Variant('csd', {'loss.bg_weight': 0}),
    'bg': Variant('csd', {'loss.fg_weight': 0}),
    'isl-fsl': Variant('csd-isl-fsl', OFF),
    'csd-isl-fsl': Variant('csd-isl-fsl', {}),
    'paper': Variant('csd', PAPER),
    'cam-masks': Variant('csd', {}, 'cam'),
    'true-masks': Variant('csd', {}, 'true'),
    'paper-cam-masks': Variant('csd', PAPER, 'cam'),
    'paper-true-masks': Variant('csd', PAPER, 'true'),
    'fixed-baseline': Variant('csd', OFF | FIXED),
    'fixed': Variant('csd', FIXED),
    'fixed-paper': Variant('csd', PAPER | FIXED),
    'fixed-isl-fsl': Variant('csd-isl-fsl', OFF | FIXED),
    'fixed-csd-isl-fsl': Variant('csd-isl-fsl', FIXED),
}
COLUMNS = {
    'mIoU': 'mIoU',
    'multi_mIoU': 'mIoU, multi-label',
    'F': 'F',
    'FP': 'FP',
    'FN': 'FN',
    'best_threshold': 'threshold',
    'seconds': 'seconds',
}


def first_run(data: str, folder: Path, seed: int) -> Path:
    """Train the plain CAM network and write its labels, refined too."""
    config = f'configs/cam/cam_mobilenetv2_{data}.py'
    work_dir = folder / 'first_run' / f'seed_{seed}'
    train(config, work_dir, seed, ['mIoU'])
    cams = pseudo_labels(config, work_dir) / 'cams'
    plain_labels(data, work_dir, 'DenseCRF', str(cams))
    return work_dir


def changes(variant: Variant, data: str, first: Path) -> list[str]:
    """Return a variant's options as settings of its configuration."""
    place = CONFIGS[variant.config]
    names = {
        'loss': f'model.decode_head.loss_decode.{place}.',
        'data': DATASET,
        'model': 'model.',
    }
    masks = {
        'refined': first / 'DenseCRF' / 'labels',
        'cam': first / 'pseudo_labels' / 'labels',
        'true': TRUE_MASKS[data],
    }[variant.masks]
    settings = [
        f'{DATASET}dataset.data_prefix.seg_map_path={masks}',
        f'load_from={newest_checkpoint(first)}',
    ]
    for key, value in variant.options.items():
        part, _, option = key.partition('.')
        settings.append(f'{names[part]}{option}={value}')
    return settings


def multi_label_list(data: str, folder: Path) -> Path:
    """List the training images of several classes that are in use."""
    if data == 'scenes':
        make_scenes()
    file = folder / 'multi_label.txt'
    cfg = load_config(ROOT / f'configs/cam/cam_mobilenetv2_{data}.py')
    dataset = cfg.train_dataloader.dataset
    loader = cfg.load_image_labels
    classes = resolve_classes(loader.classes)
    used = dataset.get('metainfo', {}).get('classes', classes)
    keep = [k for k, name in enumerate(classes) if k and name in used]
    table = load_image_labels(ROOT / loader.ann_file)
    several = [
        stem
        for stem in read_split_list(
            ROOT / dataset.data_root / dataset.ann_file
        )
        if table.vector(stem, classes)[keep].sum() > 1
    ]
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text('\n'.join(several) + '\n')
    return file


def run(
    data: str, folder: Path, multi: Path, seed: int, first: Path, name: str
) -> dict:
    """Train a variant, write the CAMs and evaluate them."""
    variant = VARIANTS[name]
    config = f'configs/csd/{variant.config}_mobilenetv2_{data}.py'
    work_dir = folder / name / f'seed_{seed}'
    settings = changes(variant, data, first)
    figures = train(config, work_dir, seed, ['mIoU'], *settings)
    out = pseudo_labels(config, work_dir)
    written = work_dir / 'pseudo_labels.log'
    result = evaluate(data, config, out, written, last='0.59')
    best = str(result['best_threshold'])
    part = evaluate(
        *(data, config, out, out / 'cam_eval.json'),
        *('--thresholds', best, best, '1'),
        *('--cfg-options', f'test_dataloader.dataset.ann_file={multi}'),
        part='multi',
    )
    result |= {'multi_mIoU': part['mIoU'], 'seconds': figures['seconds']}
    return {key: result[key] for key in COLUMNS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_run_arguments(parser, 'csd_ablation', VARIANTS)
    args = parser.parse_args()
    folder = Path(args.work_dir).resolve() / args.data
    multi = multi_label_list(args.data, folder)
    results = run_all(
        args,
        partial(first_run, args.data, folder),
        partial(run, args.data, folder, multi),
        VARIANTS,
    )
    results = merge_results(folder / 'results.json', results)
    print(table(results, COLUMNS))


if __name__ == '__main__':
    main()
