"""The transformer with a token per class: weights, sizes, attention, steps."""

import math
import sys

import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

import mmseg_wsss
from mmseg_wsss import batch_context
from tests.tiny import TOKEN_VIT, token_head

pytest.importorskip('mmpretrain')
K = 3


def vit(training=False, **options):
    torch.manual_seed(0)
    built = MODELS.build({**TOKEN_VIT, **options})
    built.train(training)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # norms and tokens too
        for parameter in built.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(0.05 * noise)
    return built


def plain(**options):
    """MMPretrain's network with a single token, and random weights."""
    options = dict(
        arch=TOKEN_VIT['arch'], img_size=32, patch_size=8, **options
    )
    torch.manual_seed(1)
    built = MODELS.build(dict(type='mmpretrain.VisionTransformer', **options))
    built.eval()
    with torch.no_grad():
        built.cls_token.normal_()
        built.pos_embed.normal_()
    return built


@pytest.mark.parametrize('size', [(32, 32), (24, 56), (48, 40)])
def test_shapes_and_attention(size):
    network = vit()
    with torch.no_grad():
        out = network(torch.rand(2, 3, *size))
    cells = size[0] * size[1] // 64
    assert out.patches.shape == (2, 12, size[0] // 8, size[1] // 8)
    assert out.tokens.shape == (2, 2, K, 12)
    assert len(out.attention) == 2
    for one in out.attention:
        assert one.shape == (2, K + cells, K + cells)
        assert torch.allclose(one.sum(-1), torch.ones(1), atol=1e-5)


def test_attention_is_the_mean_over_heads_of_class_tokens_first():
    network = vit()
    images = torch.rand(1, 3, 32, 32)
    out = network(images)
    block = network.layers[1]
    # The output of the first layer, from its own parts.
    patches, _ = network.patch_embed(images)
    x = torch.cat([network.cls_token, patches], 1) + network.pos_embed
    x = network.layers[0](x)
    torch.testing.assert_close(out.tokens[:, 0], x[:, :K])
    q, k, _ = block.attn.qkv(block.ln1(x)).view(1, K + 16, 3, 3, 4).unbind(2)
    logits = torch.einsum('nihd,njhd->nhij', q, k) / math.sqrt(4)
    torch.testing.assert_close(out.attention[1], logits.softmax(-1).mean(1))
    x = block(x)
    torch.testing.assert_close(out.tokens[:, 1], x[:, :K])
    map_ = x[:, K:].transpose(1, 2).view(1, 12, 4, 4)
    torch.testing.assert_close(out.patches, map_)


def test_recording_does_not_change_the_output():
    network, images = vit(training=True), torch.rand(2, 3, 32, 40)
    trained = network(images)
    network.eval()
    tested = network(images)
    assert trained.attention is None and tested.attention is not None
    assert not any(one.requires_grad for one in tested.attention)
    assert torch.allclose(trained.patches, tested.patches, atol=1e-6)
    assert torch.allclose(trained.tokens, tested.tokens, atol=1e-6)


def test_one_class_is_the_plain_network():
    single = plain(out_type='raw', final_norm=False)
    network = vit(num_tokens=1)
    network.load_state_dict(single.state_dict())
    images = torch.rand(2, 3, 40, 32)
    raw = single(images)[-1]
    out = network(images)
    assert torch.equal(out.tokens[:, -1], raw[:, :1])
    assert torch.equal(out.patches.flatten(2).transpose(1, 2), raw[:, 1:])


@pytest.mark.parametrize('side', [32, 48])
def test_a_single_token_is_copied(side, tmp_path):
    """Positions are resized to the images of the training."""
    single = plain()
    state = {f'backbone.{k}': v for k, v in single.state_dict().items()}
    torch.save(dict(state_dict=state), tmp_path / 'deit.pth')
    init_cfg = dict(
        type='Pretrained',
        checkpoint=str(tmp_path / 'deit.pth'),
        prefix='backbone.',
    )
    network = vit(img_size=side, init_cfg=init_cfg)
    network.init_weights()
    assert torch.equal(network.cls_token, single.cls_token.expand(1, K, -1))
    first = single.pos_embed[:, :1].expand(1, K, -1)
    assert torch.equal(network.pos_embed[:, :K], first)
    rest = network.pos_embed[:, K:]
    assert rest.shape[1] == (side // 8) ** 2
    if side == 32:
        assert torch.equal(rest, single.pos_embed[:, 1:])
    weight = single.layers[1].attn.qkv.weight
    assert torch.equal(network.layers[1].attn.qkv.weight, weight)
    # Its own weights stay what they are.
    again = vit(img_size=side)
    with torch.no_grad():
        network.cls_token.normal_()
    again.load_state_dict(network.state_dict())
    assert torch.equal(again.cls_token, network.cls_token)
    assert torch.equal(again.pos_embed, network.pos_embed)


def test_random_weights_have_tokens_of_their_own():
    network = MODELS.build(dict(TOKEN_VIT))
    network.init_weights()
    first, second, _ = network.pos_embed[0, :K]
    assert first.abs().sum() > 0 and not torch.allclose(first, second)


def test_tokens_are_equal_until_labels_differ():
    """The loss alone breaks the symmetry."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmseg_wsss.WSSSEncoderDecoder',
            data_preprocessor=dict(type='SegDataPreProcessor'),
            backbone=dict(TOKEN_VIT),
            decode_head=token_head(),
        )
    )
    model.init_weights()
    model.backbone.load_state_dict(plain(final_norm=False).state_dict())
    images = torch.rand(2, 3, 32, 32)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)

    def logits():
        return model(images, mode='tensor').token_logits

    def spread():
        return (logits() - logits()[:, :1]).abs().max().item()

    assert spread() < 1e-6

    def step(labels):
        optimizer.zero_grad()
        with batch_context(None, lambda: images):
            maps = model.decode_head(model.extract_feat(images))
            cam, others = model.decode_head.criterion_inputs(maps)
            loss = model.decode_head.loss_decode[1](
                cam, image_labels=labels, **others
            )
        loss.backward()
        optimizer.step()

    step(torch.ones(2, K + 1))
    assert spread() < 1e-6
    step(torch.tensor([[1.0, 1.0, 0.0, 0.0]] * 2))
    assert spread() > 1e-5


def test_hybrid():
    stem = dict(type='TinyBackbone', channels=8)
    network = vit(patch_size=4, stem=stem, stem_channels=8)
    out = network(torch.rand(2, 3, 32, 48))
    assert out.patches.shape == (2, 12, 8, 12)
    assert out.attention[0].shape == (2, K + 96, K + 96)
    assert network.pos_embed.shape == (1, K + 64, 12)
    out.patches.sum().backward()
    assert network.patch_embed.stem.conv.weight.grad.abs().sum() > 0


def test_errors():
    with pytest.raises(ValueError, match='num_tokens must be >= 1'):
        vit(num_tokens=0)
    with pytest.raises(ValueError, match='belong together'):
        vit(stem=dict(type='TinyBackbone'))
    stem = dict(type='TinyBackbone')  # of stride 4
    with pytest.raises(ValueError, match='set patch_size'):
        vit(stem=stem, stem_channels=8)(torch.rand(1, 3, 32, 48))
    with pytest.raises(ValueError, match='ResizeToMultiple'):
        vit()(torch.rand(1, 3, 32, 36))
    with pytest.raises(ValueError, match='has 5 class tokens'):
        vit().load_state_dict(vit(num_tokens=5).state_dict())


def test_without_mmpretrain(monkeypatch):
    module = sys.modules[mmseg_wsss.MultiTokenViT.__module__]
    monkeypatch.setattr(module, 'VisionTransformer', torch.nn.Module)
    with pytest.raises(ImportError, match='pip install'):
        mmseg_wsss.MultiTokenViT(3)


def test_it_is_found_without_an_import():
    assert MODELS.get('mmseg_wsss.MultiTokenViT') is mmseg_wsss.MultiTokenViT
    with pytest.raises(AttributeError, match='no attribute'):
        mmseg_wsss.SingleTokenViT  # noqa: B018
