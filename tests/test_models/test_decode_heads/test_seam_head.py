"""SEAM's head: pixel correlation, gradients, prediction, several scales."""

import math

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS

from mmseg_wsss import SEAMHead, batch_context
from mmseg_wsss.models.decode_heads.pixel_correlation import (
    PixelCorrelation,
    correlate,
)
from mmseg_wsss.pseudo_labels import affinity_product, winning_scores
from tests import tiny

CHANNELS, K = (6, 5, 8), 3


def maps(height=5, width=6, n=2):
    return [torch.randn(n, c, height, width) for c in CHANNELS]


def head(**options):
    torch.manual_seed(0)
    built = SEAMHead(CHANNELS, **{'num_classes': K + 1, **options})
    built.init_weights()
    return built


def run(built, features, images=None):
    if images is None:
        images = torch.rand(len(features[0]), 3, 40, 48)
    with batch_context(None, lambda: images):
        return built(features)


# ------------------------------------------------------------------ correlate
def test_by_hand():
    features = torch.tensor([[1.0, 0.6, -1.0], [0.0, 0.8, 0.0]])
    scores = torch.tensor([1.0, 0.0, 0.5]).view(1, 1, 1, 3)
    expected = torch.tensor([0.625, 0.375, 0.5])
    for length in (1, 7):  # of the features does not count
        refined = correlate(scores, length * features.view(1, 2, 1, 3))
        assert torch.allclose(refined.flatten(), expected, atol=2e-5)


def test_against_a_loop():
    torch.manual_seed(0)
    scores, features = torch.rand(2, 3, 3, 4), torch.randn(2, 5, 3, 4)
    refined = correlate(scores, features)
    for n in range(2):
        f = features[n].flatten(1).double()
        for j in range(12):
            weights = []
            for i in range(12):
                cosine = f[:, i] @ f[:, j] / (f[:, i].norm() * f[:, j].norm())
                weights.append(max(float(cosine), 0.0))
            value = sum(
                w * scores[n].flatten(1)[:, i] for i, w in enumerate(weights)
            )
            value = value / sum(weights)
            ours = refined[n].flatten(1)[:, j]
            assert torch.allclose(ours, value, atol=1e-4)


@pytest.mark.parametrize('block', [1, 7, 30])
def test_blocks_agree(block):
    torch.manual_seed(0)
    scores, features = torch.rand(2, 4, 5, 6), torch.randn(2, 9, 5, 6)
    whole = correlate(scores, features, block=30)
    assert torch.allclose(correlate(scores, features, block), whole, atol=1e-6)


def test_columns_sum_to_one_and_a_constant_stays():
    torch.manual_seed(0)
    features = torch.randn(1, 9, 5, 6)
    identity = torch.eye(30).view(1, 30, 5, 6)
    columns = correlate(identity, features).flatten(2)
    assert torch.allclose(columns.sum(1), torch.ones(1, 30), atol=1e-4)
    constant = torch.tensor([0.2, 1.0]).view(1, 2, 1, 1).expand(1, 2, 5, 6)
    refined = correlate(constant, features)
    assert torch.allclose(refined, constant, atol=1e-4)


def test_the_order_of_the_cells_does_not_matter():
    torch.manual_seed(0)
    scores, features = torch.rand(1, 3, 4, 5), torch.randn(1, 6, 4, 5)
    refined = correlate(scores, features)
    flipped = correlate(scores.flip(-1), features.flip(-1))
    assert torch.allclose(flipped.flip(-1), refined, atol=1e-6)
    turned = correlate(scores.mT, features.mT)
    assert torch.allclose(turned.mT, refined, atol=1e-6)


def test_features_of_zeros_are_finite():
    scores = torch.rand(1, 3, 4, 5)
    features = torch.zeros(1, 6, 4, 5, requires_grad=True)
    refined = correlate(scores, features)
    refined.sum().backward()
    assert not refined.any() and torch.isfinite(features.grad).all()


def test_gradcheck():
    torch.manual_seed(0)
    scores = torch.rand(1, 2, 2, 3, dtype=torch.float64)
    features = torch.randn(1, 3, 2, 3, dtype=torch.float64).requires_grad_()
    torch.autograd.gradcheck(lambda f: correlate(scores, f), (features,))


def test_winning_scores():
    cam = torch.tensor([[0.2, 0.7, 0.0], [0.5, 0.1, 0.0]]).view(1, 2, 1, 3)
    expected = [[0.5, 0.3, 1.0], [0.0, 0.7, 0.0], [0.5, 0.0, 0.0]]
    before = cam.clone()
    found = winning_scores(cam)
    assert torch.allclose(found[0, :, 0], torch.tensor(expected))
    assert torch.equal(cam, before)


