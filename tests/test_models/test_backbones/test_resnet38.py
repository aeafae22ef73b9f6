"""ResNet38: size, shapes, dilations, freezing, gradients, checkpointing."""

import pytest
import torch
from mmengine.runner import save_checkpoint
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_wsss.models.backbones.resnet38 import ResNet38

PSA = {
    'frozen_stages': 1,
    'norm_eval': True,
    'norm_cfg': {'type': 'BN', 'requires_grad': False},
}


def small(**kwargs):
    torch.manual_seed(0)
    model = ResNet38(base_channels=4, **kwargs)
    model.init_weights()
    return model


def count(cin, cmid, cout, shortcut):
    """Numbers in a block of two 3x3 convolutions, norms included."""
    convs = 9 * cin * cmid + 9 * cmid * cout + shortcut * cin * cout
    return convs + 2 * cin + 2 * cmid


def count_bottleneck(cin, cout):
    quarter, half = cout // 4, cout // 2
    convs = cin * quarter + 9 * quarter * half + half * cout + cin * cout
    return convs + 2 * (cin + quarter + half)


def test_full_network_has_the_published_size():
    with torch.device('meta'):
        model = ResNet38()
    expected = 9 * 3 * 64
    expected += count(64, 128, 128, 1) + 2 * count(128, 128, 128, 0)
    expected += count(128, 256, 256, 1) + 2 * count(256, 256, 256, 0)
    expected += count(256, 512, 512, 1) + 5 * count(512, 512, 512, 0)
    expected += count(512, 512, 1024, 1) + 2 * count(1024, 512, 1024, 0)
    expected += count_bottleneck(1024, 2048) + count_bottleneck(2048, 4096)
    expected += 2 * 4096
    got = sum(p.numel() for p in model.parameters())
    assert got == expected
    assert 104e6 < got < 107e6


def test_full_network_names_and_dilations():
    with torch.device('meta'):
        model = ResNet38()
    names = ['conv1a']
    for stage, depth in ((2, 3), (3, 3), (4, 6), (5, 3), (6, 1), (7, 1)):
        names.append(f'b{stage}')
        names += [f'b{stage}_{k}' for k in range(1, depth)]
    names.append('bn7')
    assert [name for name, _ in model.named_children()] == names

    def dilations(block):
        convs = [block.conv_branch2a, block.conv_branch2b1]
        return tuple(conv.dilation[0] for conv in convs)

    assert dilations(model.b4_5) == (1, 1)
    assert dilations(model.b5) == (1, 2)
    assert dilations(model.b5_1) == dilations(model.b5_2) == (2, 2)
    assert dilations(model.b6) == dilations(model.b7) == (1, 4)
    assert model.b6.conv_branch2b2.kernel_size == (1, 1)
    assert model.b6.dropout.p == 0.3
    assert model.b7.dropout.p == 0.5
    # Where the shape stays the shortcut is the input itself.
    assert model.b4_1.conv_branch1 is None
    assert model.b5.conv_branch1.weight.shape == (1024, 512, 1, 1)


