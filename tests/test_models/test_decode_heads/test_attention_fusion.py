"""WeakTr's head: weights by hand, gradients, a step of the whole network."""

import math

import pytest
import torch
from mmengine.runner import Runner
from mmseg.registry import MODELS

from mmseg_wsss import TokenFeatures, WeakTrHead
from mmseg_wsss.models.decode_heads.attention_fusion import (
    AdaptiveAttentionFusion,
    weighted_attention,
)
from tests import tiny

K, D, LAYERS, HEADS = 3, 32, 4, 4
VIT = dict(
    tiny.TOKEN_VIT,
    attention='heads',
    arch=dict(
        embed_dims=D,
        num_layers=LAYERS,
        num_heads=HEADS,
        feedforward_channels=24,
    ),
)
HEAD = dict(
    type='mmseg_wsss.WeakTrHead',
    in_channels=D,
    num_classes=K + 1,
    num_maps=LAYERS * HEADS,
    head_dims=D // HEADS,
    loss_decode=[
        dict(type=f'mmseg_wsss.{name}')
        for name in ('GAPLoss', 'TokenLoss', 'FusedCAMLoss')
    ],
)


def features(n=2, height=3, width=4):
    torch.manual_seed(0)
    total = K + height * width
    maps = torch.randn(LAYERS, n, HEADS, total, total).softmax(-1)
    return TokenFeatures(
        torch.randn(n, D, height, width, requires_grad=True),
        torch.randn(n, LAYERS, K, D, requires_grad=True),
        [one.requires_grad_() for one in maps],
        torch.randn(n, LAYERS * HEADS, D // HEADS, requires_grad=True),
    )


def head(**options):
    torch.manual_seed(0)
    built = MODELS.build({**HEAD, **options})
    built.init_weights()
    return built


# -------------------------------------------------------------------- weights
def test_by_hand():
    weights = torch.tensor([[0.0, math.log(3.0)]]).sigmoid()
    assert torch.allclose(weights, torch.tensor([[0.5, 0.75]]))
    maps = torch.tensor([[0.2, 0.8], [0.6, 0.4]]).view(1, 2, 1, 2)
    expected = torch.tensor([0.275, 0.35])
    assert torch.allclose(weighted_attention([maps], weights)[0, 0], expected)
    # The same heads as two layers of one.
    layers = list(maps.split(1, dim=1))
    assert torch.allclose(weighted_attention(layers, weights)[0, 0], expected)


def test_order_of_layers_and_heads():
    maps = [torch.rand(2, 3, 5, 5) for _ in range(4)]
    weights = torch.rand(2, 12)
    expected = sum(
        weights[:, 3 * layer + h, None, None] * maps[layer][:, h]
        for layer in range(4)
        for h in range(3)
    )
    found = weighted_attention(maps, weights)
    assert torch.allclose(found, expected / 12)


def test_network_is_what_its_equations_are():
    torch.manual_seed(0)
    module = AdaptiveAttentionFusion(16, 24)
    outputs = torch.randn(2, 16, 24)
    first, second = module.summary
    summary = (outputs @ first.weight.T + first.bias) @ second.weight.T
    summary = (summary + second.bias)[:, :, 0]
    down, _, up = module.gate
    assert down.bias is None and up.bias is None
    assert first.weight.shape == (3, 24) and down.weight.shape == (2, 16)
    logits = (summary @ down.weight.T).relu() @ up.weight.T
    weights = module(outputs)
    assert torch.allclose(weights, logits.sigmoid(), atol=1e-6)
    assert ((weights > 0) & (weights < 1)).all()


# ----------------------------------------------------------------------- head
def test_map_is_fused_by_the_weights():
    built, inputs = head(), features()
    out = built(inputs)
    weights = built.attention_fusion(inputs.head_outputs)
    attention = weighted_attention(inputs.attention, weights)
    coarse = attention[:, :K, K:] * out.cam.relu().flatten(2)
    fine = torch.einsum('nij,nkj->nki', attention[:, K:, K:], coarse)
    assert torch.allclose(out.fused.flatten(2), fine, atol=1e-6)


def test_the_loss_reaches_the_weights_alone():
    built, inputs = head(), features()
    cam, others = built.criterion_inputs(built(inputs))
    labels = torch.tensor([[1.0, 1, 0, 0], [1, 0, 0, 1]])
    loss = built.loss_decode[2](cam, image_labels=labels, **others)
    loss.backward()
    reached = {n for n, p in built.named_parameters() if p.grad is not None}
    expected = {n for n, _ in built.attention_fusion.named_parameters()}
    assert reached == {f'attention_fusion.{name}' for name in expected}
    for name in expected:
        grad = built.attention_fusion.get_parameter(name).grad
        assert grad.abs().sum() > 0, name
    leaves = (inputs.patches, inputs.tokens, inputs.head_outputs)
    assert all(leaf.grad is None for leaf in (*leaves, *inputs.attention))
    mean = others['fused'].mean((2, 3))
    expected = torch.nn.functional.multilabel_soft_margin_loss(
        mean, labels[:, 1:]
    )
    assert torch.allclose(loss, expected)
    absent = torch.nn.functional.softplus(mean)
    assert (absent >= math.log(2)).all()


def test_the_root_trains_the_weights_too():
    built, inputs = head(fusion='sqrt'), features()
    out = built(inputs)
    assert (out.cam < 0).any()
    out.fused.mean().backward()
    for parameter in built.attention_fusion.parameters():
        grad = parameter.grad
        assert torch.isfinite(grad).all() and grad.any()


def test_other_losses_do_not_reach_the_weights():
    built, inputs = head(), features()
    out = built(inputs)
    (out.cam.sum() + out.token_logits.sum()).backward()
    grads = [p.grad for p in built.attention_fusion.parameters()]
    assert not any(grad is not None for grad in grads)


def test_errors():
    with pytest.raises(ValueError, match='8 maps and channels'):
        AdaptiveAttentionFusion(4, 64)
    with pytest.raises(ValueError, match='of all layers'):
        head(cross_layers=3)
    with pytest.raises(ValueError, match='nothing would train'):
        head(loss_decode=HEAD['loss_decode'][:2])
    with pytest.raises(ValueError, match='72 and 8, the backbone 16 and 8'):
        head(num_maps=72)(features())
    inputs = features()._replace(head_outputs=None)
    with pytest.raises(ValueError, match="attention='heads'"):
        head()(inputs)
    built = head()
    cam, _ = built.criterion_inputs(built(features()))
    with pytest.raises(ValueError, match='WeakTrHead'):
        built.loss_decode[2](cam, image_labels=torch.ones(2, K + 1))
    assert isinstance(built, WeakTrHead)


# ------------------------------------------------------------------- backbone
@pytest.mark.parametrize('training', [False, True])
def test_heads_are_recorded_without_gradient(training):
    pytest.importorskip('mmpretrain')
    torch.manual_seed(0)
    network = MODELS.build(VIT)
    network.train(training)
    images = torch.rand(2, 3, 32, 40)
    out = network(images)
    assert out.head_outputs.shape == (2, LAYERS * HEADS, D // HEADS)
    assert not out.head_outputs.requires_grad
    for one in out.attention:
        assert one.shape == (2, HEADS, K + 20, K + 20)
        assert not one.requires_grad
        assert torch.allclose(one.sum(-1), torch.ones(1), atol=1e-5)
    # The first layer by hand.
    block = network.layers[0]
    patches, _ = network.patch_embed(images)
    x = torch.cat([network.cls_token.expand(2, -1, -1), patches], 1)
    positions = network.resize_pos_embed(
        network.pos_embed, (4, 4), (4, 5), num_extra_tokens=K
    )
    qkv = block.attn.qkv(block.ln1(x + positions)).view(
        2, K + 20, 3, HEADS, -1
    )
    value = qkv[:, :, 2].transpose(1, 2)
    outputs = (out.attention[0] @ value).amax(2)
    found = out.head_outputs[:, :HEADS]
    assert torch.allclose(found, outputs, atol=1e-5)


def test_a_whole_run(tiny_root, tmp_path):
    pytest.importorskip('mmpretrain')
    cfg = tiny.config(tiny_root, dict(HEAD), tmp_path / 'work')
    cfg.model.backbone = dict(VIT)
    runner = Runner.from_cfg(cfg)
    before = {}
    runner.load_or_resume()
    for name, value in runner.model.state_dict().items():
        before[name] = value.clone()
    runner.train()
    assert 'train/decode.loss_fused' in runner.message_hub.log_scalars
    still = [
        name
        for name, value in runner.model.state_dict().items()
        if torch.equal(value, before[name])
    ]
    assert not still
    assert 0 <= runner.test()['mIoU'] <= 100
