"""Seeds and their refinements, which several ablations share.

What is finished is kept, see runs.py.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from pathlib import Path

from runs import ROOT, call, newest_checkpoint, pseudo_labels, train

from mmseg_wsss.compat import load_config
from mmseg_wsss.evaluation.areas import area_rates, label_areas
from mmseg_wsss.evaluation.contours import (
    contour_counts,
    contour_scores,
    mean_score,
)
from mmseg_wsss.io.labels import label_reader
from mmseg_wsss.jobs.test_dataset import build_test_images

# Refinements without a network: pipelines of configs/crf.
PLAIN = {
    'seed': 'seed_pipeline',
    'DenseCRF': 'refine_pipeline',
    'local': 'local_pipeline',
}
# Folders of the configs of CAM networks.
METHODS = {'cam': 'cam', 'isl-fsl': 'hfpl'}
# Ground truth, below the data root.
TRUE_MASKS = {
    'scenes': 'SegmentationClass',
    'voc-mini': 'SegmentationClassAug',
}
COLUMNS = {'mIoU': 'mIoU', 'FP': 'FP', 'FN': 'FN'}
RATES = {
    'mIoU': 'mIoU',
    'foreground_FP': 'FP, foreground',
    'foreground_FN': 'FN, foreground',
}
SUMMARY = re.compile(
    r'pseudo labels of (\d+) images: mIoU ([\d.]+), FP ([\d.]+), FN ([\d.]+)'
)


def labels(
    config: str,
    out: Path,
    work_dir: Path,
    pipeline: str,
    *options: str,
    save_scores: bool = False,
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
        *(['--save-scores'] if save_scores else []),
        '--cfg-options',
        *options,
    )
    found = SUMMARY.search(log.read_text())
    return dict(zip(COLUMNS, map(float, found.groups()[1:]), strict=True))


def foreground_rates(config: str, label_dir: Path) -> dict[str, float]:
    """Compare labels with masks: mIoU, FP and FN of the foreground."""
    dataset, stems, _ = build_test_images(load_config(ROOT / config))
    masks = (
        dataset.get_data_info(i)['seg_map_path'] for i in range(len(stems))
    )
    areas = label_areas(
        zip((label_dir / f'{s}.png' for s in stems), masks, strict=True),
        len(dataset.metainfo['classes']),
        label_reader(dataset),
    )
    iou, fp, fn = area_rates(areas)
    values = mean_score(iou), mean_score(fp[1:]), mean_score(fn[1:])
    return {k: round(v, 2) for k, v in zip(RATES, values, strict=True)}


def contour_quality(config: str, label_dir: Path, ignore: str) -> float:
    """Compare labels with masks: the contour quality F, in percent."""
    dataset, stems, _ = build_test_images(load_config(ROOT / config))
    read = label_reader(dataset)
    counts = sum(
        contour_counts(
            read(str(label_dir / f'{stem}.png')),
            read(dataset.get_data_info(i)['seg_map_path']),
            len(dataset.metainfo['classes']),
            ignore=ignore,
        )
        for i, stem in enumerate(stems)
    )
    return round(mean_score(contour_scores(counts)[2]), 2)


@lru_cache
def step_of(config: str, pipeline: str, kind: str) -> int:
    """Find the position of a refiner in a config's pipeline."""
    steps = [step['type'] for step in load_config(config)[pipeline]]
    return steps.index(f'mmseg_wsss.{kind}')


def train_affinity(
    network: str, data: str, folder: Path, seed: int, cams: str, start: Path
) -> Path:
    """Train an affinity network on confident labels; its checkpoint."""
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
    return train_on(network, data, folder, seed, confident / 'labels', start)


def train_on(
    network: str,
    data: str,
    folder: Path,
    seed: int,
    masks: object,
    start: Path,
) -> Path:
    """Train an affinity network on labels; its checkpoint."""
    config = f'configs/{network}/{network}_mobilenetv2_{data}.py'
    key = 'train_dataloader.dataset.data_prefix.seg_map_path'
    options = [f'{key}={masks}']
    if data == 'scenes':
        options.append(f'load_from={start}')
    train(config, folder / network, seed, [], *options)
    return newest_checkpoint(folder / network)


def walk(
    network: str,
    data: str,
    out: Path,
    pipeline: str,
    cams: str,
    checkpoint: Path,
    save_scores: bool = False,
) -> dict:
    """Walk with an affinity network from CAMs; the labels' quality."""
    config = f'configs/{network}/{network}_mobilenetv2_{data}.py'
    load = step_of(config, pipeline, 'LoadCAM')
    step = step_of(config, pipeline, 'RandomWalk')
    return labels(
        config,
        out,
        out.parent,
        pipeline,
        f'{pipeline}.{load}.cam_dir={cams}',
        f'{pipeline}.{step}.checkpoint={checkpoint}',
        save_scores=save_scores,
    )


def cams_of(
    data: str, folder: Path, seed: int, method: str = 'cam', *options: str
) -> tuple[str, Path]:
    """Train a CAM network; its folder of CAMs and checkpoint."""
    config = f'configs/{METHODS[method]}/{method}_mobilenetv2_{data}.py'
    cam_dir = folder / method
    train(config, cam_dir, seed, ['mIoU'], *options)
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
