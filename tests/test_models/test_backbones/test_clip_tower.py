"""The frozen CLIP tower, tiny and with random weights."""

import math

import pytest
import torch
from torch.nn import functional as F

from mmseg_wsss import CLIPTower

pytest.importorskip('timm')
NAME = 'vit_base_patch16_clip_quickgelu_224'
TINY = dict(embed_dim=32, depth=3, num_heads=4, num_classes=8, img_size=64)


def tiny(**options):
    torch.manual_seed(0)
    tower = CLIPTower(
        NAME, architecture=TINY, **{'attention_layers': 2, **options}
    )
    generator = torch.Generator().manual_seed(0)
    for parameter in tower.parameters():  # norms and biases too
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.add_(0.1 * noise)
    return tower


def images(*size, dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, *size, generator=generator, dtype=dtype)


def test_parts_together_are_timms_network():
    tower = tiny(positions='bicubic')
    for size in ((64, 64), (48, 80), (96, 128)):
        batch = images(*size)
        tokens, attention, grid = tower(batch)
        assert grid == (size[0] // 16, size[1] // 16)
        cells = grid[0] * grid[1]
        assert [t.shape for t in tokens] == [(2, 1 + cells, 32)] * 2
        last = tower.last_layer(tokens[-1])
        expected = tower.model.forward_features(batch)[:, 1:].mean(1)
        torch.testing.assert_close(
            last.embedding, tower.model.head(expected), atol=1e-5, rtol=1e-5
        )
        assert [a.shape for a in attention] == [(2, cells, cells)]
        assert last.attention.shape == (2, cells, cells)


def test_attention_is_the_mean_softmax_between_patches():
    tower = tiny()
    tokens, attention, _ = tower(images(32, 48))
    block = tower.model.blocks[1]
    qkv = block.attn.qkv(block.norm1(tokens[0]))
    q, k, _ = qkv.view(2, 7, 3, 4, 8).permute(2, 0, 3, 1, 4)
    full = (q @ k.transpose(2, 3) / math.sqrt(8)).softmax(3)
    torch.testing.assert_close(attention[0], full.mean(1)[:, 1:, 1:])
    # Fused attention gives the same tokens.
    block.attn.fused_attn = True
    again = tower(images(32, 48))
    torch.testing.assert_close(again.tokens[-1], tokens[-1], atol=1e-5, rtol=0)


def test_gradient_without_the_residual_branch():
    """Finite differences on u, with the residual branch fixed."""
    tower = tiny().double()
    tokens = tower(images(32, 48, dtype=torch.float64)).tokens[-1]
    text = torch.linspace(-1, 1, 8, dtype=torch.float64)
    last = tower.last_layer(tokens)
    block = tower.model.blocks[-1]

    def score(features):
        x = tokens + block.attn(features)
        x = x + block.mlp(block.norm2(x))
        v = tower.model.head(tower.model.norm(x)[:, 1:].mean(1))
        return F.normalize(v, dim=1) @ text

    value = F.normalize(last.embedding, dim=1) @ text
    torch.testing.assert_close(value, score(last.features))
    (gradient,) = torch.autograd.grad(value.sum(), last.features)
    step = 1e-6
    for place in ((0, 1, 3), (1, 0, 5), (1, 6, 31)):
        ends = []
        for sign in (1, -1):
            moved = last.features.detach().clone()
            moved[place] += sign * step
            ends.append(score(moved).sum().item())
        numeric = (ends[0] - ends[1]) / (2 * step)
        assert abs(numeric - gradient[place].item()) < 1e-6
    # It is not that through the whole layer.
    whole = tokens.clone().requires_grad_()
    out = tower.model.norm(block(whole))[:, 1:].mean(1)
    full = F.normalize(tower.model.head(out), dim=1) @ text
    (other,) = torch.autograd.grad(full.sum(), whole)
    assert (other - gradient).abs().max() > 1e-4


def test_positions():
    tower = tiny()
    seen = []
    tower.model.norm_pre.register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0])
    )
    batch = images(64, 64)
    tower(batch)
    patches = tower.model.patch_embed(batch).flatten(1, 2)
    plain = tower.model.pos_embed[:, 1:]  # 4 x 4: no interpolation, to the bit
    assert torch.equal(seen[0][:, 1:], patches + plain)
    wide = images(64, 96)
    tower(wide)
    square = plain.view(1, 4, 4, 32).permute(0, 3, 1, 2)
    resized = F.interpolate(
        square, (4, 6), mode='bilinear', align_corners=False
    )
    patches = tower.model.patch_embed(wide).flatten(1, 2)
    torch.testing.assert_close(
        seen[1][:, 1:], patches + resized.flatten(2).transpose(1, 2)
    )


def test_is_frozen():
    tower = tiny()
    tower.train()
    assert not any(module.training for module in tower.modules())
    assert not any(p.requires_grad for p in tower.parameters())
    tokens = tower(images(32, 32)).tokens[-1]
    assert not tokens.requires_grad
    assert tower.last_layer(tokens).embedding.requires_grad


