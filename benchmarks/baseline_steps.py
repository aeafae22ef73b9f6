"""Training steps of the papers' baselines, against that of a CAM network.

    python benchmarks/baseline_steps.py
    python benchmarks/baseline_steps.py scenes --images 8
    python benchmarks/baseline_steps.py voc12 --images 4  # transformers

Forward and backward on random pictures of the configurations' crop size:
MCTformer+'s, 448, has four times the pixels of the CAM network's. PMM's
under-fitting loss trains a segmentor, and is compared with cross-entropy.
AdvCAM trains nothing: the last table has its climb of one image, its classes
one after the other and in one batch, and the peak memory in a fresh process.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
from csd_step import batch, build
from measure import (
    DEVICE,
    in_fresh_process,
    machine,
    medians,
    new_parser,
    parse,
    peak_mib,
    print_table,
    step,
)
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

import mmseg_wsss

NETWORKS = {
    'CAM': 'cam/cam_mobilenetv2_',
    'ISL + FSL': 'hfpl/isl-fsl_mobilenetv2_',
    'SEAM': 'seam/seam_mobilenetv2_',
    'ISL + FSL on SEAM': 'hfpl/isl-fsl_seam-mobilenetv2_',
    'SIPE': 'sipe/sipe_mobilenetv2_',
    'MCTformer': 'mctformer/mctformer_mobilenetv2_',
    'Spatial-BCE': 'spatial_bce/spatial-bce_mobilenetv2_',
}
TRANSFORMERS = {
    'CAM': 'cam/cam_deit-s_',
    'MCTformer': 'mctformer/mctformer_deit-s_',
    'MCTformer+': 'mctformer/mctformer-plus_deit-s_',
    'WeakTr': 'mctformer/weaktr_deit-s_',
}
SEGMENTORS = {
    'cross-entropy': 'ocr/ce_mobilenetv2_',
    'PMM, under-fitting': 'pmm/pmm_mobilenetv2_',
}


def print_steps(rows: dict[str, str], args: argparse.Namespace) -> None:
    """Print the milliseconds of a training step of each configuration."""
    candidates, sizes = {}, {}
    for name, config in rows.items():
        model, size = build(f'{config}{args.data}')
        pictures = batch(args.images, 0, size, model.decode_head.num_classes)
        candidates[name] = partial(step, model, pictures)
        sizes[name] = size
    ms = medians(candidates, args.repeats)
    first = next(iter(ms.values()))
    print_table(
        ['baseline', 'crop', 'ms', 'ratio'],
        (
            [name, str(sizes[name]), f'{value:.0f}', f'x{value / first:.2f}']
            for name, value in ms.items()
        ),
    )


def climber(data: str, present: int) -> Callable[[int], None]:
    """Build AdvCAM on an image, a function of the classes in a batch."""
    model, size = build(f'advcam/advcam_mobilenetv2_{data}')
    labels = torch.zeros(model.decode_head.num_classes)
    labels[: 1 + present] = 1
    pictures, samples = [], []
    for flip in (False, True):
        pictures.append([torch.zeros(3, size, size, dtype=torch.uint8)])
        turned = dict(flip=flip, flip_direction='horizontal')
        shapes = dict.fromkeys(('ori_shape', 'img_shape'), (size, size))
        sample = SegDataSample(metainfo={**shapes, **turned})
        mmseg_wsss.set_image_labels(sample, labels)
        samples.append([sample])

    def climb(class_batch: int) -> None:
        tta = dict(type='mmseg_wsss.AdversarialCAMTTAModel', steps=8)
        wrapped = MODELS.build(
            dict(tta, module=model, class_batch=class_batch)
        ).to(DEVICE)
        wrapped.test_step(dict(inputs=pictures, data_samples=samples))

    return climb


def climb_memory(data: str, present: int, class_batch: int) -> float:
    """Return the peak MiB of AdvCAM on an image."""
    climb = climber(data, present)
    return peak_mib(partial(climb, class_batch))


def main() -> None:
    parser = new_parser(__doc__)
    choices = 'voc-mini', 'scenes', 'voc12'
    parser.add_argument('data', nargs='?', default=choices[0], choices=choices)
    parser.add_argument('--images', type=int, default=16)
    args = parse(parser, repeats=5)
    print(f'{args.data}, {args.images} images, {machine()}:\n')
    if args.data == 'voc12':
        print_steps(TRANSFORMERS, args)
        return
    print_steps(NETWORKS, args)
    print_steps(SEGMENTORS, args)
    present = 3
    climb = climber(args.data, present)
    ms = medians({n: partial(climb, n) for n in (1, present)}, args.repeats)
    rows = []
    for n, value in ms.items():
        mib = in_fresh_process(climb_memory, args.data, present, n)
        row = [str(n), f'{value:.0f}', f'x{value / ms[1]:.2f}', f'{mib:.0f}']
        rows.append(row)
    header = ["AdvCAM, an image's classes in a batch", 'ms', 'ratio', 'MiB']
    print_table(header, rows)


if __name__ == '__main__':
    main()