@pytest.mark.parametrize(
    ('output_stride', 'strides'),
    [
        (8, (2, 4, 8, 8, 8, 8)),
        (16, (2, 4, 8, 16, 16, 16)),
        (32, (2, 4, 8, 16, 32, 32)),
    ],
)
@pytest.mark.parametrize('size', [(64, 96), (33, 50)])
def test_output_shapes(output_stride, strides, size):
    model = small(output_stride=output_stride, out_indices=range(6)).eval()
    with torch.no_grad():
        outs = model(torch.randn(2, 3, *size))
    channels = (8, 16, 32, 64, 128, 256)
    assert len(outs) == 6
    for out, c, s in zip(outs, channels, strides, strict=True):
        assert out.shape == (2, c, -(-size[0] // s), -(-size[1] // s))
        assert out.min() >= 0


def test_outputs_follow_the_definition():
    """A plain re-computation of conv4, conv5 and conv6, block by block."""
    model = small(out_indices=(2, 3, 5)).eval()
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            module.bias.data.normal_(0, 0.1)
    x = torch.randn(1, 3, 32, 32)
    kept = {}
    with torch.no_grad():
        outs = model(x)
        y = model.conv1a(x)
        for name, block in list(model.named_children())[1:-1]:
            act = torch.relu(block.bn_branch2a(y))
            kept[name] = act
            res = block.conv_branch2a(act)
            res = block.conv_branch2b1(torch.relu(block.bn_branch2b1(res)))
            if name in ('b6', 'b7'):
                res = torch.relu(block.bn_branch2b2(res))
                res = block.conv_branch2b2(res)
            same = y.shape == res.shape
            y = (y if same else block.conv_branch1(act)) + res
        kept['end'] = torch.relu(model.bn7(y))
    for out, name in zip(outs, ('b5', 'b6', 'end'), strict=True):
        torch.testing.assert_close(out, kept[name])


def test_output_stride_8_is_the_dense_version_of_32():
    """Dilation replaces stride: every fourth cell agrees."""
    dense = small(output_stride=8).eval()
    coarse = small(output_stride=32).eval()
    coarse.load_state_dict(dense.state_dict())
    x = torch.randn(1, 3, 128, 128)
    with torch.no_grad():
        a, b = dense(x)[0][..., ::4, ::4], coarse(x)[0]
    # b7 has dilation 4 in one and stride 1 on a 4 times coarser grid in the
    # other, so padding aligns too and the maps are equal.
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_psa_freezing_survives_train_and_lets_the_rest_learn():
    model = small(**PSA)
    frozen = ['conv1a', 'b2', 'b2_1', 'b2_2']

    def check():
        for name in frozen:
            part = getattr(model, name)
            assert not part.training
            assert not any(p.requires_grad for p in part.parameters())
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                assert not module.training
                assert not module.weight.requires_grad
                assert not module.bias.requires_grad

    check()
    model.eval()
    model.train()
    check()
    assert model.b6.training
    assert model.b6.dropout.training

    before = {k: v.clone() for k, v in model.state_dict().items()}
    model(torch.randn(2, 3, 32, 32))[0].square().mean().backward()
    for name, p in model.named_parameters():
        is_conv = 'conv' in name and name.split('.')[0] not in frozen
        assert (p.grad is not None) == is_conv, name
        if is_conv:
            assert p.grad.abs().sum() > 0, name
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_defaults_train_everything():
    model = small()
    model(torch.randn(2, 3, 32, 32))[0].square().mean().backward()
    assert all(p.grad is not None for p in model.parameters())
    assert model.b2.bn_branch2a.num_batches_tracked == 1


@pytest.mark.parametrize('stages', range(-1, 7))
def test_frozen_stages(stages):
    model = small(frozen_stages=stages).train()
    learning = {
        name
        for name, part in model.named_children()
        if any(p.requires_grad for p in part.parameters())
    }
    order = ['conv1a', *(f'b{i}' for i in range(2, 8))]
    expected = set(order[stages + 1 :])
    assert {n.split('_')[0] for n in learning} - {'bn7'} == expected
    assert ('bn7' in learning) == (stages < 6)


@pytest.mark.parametrize('options', [{}, PSA])
def test_checkpointing_gives_the_same_gradients(options):
    plain = small(out_indices=(2, 5), **options)
    saving = small(out_indices=(2, 5), with_cp=True, **options)
    saving.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 32, 32)
    grads = []
    for model in (plain, saving):
        torch.manual_seed(1)  # the same channels are dropped
        sum(out.square().mean() for out in model(x)).backward()
        grads.append({n: p.grad for n, p in model.named_parameters()})
    assert grads[0].keys() == grads[1].keys()
    for name, grad in grads[0].items():
        torch.testing.assert_close(grads[1][name], grad, msg=name)


def test_checkpointing_keeps_fewer_activations():
    x = torch.randn(1, 3, 64, 64)

    def kept(with_cp):
        model = small(with_cp=with_cp, **PSA)
        params = {p.data_ptr() for p in model.parameters()}
        sizes = {}

        def pack(t):
            if t.data_ptr() not in params:
                sizes[t.data_ptr()] = t.numel()
            return t

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            out = model(x)[0]
        assert out.requires_grad
        return sum(sizes.values())

    assert kept(True) < kept(False) / 2


def test_pretrained_init_cfg_loads_a_checkpoint(tmp_path):
    source = small()
    path = tmp_path / 'r38.pth'
    save_checkpoint({'state_dict': source.state_dict()}, str(path))
    model = ResNet38(
        base_channels=4,
        init_cfg={'type': 'Pretrained', 'checkpoint': str(path)},
    )
    model.init_weights()
    for key, value in source.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key


@pytest.mark.parametrize(
    ('options', 'text'),
    [
        ({'output_stride': 4}, r'output_stride must be one of \[8, 16, 32\]'),
        ({'out_indices': ()}, 'out_indices must be increasing'),
        ({'out_indices': (6,)}, 'out_indices must be increasing'),
        ({'out_indices': (5, 2)}, 'out_indices must be increasing'),
        ({'frozen_stages': 7}, 'frozen_stages must be from -1'),
    ],
)
def test_bad_options(options, text):
    with pytest.raises(ValueError, match=text):
        ResNet38(base_channels=4, **options)
