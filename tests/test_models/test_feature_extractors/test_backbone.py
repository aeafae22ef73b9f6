"""Feature maps of backbones of both registries."""

import logging

import pytest
import torch
from mmengine.logging import MMLogger
from mmseg.registry import MODELS

from mmseg_wsss import BackboneFeatures, dense_features
from tests import tiny  # noqa: F401  (registers TinyBackbone)

RESNET = dict(type='ResNet', depth=18, base_channels=8)
VIT = dict(
    type='mmpretrain.VisionTransformer',
    arch=dict(
        embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=16
    ),
    img_size=32,
    patch_size=8,
    out_type='featmap',
)


@pytest.fixture(autouse=True)
def quiet():
    logger = MMLogger.get_instance('test_backbone')
    logger.setLevel(logging.ERROR)


def test_the_last_of_the_outputs():
    last = BackboneFeatures(RESNET)
    first = BackboneFeatures(dict(RESNET, out_indices=(0,)), size_divisor=4)
    assert (last.stride, first.stride) == (32, 4)
    images = torch.rand(2, 3, 64, 96)
    assert last(images).shape == (2, last.channels, 2, 3)
    assert first(images).shape == (2, first.channels, 16, 24)
    normalised = last.normalise(images)
    assert torch.equal(last(images), last.backbone(normalised)[-1])


def test_vision_transformer_of_mmpretrain():
    """Patch tokens on a grid, at sizes that it was not made for."""
    pytest.importorskip('mmpretrain')
    extractor = BackboneFeatures(VIT, size_divisor=8)
    assert (extractor.stride, extractor.channels) == (8, 16)
    assert extractor(torch.rand(2, 3, 24, 56)).shape == (2, 16, 3, 7)
    out = dense_features(extractor, torch.rand(1, 3, 30, 50), (1, 2), stride=4)
    assert out.shape == (1, 16, 8, 13)
    with pytest.raises(ValueError, match="out_type='featmap'"):
        BackboneFeatures(dict(VIT, out_type='cls_token'), size_divisor=8)
    with pytest.raises(ValueError, match='size_divisor 12 must be a multiple'):
        BackboneFeatures(VIT, size_divisor=12)


def test_class_tokens_of_mmseg_are_left_out():
    backbone = dict(
        type='VisionTransformer',
        img_size=32,
        patch_size=8,
        embed_dims=16,
        num_layers=2,
        num_heads=2,
        output_cls_token=True,
    )
    extractor = BackboneFeatures(backbone, size_divisor=8)
    assert extractor(torch.rand(1, 3, 16, 40)).shape == (1, 16, 2, 5)


def test_is_frozen():
    extractor = BackboneFeatures(RESNET).train()
    assert not any(m.training for m in extractor.modules())
    assert not any(p.requires_grad for p in extractor.parameters())


def test_loads_the_checkpoint_at_once(tmp_path):
    backbone = MODELS.build(dict(type='TinyBackbone'))
    state = {f'backbone.{k}': v for k, v in backbone.state_dict().items()}
    torch.save(dict(state_dict=state), tmp_path / 'a.pth')
    init_cfg = dict(
        type='Pretrained',
        checkpoint=str(tmp_path / 'a.pth'),
        prefix='backbone.',
    )
    config = dict(type='TinyBackbone', init_cfg=init_cfg)
    extractor = BackboneFeatures(config, size_divisor=4)
    assert torch.equal(extractor.backbone.conv.weight, backbone.conv.weight)
    with pytest.raises(ValueError, match=r'1 of 1 weights .* another prefix'):
        init_cfg.pop('prefix')
        BackboneFeatures(config, size_divisor=4)
    with pytest.raises(ValueError, match='nowhere'):
        init_cfg['prefix'] = 'nowhere.'
        BackboneFeatures(config, size_divisor=4)
    with pytest.raises(FileNotFoundError):
        init_cfg['checkpoint'] = str(tmp_path / 'b.pth')
        BackboneFeatures(config, size_divisor=4)


def test_random_weights_are_warned_about(caplog):
    logger = MMLogger.get_instance('test_backbone_warns')
    before = logger.level
    logger.addHandler(caplog.handler)
    BackboneFeatures(dict(type='TinyBackbone'), size_divisor=4)
    told = [r for r in caplog.records if r.levelno >= logging.INFO]
    assert len(told) == 1  # and not four lines per parameter
    assert 'TinyBackbone has random weights' in told[0].getMessage()
    assert logger.level == before