def test_computes_in_float32_within_autocast():
    tower = tiny()
    plain = tower(images(32, 32)).tokens[-1]
    with torch.autocast('cpu', torch.bfloat16):
        found = tower(images(32, 32)).tokens[-1]
        last = tower.last_layer(found)
    assert torch.equal(found, plain)
    assert last.embedding.dtype == torch.float32


def openai_names(tower):
    """The state dict of a tower as OpenAI's whole CLIP has it."""
    model = tower.model
    visual = {
        'class_embedding': model.cls_token[0, 0],
        'positional_embedding': model.pos_embed[0],
        'conv1.weight': model.patch_embed.proj.weight,
        'proj': model.head.weight.T,
    }
    for old, norm in (('ln_pre', model.norm_pre), ('ln_post', model.norm)):
        visual[f'{old}.weight'], visual[f'{old}.bias'] = norm.parameters()
    for k, block in enumerate(model.blocks):
        start = f'transformer.resblocks.{k}'
        parts = {
            'ln_1.{}': block.norm1,
            'ln_2.{}': block.norm2,
            'attn.in_proj_{}': block.attn.qkv,
            'attn.out_proj.{}': block.attn.proj,
            'mlp.c_fc.{}': block.mlp.fc1,
            'mlp.c_proj.{}': block.mlp.fc2,
        }
        for name, module in parts.items():
            for kind in ('weight', 'bias'):
                visual[f'{start}.{name.format(kind)}'] = getattr(module, kind)
    whole = {f'visual.{name}': x.clone() for name, x in visual.items()}
    return {**whole, 'logit_scale': torch.tensor(4.6)}


def naive_clip(weights, batch):
    """OpenAI's image tower, written out: patch tokens behind the last norm."""
    w = {k.removeprefix('visual.'): x for k, x in weights.items()}

    def norm(x, name):
        return F.layer_norm(x, (32,), w[f'{name}.weight'], w[f'{name}.bias'])

    x = F.conv2d(batch, w['conv1.weight'], stride=16).flatten(2).mT
    first = w['class_embedding'].expand(len(x), 1, -1)
    x = torch.cat([first, x], 1) + w['positional_embedding']
    x = norm(x, 'ln_pre')
    for k in range(3):
        at = f'transformer.resblocks.{k}'
        y = norm(x, f'{at}.ln_1')
        qkv = y @ w[f'{at}.attn.in_proj_weight'].T
        q, k_, v = (qkv + w[f'{at}.attn.in_proj_bias']).chunk(3, -1)
        heads = []
        for h in range(4):
            s = slice(8 * h, 8 * h + 8)
            weight = (q[..., s] @ k_[..., s].mT / math.sqrt(8)).softmax(-1)
            heads.append(weight @ v[..., s])
        y = torch.cat(heads, -1) @ w[f'{at}.attn.out_proj.weight'].T
        x = x + y + w[f'{at}.attn.out_proj.bias']
        y = norm(x, f'{at}.ln_2') @ w[f'{at}.mlp.c_fc.weight'].T
        y = y + w[f'{at}.mlp.c_fc.bias']
        y = y * torch.sigmoid(1.702 * y)
        y = y @ w[f'{at}.mlp.c_proj.weight'].T
        x = x + y + w[f'{at}.mlp.c_proj.bias']
    return norm(x, 'ln_post')[:, 1:].mean(1) @ w['proj']


def test_loads_openais_names_and_computes_openais_network(tmp_path):
    tower = tiny()
    tower.model.head.bias.zero_()
    tower.model.patch_embed.proj.weight.mul_(3)
    weights = openai_names(tower)
    torch.save(weights, tmp_path / 'clip.pth')
    loaded = CLIPTower(
        NAME,
        checkpoint=tmp_path / 'clip.pth',
        architecture=TINY,
        attention_layers=1,
    )
    batch = images(64, 64)
    last = loaded.last_layer(loaded(batch).tokens[-1])
    torch.testing.assert_close(
        last.embedding, naive_clip(weights, batch), atol=1e-5, rtol=1e-5
    )


def test_wrong_input(tmp_path):
    with pytest.raises(ValueError, match='need QuickGELU: set model_name='):
        CLIPTower('vit_base_patch16_clip_224.openai')
    with pytest.raises(ValueError, match='no image tower of CLIP'):
        CLIPTower('vit_tiny_patch16_224', architecture=dict(depth=1))
    with pytest.raises(
        ValueError, match=r'attention_layers must be in \[1, 3'
    ):
        tiny(attention_layers=4)
    with pytest.raises(ValueError, match='positions must be one of'):
        tiny(positions='nearest')
    with pytest.raises(FileNotFoundError, match='no checkpoint'):
        tiny(checkpoint=tmp_path / 'none.pth')
    with pytest.raises(ValueError, match='multiples of 16, got'):
        tiny()(images(32, 40))
