"""Attention maps of both libraries: rows, order, the output, gradients."""

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mmseg_wsss import record_attention


def mmpretrain_vit():
    pytest.importorskip('mmpretrain')
    return MODELS.build(
        dict(
            type='mmpretrain.VisionTransformer',
            arch='deit-tiny',
            img_size=32,
            patch_size=8,
            out_type='featmap',
        )
    )


def timm_vit(**options):
    timm = pytest.importorskip('timm')
    return timm.create_model(
        'vit_tiny_patch16_224', img_size=32, patch_size=8, **options
    )


VITS = {
    'mmpretrain': mmpretrain_vit,
    'timm': timm_vit,
    'timm, normalised queries': lambda: timm_vit(qk_norm=True),
}


def blocks_of(vit):
    return vit.layers if hasattr(vit, 'layers') else vit.blocks


@pytest.mark.parametrize('name', VITS)
def test_maps(name):
    torch.manual_seed(0)
    vit, images = VITS[name](), torch.randn(2, 3, 32, 32)
    vit.eval()
    with torch.no_grad():
        plain = vit(images)
        with record_attention(vit) as maps:
            recorded = vit(images)
        after = vit(images)
    for a, b in ((plain, recorded), (plain, after)):
        a, b = (x if isinstance(x, torch.Tensor) else x[0] for x in (a, b))
        assert torch.equal(a, b)
    assert len(maps) == 12
    for one in maps:
        assert one.shape == (2, 3, 17, 17)
        assert torch.allclose(one.sum(-1), torch.ones(2, 3, 17), atol=1e-5)


@pytest.mark.parametrize('name', VITS)
def test_maps_are_those_that_the_blocks_use(name):
    """With one-hot values and no projection the output is the map."""
    torch.manual_seed(0)
    attention = blocks_of(VITS[name]())[0].attn
    attention.eval()
    one_hot = torch.zeros(1, 17, 3, 64)
    one_hot[0, torch.arange(17), :, torch.arange(17)] = 1
    with torch.no_grad(), record_attention(attention) as maps:
        attention.proj.weight.copy_(torch.eye(192))
        attention.proj.bias.zero_()
        attention.qkv.register_forward_hook(
            lambda layer, args, out: torch.cat(
                [out[..., :384], one_hot.flatten(2)], -1
            )
        )
        out = attention(torch.randn(1, 17, 192))
    expected = out.unflatten(2, (3, 64))[..., :17].transpose(1, 2)
    assert torch.allclose(maps[0], expected, atol=1e-6)
    assert not torch.allclose(maps[0], torch.full((), 1 / 17), atol=1e-3)


def test_gradients_reach_the_network():
    vit = timm_vit()
    with record_attention(vit) as maps:
        vit(torch.randn(1, 3, 32, 32))
    maps[-1][..., 0, 1:].sum().backward()
    assert vit.blocks[0].attn.qkv.weight.grad.abs().sum() > 0


def test_the_hooks_are_gone_after_an_error():
    vit = timm_vit()
    with pytest.raises(RuntimeError), record_attention(vit):
        raise RuntimeError
    assert not any(b.attn.qkv._forward_hooks for b in vit.blocks)


def test_other_networks_are_refused():
    swin = pytest.importorskip('timm').create_model(
        'swin_tiny_patch4_window7_224'
    )
    for network in (swin, nn.Linear(2, 2)):
        with (
            pytest.raises(ValueError, match='plain vision transformer'),
            record_attention(network),
        ):
            pass