# --------------------------------------------------------------------- module
def test_module_is_what_the_parts_are():
    torch.manual_seed(0)
    module = PixelCorrelation((6, 5), (4, 6), align_corners=True)
    cam, features = torch.randn(2, K, 5, 6), maps()[:2]
    images = torch.rand(2, 3, 5, 6)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    reduced = [
        torch.nn.functional.conv2d(x, conv.weight).relu()
        for conv, x in zip(module.reduce, features, strict=True)
    ]
    joined = torch.cat([(images - mean) / std, *reduced], 1)
    embedded = torch.nn.functional.conv2d(joined, module.embed.weight)
    unit = embedded / embedded.norm(dim=1, keepdim=True)
    positive = cam.relu()
    scaled = positive / positive.amax((2, 3), keepdim=True)
    scores = winning_scores(scaled)
    products, sums = affinity_product(scores.flatten(2), unit.flatten(2))
    expected = (products / sums).view(2, K + 1, 5, 6)
    refined = module(cam, features, images)
    assert refined.shape == (2, K + 1, 5, 6)
    assert torch.allclose(refined, expected, atol=1e-3)
    assert refined.min() >= 0 and refined.max() <= 1
    assert not set(dict(module.named_buffers())) & set(module.state_dict())


def test_initial_weights():
    built = head()
    width = 192
    bound = 4 * math.sqrt(6 / (3 + 2 * width))
    weight = built.correlation.embed.weight
    assert 0.8 * bound < weight.abs().max() <= bound
    bound = math.sqrt(6 / (8 + K))
    assert 0.5 * bound < built.conv_seg.weight.abs().max() <= bound
    spread = built.correlation.reduce[0].weight.std().item()
    assert spread == pytest.approx(math.sqrt(2 / 6), rel=0.5)


# ----------------------------------------------------------------------- head
def test_gradient_routes():
    built = head(dropout_ratio=0.0)
    features = [x.requires_grad_() for x in maps()]
    out = run(built, features)
    assert out.cam.shape == (2, K, 5, 6)
    out.refined.square().sum().backward()
    assert all(x.grad is None for x in features)
    assert built.conv_seg.weight.grad is None
    for parameter in built.correlation.parameters():
        assert parameter.grad.abs().sum() > 0
    built.zero_grad()
    out.cam.sum().backward()
    assert features[-1].grad.abs().sum() > 0
    assert features[0].grad is None and features[1].grad is None
    for parameter in built.correlation.parameters():
        assert parameter.grad is None


def test_features_of_other_sizes_are_resized():
    built = head().eval()
    features = maps()
    features[0] = torch.nn.functional.interpolate(features[0], scale_factor=2)
    assert run(built, features).refined.shape == (2, K + 1, 5, 6)


def test_autocast_keeps_the_affinities_in_float32():
    built = head().eval()
    features, images = maps(), torch.rand(2, 3, 40, 48)
    exact = run(built, features, images)
    with torch.autocast('cpu', torch.bfloat16):
        out = run(built, features, images)
    assert out.cam.dtype == torch.bfloat16
    assert out.refined.dtype == torch.float32
    assert torch.allclose(out.refined, exact.refined, atol=0.02)


def test_prediction_is_the_refined_cam():
    built = head(candidates='all').eval()
    features = maps(n=1)
    images = torch.rand(1, 3, 40, 48)
    metas = [dict(img_shape=(10, 12))]
    with batch_context(None, lambda: images):
        scores = built.predict(features, metas, {})
        out = built(features)
    refined = built.upsample(out.refined[:, 1:], (10, 12))
    lowest = refined.amin((2, 3), keepdim=True)
    highest = refined.amax((2, 3), keepdim=True)
    expected = (refined - lowest) / (highest - lowest)
    assert scores.shape == (1, K + 1, 10, 12)
    assert torch.allclose(scores[:, 1:], expected, atol=1e-3)


def test_a_data_set_without_background():
    built = head(background_index=None, num_classes=K).eval()
    out = run(built, maps())
    assert out.cam.shape[1] == K and out.refined.shape[1] == K + 1


def test_errors():
    with pytest.raises(ValueError, match='needs three features'):
        SEAMHead((6, 8), K, in_index=(0, 1))
    with pytest.raises(RuntimeError, match='SEAMHead needs the images'):
        head()(maps())


def test_without_a_hook():
    """WSSSEncoderDecoder passes the images to the head."""
    init_default_scope('mmseg')
    model = MODELS.build(
        dict(
            type='mmseg_wsss.WSSSEncoderDecoder',
            data_preprocessor=dict(
                type='SegDataPreProcessor', mean=[0.0] * 3, std=[255.0] * 3
            ),
            backbone=dict(type='TinyBackbone'),
            decode_head=tiny.seam_head(),
            test_cfg=dict(mode='whole'),
        )
    ).eval()
    images = torch.rand(1, 3, 32, 32)
    out = model(images, mode='tensor')
    assert out.refined.shape == (1, 4, 8, 8)
    assert not torch.allclose(
        out.refined, model(images.flip(2), mode='tensor').refined.flip(2)
    )


@pytest.mark.parametrize('tta', [False, True])
def test_val_and_several_scales(tiny_root, tmp_path, tta):
    cfg = tiny.config(tiny_root, tiny.seam_head(), tmp_path / 'work')
    if tta:
        cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
        cfg.tta_model = dict(type='mmseg_wsss.CAMTTAModel', module=cfg.model)
        cfg.model = cfg.tta_model
        runner = Runner.from_cfg(cfg)
    else:
        runner = Runner.from_cfg(cfg)
        runner.train()
        scalars = runner.message_hub.log_scalars
        assert 'train/decode.loss_seam' in scalars
        assert 'train/decode.loss_gap' in scalars
    metrics = runner.test()
    assert 0 <= metrics['mIoU'] <= 100
    assert metrics['OC_image_rate'] == 0
