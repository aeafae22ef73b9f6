"""What kinds of pixels segmentors get wrong, in percent of all.

    python tools/test.py CONFIG CHECKPOINT --out work_dirs/weak
    python benchmarks/error_kinds.py CONFIG \
        --predictions weak=work_dirs/weak 'full=work_dirs/full_*'

CONFIG names the images and their masks, by its test_dataloader; several
folders of a name give mean and spread. "Absent" is a
class that the image does not show (an out-of-candidate error); "far" is what
lies more than 5 pixels from a boundary of the mask.
"""

from __future__ import annotations

import argparse
from glob import glob
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image
from runs import table

from mmseg_wsss.compat import load_config
from mmseg_wsss.jobs.command_line import named_values

KINDS = {
    'wrong': 'wrong',
    'absent_background': 'absent class on background',
    'absent_object': 'absent class on an object',
    'present_background': 'present class on background',
    'background': 'background on an object',
    'swap': 'another present class',
    'far': 'of all, far',
}
RADIUS = 5


def masks(cfg: Config) -> dict[str, np.ndarray]:
    """Load the masks of the test images, 255 where ignored, by stem."""
    init_default_scope(cfg.default_scope)
    load = dict(type='LoadAnnotations')
    dataset = DATASETS.build(
        {**cfg.test_dataloader.dataset, 'pipeline': [load]}
    )
    items = (dataset[k] for k in range(len(dataset)))
    return {Path(r['img_path']).stem: r['gt_seg_map'] for r in items}


def kinds(truth: np.ndarray, found: np.ndarray) -> dict[str, np.ndarray]:
    """Return where each kind of error is; background is class 0."""
    used = truth < 255
    wrong = used & (found != truth)
    absent = ~np.isin(found, truth[used])
    objects = (truth * used > 0).astype(np.uint8)
    size = 2 * RADIUS + 1
    edge = cv2.morphologyEx(truth, cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
    near = cv2.dilate(edge.astype(np.uint8), np.ones((size, size))) > 0
    shown = wrong & ~absent
    return {
        'wrong': wrong,
        'absent_background': wrong & absent & (objects == 0),
        'absent_object': wrong & absent & (objects == 1),
        'present_background': shown & (objects == 0),
        'background': shown & (found == 0),
        'swap': shown & (objects == 1) & (found > 0),
        'far': wrong & ~near,
    }


def shares(folder: str, truths: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the kinds of errors of predictions in percent of the pixels."""
    counts, total = dict.fromkeys(KINDS, 0), 0
    for stem, truth in truths.items():
        found = np.array(Image.open(Path(folder) / f'{stem}.png'))
        if found.shape != truth.shape:
            raise SystemExit(
                f'{folder}/{stem}.png has {found.shape} pixels, its mask '
                f'{truth.shape}: write it by tools/test.py --out'
            )
        for name, where in kinds(truth, found).items():
            counts[name] += int(where.sum())
        total += int((truth < 255).sum())
    return {name: 100 * count / total for name, count in counts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('config', help='config of the segmentors')
    parser.add_argument(
        '--predictions', nargs='+', required=True, metavar='NAME=DIR'
    )
    args = parser.parse_args()
    truths = masks(load_config(args.config))
    results = {}
    for name, pattern in named_values(
        '--predictions', args.predictions
    ).items():
        folders = sorted(glob(pattern))
        if not folders:
            raise SystemExit(f'there is no folder {pattern}')
        results[name] = {f: shares(f, truths) for f in folders}
    print(table(results, KINDS))


if __name__ == '__main__':
    main()
