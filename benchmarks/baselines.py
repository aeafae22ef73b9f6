"""The seeds of the papers' baselines on the scenes or on voc_mini.

    python benchmarks/baselines.py scenes --seeds 0 1 2
    python benchmarks/baselines.py voc-mini --seeds 0 1
    python benchmarks/baselines.py scenes --seeds 0 \
        --only seam-1-2 seam-1-2-no-er seam-1-2-no-ecr seam-1-2-no-min
    python benchmarks/baselines.py voc-mini --seeds 0 --only seam-one-view

Every row trains a network as long, from the same weights: on the scenes those
of a plain CAM network, on voc_mini ImageNet's (Spatial-BCE's backbone starts
from "cam"). "cam" is the plain CAM network. "advcam" is AdvCAM on
it, on voc_mini of the first 100 images, and "advcam-0" the same without a
step: its CAMs of these images and their mirror images. "DenseCRF" and "PMM"
are labels made from its seeds, "PMM-no-smoothing" and "PMM-smoothing" those of
the two parts of PMM alone. Spatial-BCE learns its shares from DenseCRF's.
"csd-mctformer" trains the MCTformer of its seed further, with its own labels,
refined by DenseCRF, as masks; "mctformer-further" does so with CSD's weights
at 0. "seam-one-view" has neither ER nor a smaller second view, so that only
SEAM's head differs from "cam" in what the backbone learns.

mIoU, F, FP and FN of the training images are at each run's best background
threshold, "fixed" is mIoU at the config's. A finished run is kept in the work
dir and not repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hfpl_ablation import CONTOUR_IGNORE, LOSS, evaluate, pretrained
from refinements import contour_quality, labels, plain_labels
from runs import (
    ROOT,
    add_run_arguments,
    call,
    merge_seeds,
    newer,
    newest_checkpoint,
    pseudo_labels,
    table,
    train,
)

from mmseg_wsss.compat import load_config
from mmseg_wsss.datasets import read_split_list

# Config and options of the losses, by their places.
SMALL_VIEW = {'1.scale': 0.5}
NO_CSD = {'2.fg_weight': 0, '2.bg_weight': 0}
TRAINED = {
    'cam': ('hfpl/isl_', {'0.isl_weight': 0}),
    'seam': ('seam/seam_', {}),
    'seam-isl-fsl': ('hfpl/isl-fsl_seam-', {}),
    'sipe': ('sipe/sipe_', {}),
    'mctformer': ('mctformer/mctformer_', {}),
    'spatial-bce': ('spatial_bce/spatial-bce_', {}),
    'mctformer-further': ('csd/csd_mctformer-', NO_CSD),
    'csd-mctformer': ('csd/csd_mctformer-', {}),
    'seam-1-2': ('seam/seam_', SMALL_VIEW),
    'seam-1-2-no-er': ('seam/seam_', {**SMALL_VIEW, '1.er_weight': 0}),
    'seam-1-2-no-ecr': ('seam/seam_', {**SMALL_VIEW, '1.ecr_weight': 0}),
    'seam-1-2-no-min': ('seam/seam_', {**SMALL_VIEW, '1.min_weight': 0}),
    'seam-one-view': ('seam/seam_', {'1.scale': 1.0, '1.er_weight': 0}),
}
CLIMBS = {'advcam-0': ['tta_model.steps=0'], 'advcam': []}
# Labels of the plain CAMs, by their pipelines.
PMM = {
    'PMM': 'refine_pipeline',
    'PMM-no-smoothing': 'proportional_pipeline',
    'PMM-smoothing': 'smooth_pipeline',
}
FROM_CAM = (*CLIMBS, 'DenseCRF', *PMM)
# AdvCAM takes seconds for an image: where it climbs a part, how many.
CLIMBED = {'voc-mini': 100}
PARTS_OF_SEAM = ('seam-1-2', 'seam-one-view')
ROWS = [r for r in (*TRAINED, *FROM_CAM) if not r.startswith(PARTS_OF_SEAM)]
# Where the weights of the plain CAM network go, if not into the whole network.
STEM = 'model.backbone.stem.init_cfg.checkpoint'
START = {
    'mctformer': STEM,
    'mctformer-further': STEM,
    'csd-mctformer': STEM,
    'spatial-bce': 'model.backbone.init_cfg.checkpoint',
}
# Rows that start from another one of their seed.
FURTHER = dict.fromkeys(('mctformer-further', 'csd-mctformer'), 'mctformer')
# The row whose refined labels are a row's masks.
MASKS = {'spatial-bce': 'cam', **FURTHER}
COLUMNS = {
    'mIoU': 'mIoU',
    'best_threshold': 'threshold',
    'fixed': 'mIoU, fixed threshold',
    'F': 'F',
    'FP': 'FP',
    'FN': 'FN',
}


def config_of(name: str, data: str) -> str:
    return f'configs/{name}mobilenetv2_{data}.py'


def summary(out: Path) -> float:
    """Read mIoU of the labels at the config's threshold."""
    return json.loads((out / 'label_summary.json').read_text())['mIoU']


