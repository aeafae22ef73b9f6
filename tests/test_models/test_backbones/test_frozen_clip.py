import pytest
import torch
from mmengine.runner.checkpoint import get_state_dict, load_state_dict
from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS
from torch.nn.functional import interpolate

from mmseg_wsss import batch_context
from mmseg_wsss.models.backbones.clip_tower import whole_patches
from mmseg_wsss.models.feature_extractors.base import FeatureExtractor
from tests import tiny_clip

pytest.importorskip('timm')


def build(**options):
    return MODELS.build(dict(tiny_clip.BACKBONE, **options))


@pytest.mark.parametrize(
    ('size', 'whole'),
    [((48, 64), (48, 64)), ((41, 70), (48, 80)), ((5, 5), (16, 16))],
)
def test_maps_are_the_layers_patches(size, whole):
    backbone, batch = build(), torch.randn(2, 3, *size)
    found = backbone(batch)
    resized = whole_patches(batch, 16)
    assert tuple(resized.shape[2:]) == whole
    tokens, attention, grid = backbone.tower(resized)
    assert grid == (whole[0] // 16, whole[1] // 16)
    assert len(found) == len(tokens) == 2
    for maps, layer in zip(found, tokens, strict=True):
        assert maps.shape == (2, 32, *grid)
        y, x = grid[0] - 1, grid[1] - 1
        torch.testing.assert_close(
            maps[:, :, y, x], layer[:, 1 + y * grid[1] + x]
        )
        assert not maps.requires_grad
    assert len(attention) == 1
    assert backbone.tower(resized, attention=False).attention == []


def test_checkpoints_with_and_without_the_tower():
    whole, other = build(), build()
    assert {k.split('.')[0] for k in whole.state_dict()} == {'tower'}
    other.load_state_dict(whole.state_dict())
    network = torch.nn.ModuleDict(
        dict(backbone=build(save_tower=False), head=torch.nn.Linear(2, 2))
    )
    expected = {
        k: v.clone() for k, v in network.backbone.tower.state_dict().items()
    }
    saved = {k: v + 1 for k, v in network.state_dict().items()}
    assert (
        set(saved)
        == {'head.weight', 'head.bias'}
        == set(get_state_dict(network))
    )
    network.load_state_dict(saved, strict=True)
    load_state_dict(network, saved, strict=True)
    assert torch.equal(network.head.weight, saved['head.weight'])
    for name, value in network.backbone.tower.state_dict().items():
        assert torch.equal(value, expected[name])
    # One that has the tower loads, too.
    full = {f'backbone.{k}': v for k, v in whole.state_dict().items()}
    network.load_state_dict({**saved, **full}, strict=True)
    for name, value in network.backbone.tower.state_dict().items():
        assert torch.equal(value, whole.tower.state_dict()[name])
    with pytest.raises(RuntimeError, match=r'head\.bias'):
        network.load_state_dict({'head.weight': saved['head.weight']})


def test_stays_frozen_and_in_eval_mode():
    backbone = build().train()
    assert not backbone.tower.training
    assert not any(p.requires_grad for p in backbone.parameters())


@MODELS.register_module(force=True)
class TwoChannels(FeatureExtractor):
    """Means of cells of 14 pixels, as a second network."""

    channels, stride, size_divisor = 3, 14, 14

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(3.0))
        self.freeze()

    def forward(self, images):
        self.check_images(images)
        cells = torch.nn.functional.avg_pool2d(images, 14)
        return self.scale * cells


def test_a_second_network_on_the_towers_grid():
    backbone = build(second=dict(type='TwoChannels'), save_tower=False)
    batch = 0.2 * torch.randn(2, 3, 41, 70)
    segmentor = torch.nn.Module()
    segmentor.data_preprocessor = SegDataPreProcessor(
        mean=[100, 120, 140], std=[50, 60, 70], bgr_to_rgb=True
    )
    mean, std = torch.tensor([[100, 120, 140], [50, 60, 70]]).view(2, 3, 1, 1)
    images = (batch * std + mean) / 255
    with batch_context([None] * 2, segmentor=segmentor):
        first, second = backbone(batch)
        # A window of a sliding test is not the batch.
        window = backbone(batch[:, :, :28, 14:56])[1]
    assert torch.equal(first, build_like(backbone)(batch)[-1])
    cells = backbone.second(whole_patches(images, 14))
    assert cells.shape == (2, 3, 3, 5) and second.shape == (2, 3, 3, 5)
    torch.testing.assert_close(second, cells)
    expected = backbone.second(images[:, :, :28, 14:56])
    torch.testing.assert_close(
        window, interpolate(expected, (2, 3), mode='bilinear')
    )
    found = backbone.maps(backbone.features(batch), images)
    torch.testing.assert_close(found[1], second)
    assert not backbone.state_dict() and not backbone.train().second.training
    assert not any(p.requires_grad for p in backbone.parameters())
    backbone.load_state_dict({})
    with pytest.raises(RuntimeError, match='FrozenCLIP'):
        backbone(batch)


def build_like(backbone):
    """A backbone of one tower, of the same weights."""
    alone = build()
    alone.tower.load_state_dict(backbone.tower.state_dict())
    return alone
