import pytest
import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_wsss.models.decode_heads.token_fusion_head import map_affinity
from tests import tiny_clip


def build(in_channels=(12, 12, 20), channels=16, **options):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='mmseg_wsss.TokenFusionHead',
            in_channels=in_channels,
            channels=channels,
            num_classes=4,
            loss_decode=dict(type='mmseg_wsss.BalancedCrossEntropy'),
            loss_affinity=dict(type='mmseg_wsss.PairAffinityLoss', radius=2),
            **options,
        )
    )


def layers(count=2, size=(3, 4)):
    generator = torch.Generator().manual_seed(1)
    return [
        torch.randn(count, k, *size, generator=generator) for k in (12, 12, 20)
    ]


def samples(size=(48, 64)):
    label = torch.zeros(2, 1, *size, dtype=torch.long)
    label[0, :, 10:30, 20:50] = 2
    label[1, :, :, 40:] = 1
    label[1, :, :, -8:] = 255
    found = [SegDataSample() for _ in label]
    for sample, one in zip(found, label, strict=True):
        sample.gt_sem_seg = PixelData(data=one)
    return found


def test_steps_are_the_papers():
    head = build(dropout_ratio=0)
    inputs = layers()
    parts = []
    for x, reduce in zip(inputs, head.reduce, strict=True):
        first, _, second = reduce
        x = torch.einsum('oc,nchw->nohw', first.weight[..., 0, 0], x)
        x = (x + first.bias[:, None, None]).relu()
        x = torch.einsum('oc,nchw->nohw', second.weight[..., 0, 0], x)
        parts.append(x + second.bias[:, None, None])
    whole = torch.cat(parts, 1)
    fused = torch.einsum('oc,nchw->nohw', head.fusion.weight[..., 0, 0], whole)
    fused = fused + head.fusion.bias[:, None, None]
    torch.testing.assert_close(head.fuse(inputs), fused)
    cells = fused.flatten(2)
    for i, j in ((0, 0), (0, 5), (7, 11)):
        expected = (cells[:, :, i] * cells[:, :, j]).sum(1).sigmoid()
        found = head.learned_affinity(inputs)
        torch.testing.assert_close(found[:, i, j], expected)
        assert torch.equal(found, found.transpose(1, 2))
    assert not found.requires_grad
    x = cells.transpose(1, 2)
    for layer in head.decoder:
        assert layer.linear1.out_features == 4 * 16
        y = layer.norm1(x)
        query, key, value = layer.self_attn.in_proj_weight.chunk(3)
        bias = layer.self_attn.in_proj_bias.chunk(3)
        q, k, v = (
            (y @ w.T + b).unflatten(2, (8, 2)).transpose(1, 2)
            for w, b in zip((query, key, value), bias, strict=True)
        )
        weights = (q @ k.transpose(2, 3) / 2**0.5).softmax(3)
        y = (weights @ v).transpose(1, 2).flatten(2)
        x = x + layer.self_attn.out_proj(y)
        y = layer.linear1(layer.norm2(x))
        x = x + layer.linear2(y * (1.702 * y).sigmoid())
    logits = head.conv_seg(x.transpose(1, 2).unflatten(2, (3, 4)))
    for mode in (True, False):
        torch.testing.assert_close(
            head.train(mode)(inputs), logits, atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize('count', [2, 4])
def test_another_number_of_layers(count):
    inputs = [*layers(), layers()[0]][:count]
    with pytest.raises(ValueError, match=f'for 3 maps, .* gives {count}'):
        build()(inputs)


def test_size_on_vit_b16():
    head = build([768] * 11, 256)
    assert 5.9e6 < sum(p.numel() for p in head.parameters()) < 6.1e6


def test_losses():
    head = build(dropout_ratio=0)
    inputs, given = layers(), samples()
    losses = head.loss(inputs, given, None)
    assert {'loss_balanced_ce', 'loss_affinity', 'acc_seg'} == set(losses)
    label = torch.stack([s.gt_sem_seg.data[0] for s in given])
    features = head.fuse(inputs)
    expected = head.loss_affinity(
        map_affinity(features), label[:, ::16, ::16], 255
    )
    torch.testing.assert_close(losses['loss_affinity'], expected)
    assert 0 < expected < 0.1
    sum(losses[k] for k in losses if 'loss' in k).backward()
    assert all(p.grad.any() for p in head.fusion.parameters())
    assert all(p.grad is not None for p in head.parameters())
    # The affinity is of the features behind the dropout.
    head = build(dropout_ratio=0.5)
    torch.manual_seed(3)
    losses = head.loss(inputs, given, None)
    torch.manual_seed(3)
    dropped = head.dropout(head.fuse(inputs))
    torch.testing.assert_close(
        losses['loss_affinity'],
        head.loss_affinity(map_affinity(dropped), label[:, ::16, ::16], 255),
    )
    without = build(dropout_ratio=0)
    without.loss_affinity = None
    assert 'loss_affinity' not in without.loss(inputs, given, None)


def test_gradients_are_finite_differences():
    """Of the whole loss, to some weights of each part, in float64."""
    head = build(dropout_ratio=0).double()
    inputs, given = [x.double() for x in layers()], samples()

    def loss():
        losses = head.loss(inputs, given, None)
        return sum(losses[k] for k in losses if 'loss' in k)

    loss().backward()
    for name, parameter in head.named_parameters():
        flat, gradient = parameter.data.view(-1), parameter.grad.view(-1)
        index = int(gradient.abs().argmax())
        values = []
        for step in (1e-5, -2e-5):
            flat[index] += step
            values.append(loss().item())
        flat[index] += 1e-5
        numeric = (values[0] - values[1]) / 2e-5
        assert numeric == pytest.approx(
            gradient[index].item(), rel=1e-4, abs=1e-8
        ), name


def test_affinity_is_float32_within_autocast():
    features = layers()[0]
    with torch.autocast('cpu', torch.bfloat16):
        found = map_affinity(features)
    assert torch.equal(found, map_affinity(features))
    assert found.dtype == torch.float32


def test_learns_masks_on_a_frozen_tower():
    """What the tower sees of three colours is enough, also a random one."""
    pytest.importorskip('timm')
    backbone = MODELS.build(tiny_clip.BACKBONE)
    tiny_clip.sharpen(torch.nn.ModuleDict(dict(backbone=backbone)))
    head = build([32, 32], dropout_ratio=0)
    generator = torch.Generator().manual_seed(0)
    images = 0.3 * torch.randn(3, 3, 96, 96, generator=generator)
    given = []
    for n in range(3):
        box = slice(16 * n, 16 * n + 48), slice(16, 64)
        label = torch.zeros(1, 96, 96, dtype=torch.long)
        label[0][box] = n + 1
        images[n, n][box] += 2
        sample = SegDataSample()
        sample.gt_sem_seg = PixelData(data=label)
        given.append(sample)
    features = backbone(images)
    optimizer = torch.optim.AdamW(head.parameters(), 3e-3)
    accuracy, affinity = [], []
    for _ in range(30):
        losses = head.loss(features, given, None)
        accuracy.append(losses['acc_seg'].item())
        affinity.append(losses['loss_affinity'].item())
        optimizer.zero_grad()
        sum(losses[k] for k in losses if 'loss' in k).backward()
        optimizer.step()
    assert accuracy[0] < 80 and accuracy[-1] > 95
    assert affinity[-1] < affinity[0] / 2
