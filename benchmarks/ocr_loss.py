"""OCRLoss against cross-entropy and against the appendix's plain formula.

    python benchmarks/ocr_loss.py            # time and peak memory
    python benchmarks/ocr_loss.py --step     # share of a DeepLabV3+ R50 step

Forward and backward on the same logits, by the share of out-of-candidate (OC)
pixels. Peak memory is the growth in a fresh process. "Plain" is Eq. 19 written
with exponentials at every pixel (the appendix's, with its errors fixed so
that it computes the same value). Ratios are to cross-entropy (CE): below 1 the
loss takes less time. The step is one of DeepLabV3+ R50 with SGD.
"""

from __future__ import annotations

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
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_wsss.models.losses.ocr_loss import OCRLoss

SHAPES = [(4, 21, 321, 321), (2, 81, 321, 321)]
SHARES = [0.1, 0.5, 0.95]


def batch(shape: tuple[int, ...], share: float) -> dict:
    """Random logits with a given share of out-of-candidate pixels."""
    torch.manual_seed(0)
    n, c, h, w = shape
    labels = torch.zeros(n, c)
    labels[:, 0] = 1
    for row in labels:
        row[1 + torch.randperm(c - 1)[:2]] = 1
    logits = torch.randn(shape)
    winner = torch.zeros(n, h, w, dtype=torch.long)
    rows = round(share * h)
    for i in range(n):
        present = labels[i].nonzero().flatten()
        absent = (labels[i] == 0).nonzero().flatten()
        winner[i] = present[torch.randint(len(present), (h, w))]
        winner[i, :rows] = absent[torch.randint(len(absent), (rows, w))]
    logits.scatter_add_(1, winner[:, None], torch.full_like(logits, 8.0))
    return dict(
        logits=logits.to(DEVICE).requires_grad_(),
        label=torch.zeros(n, h, w, dtype=torch.long, device=DEVICE),
        image_labels=labels.to(DEVICE),
        prior=torch.rand(c, c, device=DEVICE),
    )


def cross_entropy(logits, label, **_):
    return F.cross_entropy(logits, label, ignore_index=255)


def ours(logits, label, image_labels, prior):
    criterion = OCRLoss()
    criterion.prior = prior
    return criterion(logits, label, image_labels=image_labels)


def plain(logits, label, image_labels, prior):
    """Eq. 19 at every pixel with exp, sum and log."""
    inside = image_labels.bool()[:, :, None, None]
    prob = logits.detach().softmax(1)
    is_oc = ~inside.expand_as(prob).gather(1, prob.argmax(1, keepdim=True))
    anchor_prob, anchor = (prob * inside).max(1, keepdim=True)
    related = prior[anchor[:, 0]].permute(0, 3, 1, 2)
    keep = inside & (anchor_prob - prob * related < 0.2)
    keep = keep.scatter(1, anchor, True)
    sum_ic = ((-logits).exp() * keep).sum(1)
    sum_oc = ((logits + 2).exp() * ~inside).sum(1)
    return (is_oc[:, 0] * torch.log(1 + sum_ic * sum_oc)).mean()


LOSSES = {'ce': cross_entropy, 'ours': ours, 'plain': plain}


def step(loss, data):
    data['logits'].grad = None
    loss(**data).backward()


def peak(name: str, shape: tuple[int, ...], share: float) -> float:
    data = batch(shape, share)
    return peak_mib(lambda: step(LOSSES[name], data))


def rows(repeats: int) -> Iterator[list[str]]:
    for shape in SHAPES:
        for share in SHARES:
            data = batch(shape, share)
            runs = {k: partial(step, f, data) for k, f in LOSSES.items()}
            ms = medians(runs, repeats)
            mib = [in_fresh_process(peak, k, shape, share) for k in LOSSES]
            yield [
                str(shape),
                f'{share:.0%}',
                f'{ms["ce"]:.2f}',
                f'{ms["ours"]:.2f}',
                f'x{ms["ours"] / ms["ce"]:.2f}',
                f'{ms["plain"]:.2f}',
                f'x{ms["plain"] / ms["ce"]:.2f}',
                *(f'{value:.0f}' for value in mib),
            ]


def table(repeats: int) -> None:
    print(f'Forward + backward, {machine()}:\n')
    titles = ['logits', 'OC pixels', 'CE ms', 'OCRLoss ms', 'of CE']
    titles += ['plain ms', 'of CE', 'CE MiB', 'OCRLoss MiB', 'plain MiB']
    print_table(titles, rows(repeats))


def training_step(
    amp: bool, repeats: int, shape: tuple[int, ...] = SHAPES[0]
) -> None:
    """Compare OCRLoss with a whole training step of DeepLabV3+ R50."""
    root = Path(__file__).resolve().parents[1]
    cfg = Config.fromfile(
        root / 'configs/_base_/models/deeplabv3plus_r50-d8.py'
    )
    cfg.model.pretrained = None
    for part in (cfg.model.backbone, cfg.model.decode_head):
        part.norm_cfg.type = 'BN'
    cfg.model.auxiliary_head.norm_cfg.type = 'BN'
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model).to(DEVICE)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    n, c, h, w = shape
    images = torch.randn(n, 3, h, w, device=DEVICE)
    samples = []
    for _ in range(n):
        sample = SegDataSample()
        mask = torch.randint(0, c, (1, h, w), device=DEVICE)
        sample.gt_sem_seg = PixelData(data=mask)
        samples.append(sample)

    def whole_step():
        optimizer.zero_grad()
        with torch.autocast(DEVICE, torch.bfloat16, enabled=amp):
            losses = model(images, samples, mode='loss')
        model.parse_losses(losses)[0].backward()
        optimizer.step()

    loss_alone = partial(step, ours, batch(shape, 0.1))
    ms = medians({'step': whole_step, 'loss': loss_alone}, repeats)
    print(
        f'DeepLabV3+ R50, {n} images of {h} x {w}, amp {amp}, {machine()}:\n'
    )
    print_table(
        ['step ms', 'OCRLoss at 10% OC pixels, ms', 'of the step'],
        [
            [
                f'{ms["step"]:.1f}',
                f'{ms["loss"]:.2f}',
                f'{ms["loss"] / ms["step"]:.2%}',
            ]
        ],
    )


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument(
        '--step', action='store_true', help='share of a training step'
    )
    parser.add_argument('--amp', action='store_true', help='step in bfloat16')
    args = parse(parser, repeats=3)
    if args.step:
        training_step(args.amp, args.repeats)
    else:
        table(args.repeats)


if __name__ == '__main__':
    main()
