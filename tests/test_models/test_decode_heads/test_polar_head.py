"""Spatial-BCE's head: thresholds, gradients, seeds, several scales."""

import math

import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_wsss import CAMTTAModel, PolarHead
from mmseg_wsss.models.decode_heads import PolarMaps

K = 3


def head(**options):
    torch.manual_seed(0)
    return PolarHead(8, num_classes=K + 1, in_index=0, **options).eval()


def meta(size):
    return [dict(img_shape=size, pad_shape=size)]


def test_flat_threshold():
    built = head()
    bias = torch.full((1, K), math.log(0.3 / 0.7) / 1)
    cam = torch.zeros(1, K, 2, 2)
    found = 0.5 - built.activation(PolarMaps(cam, bias))
    # sigmoid(logit(0.3) / 10)
    assert torch.allclose(found, torch.tensor(0.4788302), atol=1e-6)


def test_both_forms_cut_at_the_same_pixels():
    built = head()
    maps = built([torch.randn(2, 8, 5, 6)])
    assert maps.cam.shape == (2, K, 5, 6)
    maps = PolarMaps(maps.cam, torch.randn(2, K))
    cam, others = built.criterion_inputs(maps)
    assert torch.allclose(cam, 10 * maps.cam, rtol=1e-5)
    thresholds = others['threshold_logits'].sigmoid()[:, :, None, None]
    above = cam.sigmoid() > thresholds
    assert torch.equal(above, built.activation(maps) > 0)
    assert 0 < above.float().mean() < 1
    found = built.class_logits(maps) > 0
    assert torch.equal(found, above.flatten(2).any(2))


def test_thresholds_leave_the_features_alone():
    built, features = head(), torch.randn(2, 8, 5, 6, requires_grad=True)
    maps = built([features])
    maps.threshold_logits.sum().backward()
    assert features.grad is None
    assert built.threshold.weight.grad is not None
    maps.cam.sum().backward()
    assert features.grad.any()


def test_seeds_follow_the_thresholds():
    built = head(candidates='all')
    maps = PolarMaps(torch.randn(1, K, 4, 4), 3 * torch.randn(1, K))
    scores = built.predict_by_feat(maps, meta((4, 4)))
    assert scores.shape == (1, K + 1, 4, 4)
    assert scores.min() >= 0 and scores.max() <= 1
    above = built.activation(maps) > 0
    assert torch.equal(scores[:, 1:] > 0.5, above)
    assert torch.equal(scores.argmax(1) == 0, ~above.any(1))
    # Two views more count alike: their sum is cut where their mean is.
    twice = built.scores(2 * built.activation(maps), torch.ones(1, K))
    assert torch.allclose(twice, scores, atol=1e-4)


def test_absent_classes_have_no_score():
    built = head()
    cam = torch.rand(1, K, 4, 4) - 0.5
    scores = built.scores(cam, torch.tensor([[1.0, 0.0, 1.0]]))
    assert not scores[:, 2].any()
    assert (scores[:, 0] == 0.5).all()


def test_augmented_views_are_compared_with_their_mean_threshold():
    init_default_scope('mmseg')
    segmentor = MODELS.build(
        dict(
            type='mmseg_wsss.WSSSEncoderDecoder',
            data_preprocessor=dict(type='SegDataPreProcessor'),
            backbone=dict(type='mmseg_wsss.ResNet38'),
            decode_head=dict(
                type='mmseg_wsss.PolarHead',
                in_channels=3,
                in_index=0,
                num_classes=K + 1,
                candidates='all',
            ),
            test_cfg=dict(mode='whole'),
        )
    )
    segmentor.backbone = nn.Identity()
    built = segmentor.decode_head.eval()
    images = [torch.randint(0, 256, (3, 6, 7)).float() / 255 for _ in 'ab']
    sample = SegDataSample()
    sample.set_metainfo(dict(ori_shape=(6, 7), img_shape=(6, 7), flip=False))
    data = dict(
        inputs=[[image] for image in images],
        data_samples=[[sample.clone()] for _ in images],
    )
    (found,) = CAMTTAModel(segmentor).eval().test_step(data)
    maps = [built([image[None]]) for image in images]
    flat = [m.threshold_logits / 10 for m in maps]
    score = sum(m.cam.sigmoid() for m in maps) / 2
    threshold = sum(bias.sigmoid() for bias in flat) / 2
    above = score > threshold[:, :, None, None]
    assert 0 < above.float().mean() < 1
    assert torch.equal(found.seg_logits.data[1:] > 0.5, above[0])


def test_features_that_are_no_maps():
    with pytest.raises(ValueError, match='PolarHead needs feature maps'):
        head()([torch.randn(2, 8)])
