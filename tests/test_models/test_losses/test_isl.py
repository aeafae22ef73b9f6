import math

import pytest
import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample

from mmseg_wsss import (
    BinomialISL,
    GAPLoss,
    batch_context,
    importance_sampling_loss,
    pooling_loss,
    set_image_labels,
)
from mmseg_wsss.models.losses.base import ClassLogits, LossInputs
from mmseg_wsss.models.losses.isl import (
    log_posterior,
    sample_locations,
    sampled_logits,
)


def labels_of(*rows):
    return torch.tensor(rows, dtype=torch.float32)


def random_case(n=2, k=3, h=5, w=4, dtype=torch.float64):
    torch.manual_seed(0)
    logits = torch.randn(n, k, h, w, dtype=dtype, requires_grad=True)
    labels = (torch.rand(n, k) > 0.5).float()
    return logits, labels


def class_logits(logits, labels):
    background = torch.zeros_like(logits[:, :1])
    return ClassLogits(logits, labels.to(logits), background)


def sample(labels):
    data_sample = SegDataSample()
    set_image_labels(data_sample, labels)
    return data_sample


@pytest.mark.parametrize('posterior', ['binomial', 'multinomial'])
def test_equals_a_loop_over_images_classes_and_samples(posterior):
    logits, labels = random_case()
    inputs = class_logits(logits, labels)
    torch.manual_seed(3)
    loss = importance_sampling_loss(inputs, 6, posterior)
    torch.manual_seed(3)
    cells = sample_locations(log_posterior(inputs, posterior), 6)
    total = 0.0
    scores = logits.detach()
    for n in range(2):
        for c in range(3):
            for cell in cells[n, c].tolist():
                s = scores[n, :, cell // 4, cell % 4]
                if posterior == 'binomial':
                    p = 1 / (1 + math.exp(-s[c]))
                else:
                    p = math.exp(s[c]) / (1 + s.exp().sum())
                y = float(labels[n, c])
                total -= y * math.log(p) + (1 - y) * math.log(1 - p)
    assert loss.item() == pytest.approx(total / (2 * 3 * 6), abs=1e-12)


def test_draw_follows_the_posterior():
    logits = torch.tensor([[[[2.0, -1.0], [0.5, -3.0]]]])
    inputs = class_logits(logits, labels_of([1]))
    log_prob = log_posterior(inputs, 'binomial')
    torch.manual_seed(0)
    cells = sample_locations(log_prob, 200_000)
    share = cells.flatten().bincount(minlength=4) / 200_000
    expected = logits.sigmoid().flatten()
    expected = expected / expected.sum()
    assert torch.allclose(share, expected, atol=5e-3)


def test_constant_maps_give_the_gap_loss():
    logits = torch.tensor([0.7, -1.2])[None, :, None, None].expand(1, 2, 6, 6)
    labels = labels_of([1, 0])
    expected = pooling_loss(logits, labels)
    for weight in (0.0, 0.3, 1.0):
        loss = BinomialISL(isl_weight=weight)(
            logits, image_labels=labels, background_index=None
        )
        assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


def test_expectation_does_not_depend_on_the_number_of_samples():
    logits, labels = random_case(dtype=torch.float32)
    logits = logits.detach()
    inputs = class_logits(logits, labels)
    prob = logits.sigmoid()
    prob = prob / prob.sum((2, 3), keepdim=True)
    target = labels[:, :, None, None].expand_as(logits)
    each = F.binary_cross_entropy_with_logits(logits, target, reduction='none')
    expected = (prob * each).sum((2, 3)).mean().item()
    for samples, repeats in ((1, 4000), (10, 400)):
        torch.manual_seed(1)
        runs = [
            importance_sampling_loss(inputs, samples) for _ in range(repeats)
        ]
        mean = torch.stack(runs).mean().item()
        assert mean == pytest.approx(expected, rel=0.02)


def test_gradient_touches_at_most_n_cells_per_class():
    logits, labels = random_case(h=9, w=9)
    BinomialISL(num_samples=10, isl_weight=1.0)(
        logits, image_labels=labels, background_index=None
    ).backward()
    touched = (logits.grad != 0).sum((2, 3))
    assert (touched <= 10).all() and (touched > 0).all()


@pytest.mark.parametrize('pooling', ['gap', 'gmp'])
def test_weight_zero_is_pooling_alone(pooling):
    logits, labels = random_case()
    criterion = BinomialISL(isl_weight=0, pooling=pooling)
    loss = criterion(logits, image_labels=labels, background_index=None)
    pooled = logits.mean((2, 3)) if pooling == 'gap' else logits.amax((2, 3))
    expected = F.multilabel_soft_margin_loss(pooled, labels.double())
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)


def test_convex_combination():
    logits, labels = random_case()
    torch.manual_seed(5)
    both = BinomialISL(isl_weight=0.2)(
        logits, image_labels=labels, background_index=None
    )
    torch.manual_seed(5)
    alone = BinomialISL(isl_weight=1.0)(
        logits, image_labels=labels, background_index=None
    )
    gap = GAPLoss()(logits, image_labels=labels, background_index=None)
    assert both.item() == pytest.approx((0.8 * gap + 0.2 * alone).item())


