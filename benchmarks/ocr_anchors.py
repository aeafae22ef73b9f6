"""How often OCR's anchor is right, in the runs of ocr_ablation.py.

    python benchmarks/ocr_ablation.py scenes --seeds 0 1 2
    python benchmarks/ocr_anchors.py scenes --seeds 0 1 2

Each segmentor is evaluated on its training images, where OCR acts; their true
masks are read for that only. Shares are of the out-of-candidate pixels that
have a pseudo label. What is finished is not repeated.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mmengine.config import Config
from ocr_ablation import VARIANTS
from runs import (
    ROOT,
    add_run_arguments,
    call,
    merge_results,
    newer,
    newest_checkpoint,
    run_all,
    table,
)

from mmseg_wsss.io.scalars import read_figures

LISTS = {'scenes': 'train', 'voc-mini': 'train_aug'}
COLUMNS = {
    'OC_pixel_rate': 'OC pixels %',
    'OC_anchor_right': 'anchor right %',
    'OC_label_right': 'pseudo label right %',
    'OC_anchor_background': 'anchor is background %',
    'OC_truth_background': 'truth is background %',
}


def anchors(data: str, folder: Path, variant: str) -> dict | None:
    """Evaluate a variant's segmentor on the training images, once.

    None if it is not trained.
    """
    run = folder / variant
    if not (run / 'result.json').is_file():
        return None
    config = json.loads((run / 'result.json').read_text())['asked'][0]
    checkpoint = newest_checkpoint(run)
    done = run / 'anchors.log'
    if not newer(done, checkpoint):
        metrics = Config.fromfile(ROOT / config).test_evaluator
        kinds = [metric['type'] for metric in metrics]
        place = kinds.index('mmseg_wsss.AnchorMetric')
        labels = folder / 'cam' / 'pseudo_labels' / 'labels'
        part = run / 'anchors.part'
        call(
            part,
            'test.py',
            config,
            str(checkpoint),
            '--work-dir',
            str(run / 'anchors'),
            '--cfg-options',
            'test_dataloader.dataset.ann_file='
            f'ImageSets/Segmentation/{LISTS[data]}.txt',
            f'test_evaluator.{place}.label_dir={labels}',
        )
        part.rename(done)
    found = read_figures(run / 'anchors')
    # Without an OC pixel there are no shares.
    return {name: found.get(name, float('nan')) for name in COLUMNS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_run_arguments(parser, 'ocr_ablation', VARIANTS)
    args = parser.parse_args()
    work_dir = Path(args.work_dir).resolve() / args.data
    results = run_all(
        args,
        lambda seed: work_dir / f'seed_{seed}',
        lambda _, folder, variant: anchors(args.data, folder, variant),
        VARIANTS,
    )
    if not results:
        raise SystemExit(
            f'{work_dir} holds no runs: run ocr_ablation.py first'
        )
    results = merge_results(work_dir / 'anchors.json', results)
    print(table(results, COLUMNS))


if __name__ == '__main__':
    main()
