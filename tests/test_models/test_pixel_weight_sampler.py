"""Pixel weights through real heads: MARS's weighted cross-entropy (Eq. 7)."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_wsss.structures import (
    batch_context,
    set_image_labels,
    set_pixel_weights,
)

SAMPLER = dict(type='mmseg_wsss.PixelWeightSampler')


def head(sampler=SAMPLER, losses=(), **options):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='FCNHead',
            in_channels=4,
            channels=4,
            num_convs=1,
            num_classes=3,
            dropout_ratio=0,
            sampler=sampler,
            loss_decode=[
                dict(type='CrossEntropyLoss', avg_non_ignore=True),
                *losses,
            ],
            **options,
        )
    )


def batch(weights=None, size=8):
    generator = torch.Generator().manual_seed(1)
    samples = []
    for index in range(2):
        sample = SegDataSample()
        label = torch.randint(0, 3, (1, size, size), generator=generator)
        label[:, :2] = 255
        sample.gt_sem_seg = PixelData(data=label)
        set_image_labels(sample, torch.tensor([1.0, 1.0, 0.0]))
        if weights is not None:
            set_pixel_weights(sample, weights[index])
        samples.append(sample)
    return samples, (torch.randn(2, 4, size, size, generator=generator),)


def losses_of(module, samples, features):
    with batch_context(samples):
        return module.loss(features, samples, {})


def test_weighted_cross_entropy_is_eq_7_per_valid_pixel():
    weights = torch.rand(2, 8, 8, generator=torch.manual_seed(2))
    samples, features = batch(weights)
    module = head()
    loss = losses_of(module, samples, features)['loss_ce']
    log_p = module(features).log_softmax(1)
    total, valid = 0.0, 0
    for n, sample in enumerate(samples):
        label = sample.gt_sem_seg.data[0]
        for y in range(8):
            for x in range(8):
                if label[y, x] != 255:
                    total -= weights[n, y, x] * log_p[n, label[y, x], y, x]
                    valid += 1
    assert loss.item() == pytest.approx((total / valid).item(), rel=1e-5)


def test_weight_one_is_cross_entropy_and_a_tenth_is_a_tenth():
    plain = losses_of(head(None), *batch())['loss_ce']
    for weights, factor in (
        (None, 1),
        (torch.ones(2, 8, 8), 1),
        (torch.full((2, 8, 8), 0.1), 0.1),  # not divided by the sum of W
    ):
        loss = losses_of(head(), *batch(weights))['loss_ce']
        assert loss.item() == pytest.approx(factor * plain.item(), rel=1e-6)


def test_no_gradient_where_the_weight_is_zero():
    weights = torch.ones(2, 8, 8)
    weights[:, :, 4:] = 0
    samples, _ = batch(weights)
    logits = torch.randn(2, 3, 8, 8, requires_grad=True)
    module = head()
    with batch_context(samples):
        module.loss_by_feat(logits, samples)['loss_ce'].backward()
    assert not logits.grad[..., 4:].any()
    assert logits.grad[:, :, 2:, :4].abs().sum(1).min() > 0


def test_other_losses_of_the_head_are_weighted_too():
    losses = [dict(type='mmseg_wsss.OCRLoss', pixels='all')]
    half = losses_of(head(losses=losses), *batch(torch.full((2, 8, 8), 0.5)))
    full = losses_of(head(None, losses=losses), *batch())
    assert full['loss_ocr'] > 0
    assert half['loss_ocr'].item() == pytest.approx(
        full['loss_ocr'].item() / 2
    )


def test_weights_of_another_size():
    weights = torch.ones(2, 4, 4)
    weights[:, 2:] = 0
    samples, features = batch(weights)
    module = head()
    label = torch.stack([s.gt_sem_seg.data for s in samples])
    with batch_context(samples):
        given = module.sampler.sample(module(features), label)
    assert given.shape == (2, 8, 8)
    assert given[:, :4].min() == 1 and given[:, 4:].max() == 0


def test_without_a_batch_the_error_names_the_hook():
    samples, features = batch()
    with pytest.raises(RuntimeError, match='WeakSupervisionHook'):
        head().loss(features, samples, {})
