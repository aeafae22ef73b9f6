"""Training steps of the papers' baselines, against that of a CAM network.

    python benchmarks/baseline_steps.py
    python benchmarks/baseline_steps.py scenes --images 8

Forward and backward on random pictures of the configurations' crop size.
AdvCAM trains nothing: the second table has its climb of one image, its classes
one after the other and in one batch, and the peak memory in a fresh process.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from csd_step import DEVICE, batch, build, step
from measure import (
    in_fresh_process,
    machine,
    medians,
    new_parser,
    parse,
    peak_mib,
    print_table,
)
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

import mmseg_wsss

ROWS = {
    'CAM': 'cam/cam_',
    'ISL + FSL': 'hfpl/isl-fsl_',
    'SEAM': 'seam/seam_',
    'ISL + FSL on SEAM': 'hfpl/isl-fsl_seam-',
    'SIPE': 'sipe/sipe_',
    'MCTformer': 'mctformer/mctformer_',
    'Spatial-BCE': 'spatial_bce/spatial-bce_',
}


def steps(data: str, images: int, repeats: int) -> dict[str, float]:
    """Milliseconds of a training step of each baseline."""
    candidates = {}
    for name, config in ROWS.items():
        model, size = build(f'{config}mobilenetv2_{data}')
        classes = model.decode_head.num_classes
        pictures = batch(images, 0, size, classes)
        candidates[name] = partial(step, model, pictures)
    return medians(candidates, repeats)


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
    parser.add_argument(
        'data', nargs='?', default='voc-mini', choices=('voc-mini', 'scenes')
    )
    parser.add_argument('--images', type=int, default=16)
    args = parse(parser, repeats=5)
    ms = steps(args.data, args.images, args.repeats)
    print(f'{args.data}, {args.images} images, {machine()}:\n')
    print_table(
        ['baseline', 'ms', "of CAM's step"],
        (
            [name, f'{value:.0f}', f'x{value / ms["CAM"]:.2f}']
            for name, value in ms.items()
        ),
    )
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
