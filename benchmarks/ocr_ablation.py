"""OCR's ablation on the scenes or on voc_mini: mean and spread over seeds.

    python benchmarks/ocr_ablation.py scenes --seeds 0 1 2
    python benchmarks/ocr_ablation.py voc-mini --seeds 0 1 --only ce anchor

For each seed a CAM network is trained and writes pseudo labels; then one
segmentor per variant is trained on them, that of "true-masks" on true masks. A
finished run is kept in the work dir and not repeated. Figures are of the
validation set after the last epoch.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from runs import (
    add_run_arguments,
    merge_results,
    pseudo_labels,
    run_all,
    table,
    train,
)

LOSS = 'model.decode_head.loss_decode.1.'
VARIANTS = {
    'ce': None,
    'adaptive-joint': {'prior_norm': 'joint'},
    'adaptive-zeroed': {'filtered': 'zeroed'},  # Alg. 2 of the appendix
    'anchor': {'group': 'anchor'},
    'adaptive-conditional': {'prior_norm': 'conditional'},
    'all': {'group': 'all'},
    'pixels-all': {'pixels': 'all'},
    'pixels-ic': {'pixels': 'ic'},
    'true-masks': None,
}
COLUMNS = {
    'mIoU': 'mIoU',
    'OC_image_rate': 'OC images %',
    'OC_image_rate_1pct': 'OC images, > 1 % of area',
    'OC_pixel_rate': 'OC pixels %',
}


def seed_labels(data: str, work_dir: Path, seed: int) -> Path:
    """Train a seed's CAM network and write its pseudo labels; its folder."""
    folder = work_dir / f'seed_{seed}'
    config = f'configs/cam/cam_mobilenetv2_{data}.py'
    train(config, folder / 'cam', seed, ['mIoU'])
    pseudo_labels(config, folder / 'cam')
    return folder


def segmentor(data: str, seed: int, folder: Path, variant: str) -> dict:
    """Train a segmentor on the pseudo labels of its seed, or on masks."""
    options = VARIANTS[variant]
    labels = folder / 'cam' / 'pseudo_labels' / 'labels'
    words = [f'train_dataloader.dataset.data_prefix.seg_map_path={labels}']
    kind = 'ce' if options is None else 'ocr'
    if variant == 'true-masks':
        kind, words = 'full', []
    words += [f'{LOSS}{key}={value}' for key, value in (options or {}).items()]
    return train(
        f'configs/ocr/{kind}_mobilenetv2_{data}.py',
        folder / variant,
        seed,
        [*COLUMNS],
        *words,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_run_arguments(parser, 'ocr_ablation', VARIANTS)
    args = parser.parse_args()
    work_dir = Path(args.work_dir).resolve() / args.data
    results = run_all(
        args,
        partial(seed_labels, args.data, work_dir),
        partial(segmentor, args.data),
        VARIANTS,
    )
    results = merge_results(work_dir / 'results.json', results)
    print(table(results, COLUMNS))


if __name__ == '__main__':
    main()
