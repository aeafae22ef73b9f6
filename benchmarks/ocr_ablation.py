"""OCR's ablation on the scenes or on voc_mini: mean and spread over seeds.

    python benchmarks/ocr_ablation.py scenes --seeds 0 1 2
    python benchmarks/ocr_ablation.py voc-mini --seeds 0 1 --only ce anchor

For each seed a CAM network is trained and writes pseudo labels; then one
segmentor per variant is trained on them. A finished run is kept in the work
dir and not repeated. Figures are of the validation set after the last epoch.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, stdev

ROOT = Path(__file__).resolve().parents[1]
LOSS = 'model.decode_head.loss_decode.1.'
VARIANTS = {
    'ce': None,
    'adaptive-joint': {'prior_norm': 'joint'},
    'anchor': {'group': 'anchor'},
    'adaptive-conditional': {'prior_norm': 'conditional'},
    'all': {'group': 'all'},
    'pixels-all': {'pixels': 'all'},
    'pixels-ic': {'pixels': 'ic'},
}
METRICS = ('mIoU', 'OC_image_rate', 'OC_pixel_rate')


def call(log: Path, tool: str, *arguments: str) -> None:
    """Run one of our tools on one thread, its output in a log file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=str(ROOT))
    with open(log, 'w') as out:
        done = subprocess.run(
            [sys.executable, str(ROOT / 'tools' / tool), *arguments],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=ROOT,
        )
    if done.returncode:
        raise SystemExit(f'{tool} failed, see {log}')


def train(config: str, work_dir: Path, seed: int, *options: str) -> dict:
    """Train once, or recall what an earlier run of the same gave."""
    result = work_dir / 'result.json'
    if result.is_file():
        return json.loads(result.read_text())
    start = time.time()
    call(
        work_dir / 'train.log',
        'train.py',
        config,
        '--work-dir',
        str(work_dir),
        '--cfg-options',
        f'randomness.seed={seed}',
        'default_hooks.checkpoint.max_keep_ckpts=1',
        *options,
    )
    scalars = max(work_dir.glob('*/vis_data/scalars.json'))
    lines = map(json.loads, scalars.read_text().splitlines())
    last = [line for line in lines if 'mIoU' in line][-1]
    metrics = {name: last[name] for name in METRICS}
    metrics['seconds'] = round(time.time() - start)
    result.write_text(json.dumps(metrics))
    return metrics


def newest_checkpoint(folder: Path) -> Path:
    checkpoints = folder.glob('epoch_*.pth')
    return max(checkpoints, key=lambda path: path.stat().st_mtime)


def pseudo_labels(data: str, folder: Path, seed: int) -> Path:
    """Train the CAM network of a seed and write its pseudo labels."""
    cam = folder / 'cam'
    config = f'configs/cam/cam_mobilenetv2_{data}.py'
    train(config, cam, seed)
    out = folder / 'pseudo_labels'
    if not (folder / 'labels.log').is_file():
        checkpoint = newest_checkpoint(cam)
        part = folder / 'labels.part'
        call(
            part,
            'make_pseudo_labels.py',
            config,
            str(checkpoint),
            '--out-dir',
            str(out),
            '--work-dir',
            str(cam),
        )
        part.rename(folder / 'labels.log')
    return out / 'labels'


def segmentor(data: str, folder: Path, seed: int, variant: str) -> dict:
    options = VARIANTS[variant]
    kind = 'ce' if options is None else 'ocr'
    labels = folder / 'pseudo_labels' / 'labels'
    return train(
        f'configs/ocr/{kind}_mobilenetv2_{data}.py',
        folder / variant,
        seed,
        f'train_dataloader.dataset.data_prefix.seg_map_path={labels}',
        *(f'{LOSS}{key}={value}' for key, value in (options or {}).items()),
    )


def table(results: dict[str, list[dict]]) -> str:
    lines = [
        '| variant | mIoU | OC images % | OC pixels % |',
        '|---|---|---|---|',
    ]
    for variant, runs in results.items():
        cells = []
        for metric in METRICS:
            values = [run[metric] for run in runs]
            spread = stdev(values) if len(values) > 1 else 0.0
            cells.append(f'{mean(values):.2f} ± {spread:.2f}')
        lines.append(f'| {variant} | {" | ".join(cells)} |')
    return '\n'.join(lines)


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
                lambda seed: pseudo_labels(args.data, folders[seed], seed),
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
        results: dict[str, list[dict]] = {}
        for (variant, seed), job in jobs.items():
            results.setdefault(variant, []).append(job.result())
            print(f'{variant} seed {seed}: {job.result()}', file=sys.stderr)
    (work_dir / 'results.json').write_text(json.dumps(results, indent=1))
    print(table(results))


if __name__ == '__main__':
    main()
