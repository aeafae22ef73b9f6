"""OCR's ablation on the scenes or on voc_mini: mean and spread over seeds.

    python benchmarks/ocr_ablation.py scenes --seeds 0 1 2
    python benchmarks/ocr_ablation.py voc-mini --seeds 0 1 --only ce anchor

For each seed a CAM network is trained and writes pseudo labels; then one
segmentor per variant is trained on them. A finished run is kept in the work
dir and not repeated. Figures are of the validation set after the last epoch;
those of the second table of the training images, where OCR acts, whose true
masks are read for that only.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mmengine.config import Config
from runs import (
    ROOT,
    call,
    merge_results,
    newer,
    newest_checkpoint,
    pseudo_labels,
    table,
    train,
)

from mmseg_wsss.io.scalars import read_figures

LOSS = 'model.decode_head.loss_decode.1.'
VARIANTS = {
    'ce': None,
    'adaptive-joint': {'prior_norm': 'joint'},
    'anchor': {'group': 'anchor'},
    'adaptive-conditional': {'prior_norm': 'conditional'},
    'all': {'group': 'all'},
    'pixels-all': {'pixels': 'all'},
    'pixels-ic': {'pixels': 'ic'},
    'adaptive-zeroed': {'filtered': 'zeroed'},  # the appendix's Alg. 2
}
COLUMNS = {
    'mIoU': 'mIoU',
    'OC_image_rate': 'OC images %',
    'OC_pixel_rate': 'OC pixels %',
}
# Of the OC pixels of the training images, under the final network.
ANCHORS = {
    'train_OC_pixel_rate': 'OC pixels %',
    'OC_anchor_right': 'anchor right %',
    'OC_label_right': 'pseudo label right %',
    'OC_anchor_background': 'anchor is background %',
    'OC_truth_background': 'truth is background %',
}
LISTS = {'scenes': 'train', 'voc-mini': 'train_aug'}


def seed_labels(data: str, folder: Path, seed: int) -> None:
    """Train the CAM network of a seed and write its pseudo labels."""
    config = f'configs/cam/cam_mobilenetv2_{data}.py'
    train(config, folder / 'cam', seed, COLUMNS)
    pseudo_labels(config, folder / 'cam')


def segmentor(data: str, folder: Path, seed: int, variant: str) -> dict:
    options = VARIANTS[variant]
    kind = 'ce' if options is None else 'ocr'
    config = f'configs/ocr/{kind}_mobilenetv2_{data}.py'
    labels = folder / 'cam' / 'pseudo_labels' / 'labels'
    figures = train(
        config,
        folder / variant,
        seed,
        COLUMNS,
        f'train_dataloader.dataset.data_prefix.seg_map_path={labels}',
        *(f'{LOSS}{key}={value}' for key, value in (options or {}).items()),
    )
    return {**figures, **anchors(data, config, folder / variant, labels)}


def anchors(data: str, config: str, folder: Path, labels: Path) -> dict:
    """Evaluate a segmentor on the training images, once."""
    checkpoint = newest_checkpoint(folder)
    done = folder / 'anchors.log'
    if not newer(done, checkpoint):
        metrics = Config.fromfile(ROOT / config).test_evaluator
        place = [metric['type'] for metric in metrics].index(
            'mmseg_wsss.AnchorMetric'
        )
        part = folder / 'anchors.part'
        call(
            part,
            'test.py',
            config,
            str(checkpoint),
            '--work-dir',
            str(folder / 'anchors'),
            '--cfg-options',
            'test_dataloader.dataset.ann_file='
            f'ImageSets/Segmentation/{LISTS[data]}.txt',
            f'test_evaluator.{place}.label_dir={labels}',
        )
        part.rename(done)
    found = read_figures(folder / 'anchors')
    found['train_OC_pixel_rate'] = found['OC_pixel_rate']
    # Without an OC pixel there are no shares.
    return {name: found.get(name, float('nan')) for name in ANCHORS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', choices=['scenes', 'voc-mini'])
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument('--only', nargs='+', choices=VARIANTS)
    parser.add_argument('--jobs', type=int, default=2, help='runs at a time')
    parser.add_argument('--work-dir', default='work_dirs/ocr_ablation')
    args = parser.parse_args()
    work_dir = Path(args.work_dir).resolve() / args.data
    folders = {seed: work_dir / f'seed_{seed}' for seed in args.seeds}
    with ThreadPoolExecutor(args.jobs) as pool:
        list(
            pool.map(
                lambda seed: seed_labels(args.data, folders[seed], seed),
                args.seeds,
            )
        )
        jobs = {
            (variant, seed): pool.submit(
                segmentor, args.data, folders[seed], seed, variant
            )
            for variant in args.only or VARIANTS
            for seed in args.seeds
        }
        results: dict[str, dict[str, dict]] = {}
        for (variant, seed), job in jobs.items():
            results.setdefault(variant, {})[str(seed)] = job.result()
            print(f'{variant} seed {seed}: {job.result()}', file=sys.stderr)
    results = merge_results(work_dir / 'results.json', results)
    print(table(results, COLUMNS))
    measured = {
        variant: runs
        for variant, runs in results.items()
        if all(set(ANCHORS) <= set(run) for run in runs.values())
    }
    print(f'\n{table(measured, ANCHORS)}')


if __name__ == '__main__':
    main()
