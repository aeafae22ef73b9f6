"""EfficientNet-Lite: timm's numbers, strides, freezing, bad options."""

import pytest
import torch
from torch import nn

from mmseg_wsss.models.backbones.efficientnet_lite import EfficientNetLite

STAGES = [16, 24, 40, 80, 112, 192, 320, 1280]
LITE2 = [16, 24, 48, 88, 120, 208, 352, 1280]
ALL = tuple(range(8))


def built(**kwargs):
    torch.manual_seed(0)
    return EfficientNetLite(**kwargs)


def randomise(model):
    """Draw running statistics too, so that eps and order matter."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.01)
            nn.init.uniform_(module.running_var, 1e-3, 1e-2)


@pytest.mark.parametrize('arch', ['lite0', 'lite1', 'lite2'])
def test_equals_timm(arch):
    timm = pytest.importorskip('timm')
    torch.manual_seed(0)
    theirs = timm.create_model(f'tf_efficientnet_{arch}').eval()
    randomise(theirs)
    model = built(arch=arch, out_indices=ALL).eval()
    values = list(theirs.state_dict().values())[:-2]  # no classifier
    assert [v.shape for v in model.state_dict().values()] == [
        v.shape for v in values
    ]
    model.load_state_dict(dict(zip(model.state_dict(), values, strict=True)))
    # Sizes of 1 + 32 k, at which timm's padding is symmetric everywhere.
    for size in ((65, 97), (33, 33)):
        images = torch.randn(2, 3, *size)
        with torch.no_grad():
            expected = theirs.forward_features(images)
            got = model(images)[-1]
        assert expected.std() > 0.01
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ('output_stride', 'strides'),
    [
        (8, [2, 4, 8, 8, 8, 8, 8, 8]),
        (16, [2, 4, 8, 16, 16, 16, 16, 16]),
        (32, [2, 4, 8, 16, 16, 32, 32, 32]),
    ],
)
def test_channels_and_strides(output_stride, strides):
    for arch, channels in (('lite0', STAGES), ('lite2', LITE2)):
        model = built(
            arch=arch, output_stride=output_stride, out_indices=ALL
        ).eval()
        with torch.no_grad():
            outs = model(torch.randn(1, 3, 64, 96))
        assert [tuple(o.shape) for o in outs] == [
            (1, c, 64 // s, 96 // s)
            for c, s in zip(channels, strides, strict=True)
        ]


@pytest.mark.parametrize('output_stride', [8, 16])
def test_dilation_gives_the_values_between(output_stride):
    """Where the strided network looks, the dilated one sees the same."""
    strided = built(output_stride=32).eval().double()
    randomise(strided)
    dilated = built(output_stride=output_stride).eval().double()
    dilated.load_state_dict(strided.state_dict())
    images = torch.randn(1, 3, 96, 128, dtype=torch.double)
    ratio = 32 // output_stride
    with torch.no_grad():
        few, many = strided(images)[0], dilated(images)[0]
    torch.testing.assert_close(many[..., ::ratio, ::ratio], few)


def test_head_is_built_where_it_is_asked_for():
    assert not hasattr(built(), 'conv_head')
    assert built(out_indices=(7,)).conv_head.out_channels == 1280


def test_frozen_stages_and_norm_eval():
    model = built(frozen_stages=2, norm_eval=True)
    fixed = {k for k, p in model.named_parameters() if not p.requires_grad}
    prefixes = ('conv_stem.', 'bn0.', 'blocks.0.', 'blocks.1.', 'blocks.2.')
    assert fixed == {
        k for k, _ in model.named_parameters() if k.startswith(prefixes)
    }
    before = {k: v.clone() for k, v in model.named_buffers()}
    model(torch.randn(2, 3, 64, 64))[0].sum().backward()
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, before[name])
    assert model.blocks[-1].project_conv.weight.grad is not None
    everything = built(frozen_stages=7)
    assert not any(p.requires_grad for p in everything.parameters())
    nothing = built()
    assert all(
        p.requires_grad and m.training
        for m in nothing.modules()
        for p in m.parameters()
    )


def test_norm_cfg():
    model = built(norm_cfg=dict(type='BN', requires_grad=False))
    assert model.bn0.eps == 1e-3
    assert not model.bn0.weight.requires_grad
    assert built(norm_cfg=dict(type='BN', eps=1e-5)).bn0.eps == 1e-5


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        (dict(arch='b0'), "one of \\['lite0', 'lite1', 'lite2'\\], got b0"),
        (dict(output_stride=4), '8, 16 or 32, got 4'),
        (dict(out_indices=()), 'out_indices'),
        (dict(out_indices=(6, 1)), 'out_indices'),
        (dict(out_indices=(8,)), 'out_indices'),
        (dict(frozen_stages=8), 'frozen_stages'),
    ],
)
def test_bad_options(option, message):
    with pytest.raises(ValueError, match=message):
        built(**option)
