import pytest
import torch
from mmengine.runner.checkpoint import get_state_dict, load_state_dict
from mmseg.registry import MODELS

from mmseg_wsss.models.backbones.clip_tower import whole_patches
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
