"""A CAM network's training step with CSD, against one without.

    python benchmarks/csd_step.py                     # MobileNetV2, scenes
    python benchmarks/csd_step.py csd_r50_voc12 --images 4

Forward and backward on random pictures of the configuration's crop size. The
ratio is to a step without pairs. A pair adds a forward without gradient and a
step on two pictures, so where a share m of the images has several labels a
step should take about 1 + 7/3 m of the plain one.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from measure import (
    DEVICE,
    machine,
    medians,
    new_parser,
    parse,
    print_table,
    step,
)
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmengine.utils import import_modules_from_strings
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from runs import ROOT

import mmseg_wsss
from mmseg_wsss.compat import load_config
from mmseg_wsss.structures import set_paste_views


def build(config: str) -> tuple[torch.nn.Module, int]:
    """Build a configuration's network without pretrained weights."""
    cfg = load_config(ROOT / f'configs/{config}.py')
    import_modules_from_strings(**cfg.custom_imports)
    init_default_scope('mmseg')
    cfg.model.backbone.get('stem', cfg.model.backbone).init_cfg = None
    cfg.model.type = 'mmseg_wsss.WSSSEncoderDecoder'
    return MODELS.build(cfg.model).to(DEVICE).train(), cfg.crop_size[0]


def batch(number: int, pairs: int, size: int, classes: int) -> dict:
    """Random images of two classes, of which the first ones have a pair.

    Label maps show one of the classes.
    """
    rng = np.random.default_rng(0)
    pictures = [
        rng.integers(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(4)
    ]
    half = np.zeros((size, size), bool)
    half[: size // 2] = True
    labels = np.zeros(classes)
    labels[:3] = 1
    inputs, samples = [], []
    for index in range(number):
        sample = SegDataSample()
        sample.gt_sem_seg = PixelData(data=torch.from_numpy(half[None]).long())
        mmseg_wsss.set_image_labels(sample, labels)
        if index < pairs:
            set_paste_views(
                sample, *pictures[1:], half, ~half, labels, labels, labels
            )
        inputs.append(torch.from_numpy(pictures[0].transpose(2, 0, 1)))
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument('config', nargs='?', default='csd_mobilenetv2_scenes')
    parser.add_argument('--images', type=int, default=16)
    args = parse(parser, repeats=5)
    model, size = build(f'csd/{args.config}')
    classes = model.decode_head.num_classes
    shares = {0: 'no pair'}
    shares[round(0.41 * args.images)] = "VOC's share"
    shares[args.images] = 'all images'
    ms = medians(
        {
            pairs: partial(
                step, model, batch(args.images, pairs, size, classes)
            )
            for pairs in shares
        },
        args.repeats,
    )
    print(f'{args.config}, {args.images} images of {size}, {machine()}:\n')
    print_table(
        ['pairs', 'ms', 'of the plain step'],
        (
            [
                f'{pairs} ({name})',
                f'{ms[pairs]:.1f}',
                f'x{ms[pairs] / ms[0]:.2f}',
            ]
            for pairs, name in shares.items()
        ),
    )


if __name__ == '__main__':
    main()
