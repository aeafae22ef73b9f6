"""A training step with MARS's complementing, against one without.

    python benchmarks/complement_step.py               # MobileNetV2, crop 192
    python benchmarks/complement_step.py --crop 512 --images 16 --biased 0.05

Forward and backward of DeepLabV3+ on MobileNetV2, 21 classes, on random
smooth pictures of which every one has biased pixels, and the update of the
teacher; no optimizer. The ratio is to a step with cross-entropy that leaves
the biased pixels out: what the teacher and its refiner add. Images without
biased pixels cost nothing more.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import torch
import torch.nn.functional as F
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
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from runs import ROOT

import mmseg_wsss
from mmseg_wsss.compat import load_config
from mmseg_wsss.engine.teacher import Teacher
from mmseg_wsss.structures.labels import BIASED_LABEL, IGNORE_LABEL

CLASSES = 21


def build(seen: int = CLASSES) -> torch.nn.Module:
    """Build the network without pretrained weights.

    It thinks of the first ``seen`` classes only, as after some training:
    these are the ones that are refined.
    """
    init_default_scope('mmseg')
    base = ROOT / 'configs/_base_/models/deeplabv3plus_mobilenetv2.py'
    cfg = load_config(base).model
    cfg.type = 'mmseg_wsss.WSSSEncoderDecoder'
    cfg.data_preprocessor.size_divisor = 1
    cfg.decode_head.sampler = dict(type='mmseg_wsss.PixelWeightSampler')
    model = MODELS.build(cfg)
    with torch.no_grad():
        model.decode_head.conv_seg.weight.zero_()
        model.decode_head.conv_seg.bias[seen:] -= 20
    return model.to(DEVICE).train()


def batch(number: int, size: int, biased: float, mark: int) -> dict:
    """Return random images whose biased pixels have the label ``mark``."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(number, 3, size // 16, size // 16, generator=generator)
    pictures = F.interpolate(coarse * 255, (size, size), mode='bilinear')
    labels = torch.zeros(CLASSES)
    labels[:3] = 1
    samples = []
    for _ in range(number):
        sample = SegDataSample()
        label = torch.randint(0, 3, (1, size, size), generator=generator)
        label[:, : round(biased * size)] = mark
        sample.gt_sem_seg = PixelData(data=label)
        mmseg_wsss.set_image_labels(sample, labels)
        samples.append(sample)
    return dict(inputs=list(pictures.byte()), data_samples=samples)


def followed(model: torch.nn.Module, data: dict, follow: Callable) -> None:
    step(model, data)
    follow(model)


def complemented(data: dict, refine: str | None, seen: int) -> partial:
    """Prepare a step with a teacher, on a model of its own."""
    model = build(seen)
    hook = mmseg_wsss.ComplementHook(refine=refine)
    hook.teacher = Teacher(hook.ema, model)
    hook.before_train(
        SimpleNamespace(
            model=model, train_dataloader=SimpleNamespace(dataset=None)
        )
    )
    return partial(followed, model, data, hook.teacher.update)


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument('--images', type=int, default=4)
    parser.add_argument('--crop', type=int, default=192)
    parser.add_argument('--biased', type=float, default=0.1)
    args = parse(parser, repeats=5)
    make = partial(batch, args.images, args.crop, args.biased)
    data = make(BIASED_LABEL)
    candidates = {
        'cross-entropy, biased pixels ignored': partial(
            step, build(), make(IGNORE_LABEL)
        ),
        'teacher, not refined': complemented(data, None, CLASSES),
    }
    refiners = {'local refiner': 'local', 'DenseCRF': 'crf'}
    if importlib.util.find_spec('pydensecrf') is None:
        del refiners['DenseCRF']
    for name, refine in refiners.items():
        for seen in (CLASSES, 4):
            title = f'teacher, {name}, {seen} classes in an image'
            candidates[title] = complemented(data, refine, seen)
    ms = medians(candidates, args.repeats)
    plain = next(iter(ms.values()))
    print(
        f'{args.images} images of {args.crop}, {args.biased:.0%} biased '
        f'pixels, {CLASSES} classes, {machine()}:\n'
    )
    print_table(
        ['step', 'ms', 'of the plain step'],
        (
            [name, f'{value:.1f}', f'x{value / plain:.2f}']
            for name, value in ms.items()
        ),
    )


if __name__ == '__main__':
    main()
