"""PMM's cross-entropy: numbers, a loop, gradients, heads, two ranks."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_wsss import UnderFittingCrossEntropy
from mmseg_wsss.models.losses import under_fitting_loss
from tests.processes import run_ranks


def logits_of(*losses):
    """Two-class logits whose cross-entropy with class 0 is given."""
    losses = torch.tensor(losses, dtype=torch.float64)
    z = torch.zeros(1, 2, 1, len(losses), dtype=torch.float64)
    z[0, 1, 0] = losses.expm1().log()
    return z


def sample(dtype=torch.float32, seed=0, scale=1.0):
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn(2, 4, 5, 6, generator=rng, dtype=torch.float64) * scale
    label = torch.randint(0, 4, (2, 5, 6), generator=rng)
    label[:, :2, :3] = 255
    return z.to(dtype), label


@pytest.mark.parametrize(
    ('losses', 'expected', 'limited'),
    [((0.1, 0.2, 0.9), 0.2666667, True), ((0.1, 0.9, 0.9), 0.6333333, False)],
)
def test_by_hand(losses, expected, limited):
    z = logits_of(*losses).requires_grad_()
    loss = UnderFittingCrossEntropy()(z, torch.zeros(1, 1, 3).long())
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    loss.backward()
    changed = z.grad[0].abs().sum(0)[0] > 0
    assert changed.tolist() == [True, True, not limited]


def test_from_the_start():
    z, label = logits_of(0.1, 0.9, 0.9), torch.zeros(1, 1, 3).long()
    loss = UnderFittingCrossEntropy(begin_below=None)(z, label)
    assert loss.item() == pytest.approx(1.1 / 3)
    weighted = UnderFittingCrossEntropy(None, loss_weight=0.4)(z, label)
    assert weighted.item() == pytest.approx(0.4 * 1.1 / 3)


@pytest.mark.parametrize('begin', [0.5, 1.2, 100.0])
def test_against_a_loop(begin):
    z, label = sample(torch.float64)
    losses = []
    for n in range(2):
        for i in range(5):
            for j in range(6):
                target = int(label[n, i, j])
                p = z[n, :, i, j].exp() / z[n, :, i, j].exp().sum()
                loss = 0.0 if target == 255 else -p[target].log().item()
                losses.append(loss)
    if sum(losses) / len(losses) < begin:  # ignored pixels count
        losses = [min(loss, 0.8) for loss in losses]
    found = UnderFittingCrossEntropy(begin, 0.8)(z, label)
    assert found.item() == pytest.approx(sum(losses) / len(losses))


def test_a_high_limit_is_the_cross_entropy():
    z, label = sample()
    found = UnderFittingCrossEntropy(100.0, 100.0)(z, label)
    expected = F.cross_entropy(z, label, ignore_index=255, reduction='none')
    torch.testing.assert_close(found, expected.mean())


@pytest.mark.parametrize('begin', [None, 0.1, 100.0])
def test_gradients_in_float64(begin):
    z, label = sample(torch.float64)
    loss = UnderFittingCrossEntropy(begin, 0.8)
    torch.autograd.gradcheck(lambda z: loss(z, label), z.requires_grad_())


def test_weights_multiply_the_limited_loss():
    z, label = logits_of(0.1, 0.2, 0.9), torch.zeros(1, 1, 3).long()
    weight = torch.tensor([[[1.0, 0.0, 2.0]]])
    loss = UnderFittingCrossEntropy()(z, label, weight=weight)
    assert loss.item() == pytest.approx((0.1 + 2 * 0.5) / 3)


def test_nothing_to_learn_from():
    z, label = sample()
    for logits, labels in (
        (z, label.fill_(255)),
        (z[:0], label[:0]),
    ):
        logits = logits.clone().requires_grad_()
        loss = UnderFittingCrossEntropy()(logits, labels)
        assert loss.item() == 0
        loss.backward()
        assert not logits.grad.any()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    z, label = sample(dtype, scale=3.0)
    z.requires_grad_()
    loss = UnderFittingCrossEntropy(None)(z, label)
    exact = UnderFittingCrossEntropy(None)(z.detach().double(), label)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=1e-5)
    loss.backward()
    assert torch.isfinite(z.grad).all()
    with torch.autocast('cpu', torch.bfloat16):
        again = UnderFittingCrossEntropy(None)(z, label)
    assert torch.equal(again, loss)


def test_inputs_keep_their_values():
    z, label = sample()
    before = z.clone(), label.clone()
    UnderFittingCrossEntropy(100.0)(z, label)
    assert torch.equal(z, before[0]) and torch.equal(label, before[1])
    pixels = torch.tensor([0.1, 0.9])
    under_fitting_loss(pixels, 1.0)
    assert pixels.tolist() == pytest.approx([0.1, 0.9])


def test_in_heads_of_mmseg():
    init_default_scope('mmseg')
    torch.manual_seed(0)
    head = MODELS.build(
        dict(
            type='FCNHead',
            in_channels=8,
            channels=8,
            num_convs=1,
            num_classes=3,
            sampler=dict(type='OHEMPixelSampler', thresh=0.9, min_kept=10),
            loss_decode=[
                dict(type='mmseg_wsss.UnderFittingCrossEntropy'),
                dict(type='CrossEntropyLoss'),
            ],
        )
    )
    mask = torch.randint(0, 3, (2, 1, 16, 16))
    mask[:, :, :4] = 255
    samples = [SegDataSample() for _ in mask]
    for one, data in zip(samples, mask, strict=True):
        one.gt_sem_seg = PixelData(data=data)
    z = torch.randn(2, 3, 8, 8, requires_grad=True)
    losses = head.loss_by_feat(z, samples)
    assert set(losses) == {'loss_under_fitting', 'loss_ce', 'acc_seg'}
    # The loss is high: nothing is limited yet.
    torch.testing.assert_close(losses['loss_under_fitting'], losses['loss_ce'])
    losses['loss_under_fitting'].backward()
    assert z.grad.any()


def test_errors():
    for options in (
        dict(limit=0),
        dict(limit=-1.0),
        dict(begin_below=0),
        dict(begin_below=float('nan')),
    ):
        with pytest.raises(ValueError, match='needs limit > 0'):
            UnderFittingCrossEntropy(**options)
    z, label = sample()
    loss = UnderFittingCrossEntropy()
    with pytest.raises(ValueError, match=r'label must be \(2, 5, 6\)'):
        loss(z, label[:, None])
    with pytest.raises(ValueError, match=r'weight must be \(2, 5, 6\)'):
        loss(z, label, weight=torch.ones(2, 5))
    for wrong in (z[:, :1], z[0]):
        with pytest.raises(ValueError, match=r'logits \(N, C, H, W\)'):
            loss(wrong, label)


TWO_RANKS = """
import os
import torch
from mmseg_wsss import UnderFittingCrossEntropy
from tests.test_models.test_losses.test_under_fitting import logits_of


def main():
    torch.distributed.init_process_group('gloo')
    rank = torch.distributed.get_rank()
    label = torch.zeros(1, 1, 3).long()
    # The means .6333 and .1, of both .3667; then .6333 and .8, of both .7167.
    for other, expected in ((0.1, (1.1 / 3, 0.1)), (0.8, (1.9 / 3, 0.8))):
        z = logits_of(*((0.1, 0.9, 0.9), (other,) * 3)[rank])
        loss = UnderFittingCrossEntropy()(z.requires_grad_(), label)
        loss.backward()
        assert abs(loss.item() - expected[rank]) < 1e-6, (rank, loss)


main()
torch.distributed.barrier()
os._exit(0)
"""


def test_two_ranks_share_the_mean(tmp_path):
    """Where one rank alone is above b, both are limited, or neither."""
    script = tmp_path / 'two.py'
    script.write_text(TWO_RANKS)
    done = run_ranks(2, script)
    assert done.returncode == 0, done.stdout + done.stderr