def trained(data: str, folder: Path, seed: int, row: str) -> dict:
    """Train a network, write its CAMs and evaluate them."""
    name, options = TRAINED[row]
    config = config_of(name, data)
    work_dir = folder / row / f'seed_{seed}'
    changes = [f'{LOSS}{key}={value}' for key, value in options.items()]
    start = pretrained(data, folder, seed)
    if start is not None:
        changes.append(f'{START.get(row, "load_from")}={start}')
    if row in MASKS:
        refined(data, folder, seed, MASKS[row])
        if row == 'spatial-bce' and start is None:
            first = folder / MASKS[row] / f'seed_{seed}'
            changes.append(f'{START[row]}={newest_checkpoint(first)}')
        if row in FURTHER:
            first = folder / FURTHER[row] / f'seed_{seed}'
            changes.append(f'load_from={newest_checkpoint(first)}')
        masks = folder / MASKS[row] / f'seed_{seed}' / 'DenseCRF' / 'labels'
        dataset = 'train_dataloader.dataset' + '.dataset' * (row in FURTHER)
        changes.append(f'{dataset}.data_prefix.seg_map_path={masks}')
    figures = train(config, work_dir, seed, ['mIoU'], *changes)
    out = pseudo_labels(config, work_dir)
    found = evaluate(data, config, out, work_dir / 'pseudo_labels.log')
    return {**found, 'fixed': summary(out), 'seconds': figures['seconds']}


def refined(data: str, folder: Path, seed: int, row: str) -> dict:
    """Refine a network's CAMs by DenseCRF."""
    trained(data, folder, seed, row)
    work_dir = folder / row / f'seed_{seed}'
    cams = work_dir / 'pseudo_labels' / 'cams'
    return plain_labels(data, work_dir, 'DenseCRF', str(cams))


def from_cam(data: str, folder: Path, seed: int, row: str) -> dict:
    """Compute what needs only the plain CAM network."""
    trained(data, folder, seed, 'cam')
    work_dir = folder / 'cam' / f'seed_{seed}'
    out = work_dir / row
    if row in CLIMBS:
        return climbed(data, folder, work_dir, row)
    config = f'configs/pmm/ppmg_{data}.py'
    if row == 'DenseCRF':
        found = refined(data, folder, seed, 'cam')
    else:
        cams = work_dir / 'pseudo_labels' / 'cams'
        options = [f'{PMM[row]}.2.cam_dir={cams}']
        found = labels(config, out, work_dir, PMM[row], *options)
    f = contour_quality(config, out / 'labels', CONTOUR_IGNORE[data])
    return {**found, 'F': f}


def climbed_images(data: str, folder: Path) -> list[str]:
    """Write the list of images that AdvCAM climbs; options that name it."""
    if data not in CLIMBED:
        return []
    cfg = load_config(ROOT / config_of('advcam/advcam_', data))
    dataset = cfg.test_dataloader.dataset
    stems = read_split_list(ROOT / dataset.data_root / dataset.ann_file)
    file = folder / 'climbed.txt'
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text('\n'.join(stems[: CLIMBED[data]]) + '\n')
    return [f'test_dataloader.dataset.ann_file={file}']


def climbed(data: str, folder: Path, work_dir: Path, row: str) -> dict:
    """Write AdvCAM's maps of a plain CAM network once; evaluate them."""
    config = config_of('advcam/advcam_', data)
    checkpoint = newest_checkpoint(work_dir)
    out = work_dir / row
    log = out.with_suffix('.log')
    images = climbed_images(data, folder)
    options = [*images, *CLIMBS[row]]
    if not newer(out / 'label_summary.json', checkpoint):
        call(
            log,
            'make_cams.py',
            config,
            str(checkpoint),
            '--tta',
            '--out-dir',
            str(out),
            '--work-dir',
            str(work_dir),
            *(['--cfg-options', *options] if options else []),
        )
    options = ['--cfg-options', *images] if images else []
    found = evaluate(data, config, out, log, *options)
    return {**found, 'fixed': summary(out)}


def run_seed(
    args: argparse.Namespace, folder: Path, seed: int
) -> dict[str, dict]:
    """Compute the rows of a seed, one after the other."""
    results = {}
    for row in args.only or ROWS:
        compute = from_cam if row in FROM_CAM else trained
        found = compute(args.data, folder, seed, row)
        kept = [key for key in (*COLUMNS, 'seconds') if key in found]
        results[row] = {key: round(found[key], 3) for key in kept}
        print(f'{row} seed {seed}: {results[row]}', file=sys.stderr)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    rows = [*TRAINED, *FROM_CAM]
    add_run_arguments(parser, 'baselines', rows, at_a_time='seeds')
    parser.set_defaults(jobs=1)
    args = parser.parse_args()
    folder = Path(args.work_dir).resolve() / args.data
    with ThreadPoolExecutor(args.jobs) as pool:
        runs = pool.map(lambda s: run_seed(args, folder, s), args.seeds)
        results = merge_seeds(folder / 'results.json', args.seeds, runs)
    print(table(results, COLUMNS))


if __name__ == '__main__':
    main()
