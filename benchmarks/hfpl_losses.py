"""FSL and ISL against their literal forms, and in a CAM network's step.

    python benchmarks/hfpl_losses.py           # time and peak memory
    python benchmarks/hfpl_losses.py --step    # share of a ResNet-50 step

Forward and backward with 20 classes, two of them present. Peak memory is the
growth in a fresh process after a small call. The literal FSL forms all H W x
H W pairs, as Eqs. 9 to 13 are printed; at 112 x 112 it gets one image, as
eight would need 30 GiB. The literal ISL draws for one class of one image at a
time. The ratio is our time over the literal form's: below 1 ours is faster.
The step is forward, backward and SGD of a ResNet-50 CAM network.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from measure import (
    DEVICE,
    in_fresh_process,
    machine,
    medians,
    new_parser,
    parse,
    peak_mib,
    print_table,
)
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

import mmseg_wsss
from mmseg_wsss.models.losses.fsl import FSL
from mmseg_wsss.models.losses.isl import BinomialISL
from mmseg_wsss.models.losses.pooling_loss import GAPLoss

SIZES = {56: 8, 64: 8, 112: 1}
CLASSES = 20


def batch(number: int, size: int) -> dict:
    torch.manual_seed(0)
    labels = torch.zeros(number, CLASSES, device=DEVICE)
    for row in labels:
        row[torch.randperm(CLASSES)[:2]] = 1
    images = torch.rand(number, 3, size, size, device=DEVICE)
    logits = torch.randn(number, CLASSES, size, size, device=DEVICE)
    return dict(
        cam_logits=logits.requires_grad_(),
        image_labels=labels,
        images=F.avg_pool2d(images, 3, 1, 1),
    )


def literal_fsl(cam_logits, image_labels, images):
    """Eqs. 9 to 13 over all pairs."""
    n, _, height, width = cam_logits.shape
    gated = cam_logits.relu()
    gated = gated / (gated.amax((2, 3), keepdim=True) + 1e-5)
    gated = gated * image_labels[:, :, None, None]
    rows, cols = torch.meshgrid(
        torch.arange(height), torch.arange(width), indexing='ij'
    )
    place = torch.stack([rows, cols], -1).view(-1, 2).to(gated)
    near = torch.cdist(place, place).square().div(-50).exp() / (50 * math.pi)
    colours = images.flatten(2).transpose(1, 2)
    far = torch.cdist(colours, colours, p=1) / 3
    far = torch.tanh(2.5 + torch.log((far + 1e-5) / (1 - far + 1e-5)))
    gated = gated.flatten(2).transpose(1, 2)
    apart = torch.cdist(gated, gated).square() / 2
    return -(near * apart * far).sum() / (n * height * width)


def loop_isl(cam_logits, image_labels, images):
    """Eqs. 14 to 18, class by class."""
    losses = []
    for scores, labels in zip(cam_logits, image_labels, strict=True):
        for score, label in zip(scores, labels, strict=True):
            flat = score.flatten()
            cells = torch.multinomial(
                flat.detach().sigmoid() + 1e-5, 10, replacement=True
            )
            drawn = flat[cells].sigmoid()
            losses += [
                F.binary_cross_entropy(p, label) for p in drawn.unbind()
            ]
    pooled = F.multilabel_soft_margin_loss(
        cam_logits.mean((2, 3)), image_labels
    )
    return 0.8 * pooled + 0.2 * torch.stack(losses).mean()


def ours_fsl(cam_logits, image_labels, images):
    criterion = FSL(max_size=cam_logits.shape[2])
    return criterion(cam_logits, image_labels=image_labels, images=images)


def ours_isl(cam_logits, image_labels, images):
    return BinomialISL()(cam_logits, image_labels=image_labels)


LOSSES = {
    'fsl': ours_fsl,
    'literal fsl': literal_fsl,
    'isl': ours_isl,
    'loop isl': loop_isl,
}


def step(loss, data):
    data['cam_logits'].grad = None
    loss(**data).backward()


def peak(name: str, number: int, size: int) -> float:
    step(LOSSES[name], batch(1, 8))  # loads the kernels' code
    data = batch(number, size)
    return peak_mib(lambda: step(LOSSES[name], data))


def rows(repeats: int) -> Iterator[list[str]]:
    for ours, literal in (('fsl', 'literal fsl'), ('isl', 'loop isl')):
        for size, number in SIZES.items():
            data = batch(number, size)
            pair = {k: partial(step, LOSSES[k], data) for k in (ours, literal)}
            ms = medians(pair, repeats)
            mib = {k: in_fresh_process(peak, k, number, size) for k in pair}
            yield [
                ours.upper(),
                f'{size} x {size}',
                str(number),
                f'{ms[literal]:.2f}',
                f'{ms[ours]:.2f}',
                f'x{ms[ours] / ms[literal]:.3f}',
                f'{mib[literal]:.0f}',
                f'{mib[ours]:.0f}',
            ]


def table(repeats: int) -> None:
    print(f'Forward + backward, {machine()}:\n')
    titles = ['loss', 'map', 'images', 'literal ms', 'ours ms', 'ratio']
    print_table([*titles, 'literal MiB', 'ours MiB'], rows(repeats))


def training_step(
    amp: bool, number: int, repeats: int, size: int = 448
) -> None:
    """Compare ISL + FSL with a whole training step of a ResNet-50 CAM net."""
    root = Path(mmseg_wsss.__file__).resolve().parents[1]
    cfg = Config.fromfile(root / 'configs/_base_/models/cam_r50.py')
    cfg.model.backbone.init_cfg = None
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model).to(DEVICE)
    model.train()  # freezes the batch norms, as in training
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    inputs = torch.randn(number, 3, size, size, device=DEVICE)
    images = torch.rand(number, 3, size, size, device=DEVICE)
    data = batch(number, size // 16)
    data['images'] = images
    samples = []
    for row in data['image_labels']:
        sample = SegDataSample()
        background = row.new_ones(1)
        mmseg_wsss.set_image_labels(sample, torch.cat([background, row]))
        samples.append(sample)
    fsl = FSL(upsample=2)  # as configs/hfpl/isl-fsl_r50_voc12.py
    criteria = {
        'GAP': [GAPLoss()],
        'ISL + FSL': [BinomialISL(), fsl],
    }

    def whole_step(losses):
        model.decode_head.loss_decode = torch.nn.ModuleList(losses)
        optimizer.zero_grad()
        with (
            mmseg_wsss.batch_context(samples, lambda: images),
            torch.autocast(DEVICE, torch.bfloat16, enabled=amp),
        ):
            values = model(inputs, samples, mode='loss')
        model.parse_losses(values)[0].backward()
        optimizer.step()

    def losses_alone(**data):
        return ours_isl(**data) + fsl(**data)

    ms = medians(
        {
            **{k: partial(whole_step, v) for k, v in criteria.items()},
            'losses': partial(step, losses_alone, data),
        },
        repeats,
    )
    print(
        f'ResNet-50 CAM network, {number} images of {size} x {size}, amp '
        f'{amp}, {machine()}:\n'
    )
    names = {
        'GAP': 'step with GAP',
        'ISL + FSL': 'step with ISL + FSL',
        'losses': 'ISL + FSL alone',
    }
    print_table(
        ['', 'ms', 'of the step with GAP'],
        (
            [title, f'{ms[name]:.1f}', f'{ms[name] / ms["GAP"]:.1%}']
            for name, title in names.items()
        ),
    )


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument(
        '--step', action='store_true', help='share of a training step'
    )
    parser.add_argument('--amp', action='store_true', help='step in bfloat16')
    parser.add_argument('--images', type=int, default=8, help='in a step')
    args = parse(parser, repeats=3)
    if args.step:
        training_step(args.amp, args.images, args.repeats)
    else:
        table(args.repeats)


if __name__ == '__main__':
    main()