def test_posteriors_agree_for_one_class():
    logits, _ = random_case(k=1)
    inputs = class_logits(logits, labels_of([1], [0]))
    binomial = log_posterior(inputs, 'binomial')
    assert torch.allclose(binomial, log_posterior(inputs, 'multinomial'))
    cells = torch.tensor([[[0, 7]], [[3, 19]]])
    assert torch.allclose(
        sampled_logits(inputs, cells),
        sampled_logits(inputs, cells, 'multinomial'),
    )


def test_seed_repeats_the_loss():
    logits, labels = random_case()
    criterion = BinomialISL()
    values = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        values.append(
            criterion(
                logits, image_labels=labels, background_index=None
            ).item()
        )
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize('posterior', ['binomial', 'multinomial'])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_huge_logits_stay_finite(posterior, dtype):
    logits = torch.full((1, 2, 3, 3), -1e4, dtype=dtype)
    logits[:, 0, 1] = 1e4
    logits.requires_grad_()
    criterion = BinomialISL(posterior=posterior, isl_weight=0.5)
    loss = criterion(
        logits, image_labels=labels_of([0, 1]), background_index=None
    )
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss) and torch.isfinite(logits.grad).all()
    assert loss > 1e3


def test_no_labels_one_class_and_single_cells():
    for rows in ([[0, 0]], [[1, 0]]):
        logits = torch.zeros(1, 2, 1, 1, requires_grad=True)
        loss = BinomialISL()(
            logits, image_labels=labels_of(*rows), background_index=None
        )
        loss.backward()
        assert loss.item() == pytest.approx(math.log(2))
        sign = 0.5 - labels_of(*rows)[:, :, None, None]
        assert torch.allclose(logits.grad, sign / 2)


def test_autocast_computes_in_float32():
    logits, labels = random_case(dtype=torch.float32)
    torch.manual_seed(0)
    expected = BinomialISL()(
        logits, image_labels=labels, background_index=None
    )
    torch.manual_seed(0)
    with torch.autocast('cpu', torch.bfloat16):
        loss = BinomialISL()(
            logits, image_labels=labels, background_index=None
        )
    assert loss.dtype == torch.float32 and torch.equal(loss, expected)


def test_head_with_a_background_channel():
    logits, _ = random_case(k=4)
    samples = [sample(labels_of([1, 0, 1, 1])[0]) for _ in range(2)]
    label_map = torch.zeros(2, 5, 4, dtype=torch.long)
    torch.manual_seed(0)
    with batch_context(samples):
        loss = BinomialISL()(logits, label_map, ignore_index=255)
    torch.manual_seed(0)
    expected = BinomialISL()(
        logits[:, 1:], image_labels=labels_of([1, 0, 1, 1], [1, 0, 1, 1])
    )
    assert torch.equal(loss, expected)


def test_cam_head_takes_the_foreground_of_the_batch_labels():
    logits, _ = random_case(k=3)
    samples = [sample(labels_of([1, 0, 1, 1])[0]) for _ in range(2)]
    with batch_context(samples):
        loss = GAPLoss()(logits)
    expected = pooling_loss(logits, labels_of([0, 1, 1], [0, 1, 1]))
    assert torch.equal(loss, expected)


def test_background_channel_takes_part_in_the_multinomial():
    logits, _ = random_case(n=1, k=3)
    labels = labels_of([1, 1, 0])
    inputs = LossInputs('ISL', logits, None, 255, labels).foreground()
    assert torch.equal(inputs.background, logits[:, :1])
    assert torch.allclose(
        log_posterior(inputs, 'multinomial'), logits.log_softmax(1)[:, 1:]
    )


def test_nan_logits_name_the_loss_the_class_and_the_image():
    logits, labels = random_case()
    bad = logits.detach().clone()
    bad[1, 2, 0, 0] = float('nan')
    with pytest.raises(ValueError, match=r'BinomialISL.*\[2\].*image \[1\]'):
        BinomialISL()(bad, image_labels=labels, background_index=None)
    bad[1, 2, 0, 0] = float('inf')
    with pytest.raises(ValueError, match=r'GAPLoss.*\[2\].*image \[1\]'):
        GAPLoss()(bad, image_labels=labels, background_index=None)


def test_nan_logits_are_sampled_too():
    """On a GPU, where no value is read, they give a loss of NaN."""
    log_prob = torch.tensor([0.1, float('nan'), 0.6]).log().view(1, 1, 1, 3)
    assert (sample_locations(log_prob, 1000) == 1).all()
    assert sample_locations(log_prob * float('nan'), 5).max() <= 2


def test_finite_logits_with_an_infinite_sum_pass():
    logits = torch.full((1, 1, 2, 2), 3e38)
    assert torch.isinf(logits.sum())
    assert (
        BinomialISL(isl_weight=1)(
            logits, image_labels=labels_of([1]), background_index=None
        )
        == 0
    )


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(num_samples=0), 'num_samples must be >= 1'),
        (dict(isl_weight=1.5), 'isl_weight is in'),
        (dict(posterior='normal'), 'posterior must be one of'),
        (dict(pooling='max'), 'pooling must be one of'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        BinomialISL(**options)


def test_bad_shapes():
    logits, _ = random_case()
    with pytest.raises(
        ValueError, match='BinomialISL: logits have 3 channels'
    ):
        BinomialISL()(logits, image_labels=torch.ones(2, 5))
    with pytest.raises(ValueError, match='needs logits'):
        BinomialISL()(logits[0], image_labels=torch.ones(2, 3))
    with pytest.raises(RuntimeError, match='WeakSupervisionHook'):
        BinomialISL()(logits)
