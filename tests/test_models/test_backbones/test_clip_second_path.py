"""The second path, on a tiny random tower in float64."""

import pytest
import torch

from mmseg_wsss.models.backbones import clip_second_path
from mmseg_wsss.models.backbones.clip_second_path import second_path
from tests.test_models.test_backbones.test_clip_tower import images, tiny


@pytest.mark.parametrize('depth', [1, 2, 5])
def test_against_the_layers_one_by_one(depth, monkeypatch):
    tower = tiny().double()
    batch = images(48, 64, dtype=torch.float64)
    tokens, _, _ = tower(batch)
    monkeypatch.setattr(clip_second_path, 'DEPTH', depth)
    found = second_path(tower, tokens)
    blocks = tower.model.blocks
    inputs = {2: tokens[1], 1: tokens[0]}  # of the blocks 2 and 1, from 0
    used = [2] if depth == 1 else [1, 2]
    x = inputs[used[0]].clone()
    for k in used:
        attn = blocks[k].attn
        heads, d = attn.num_heads, 32 // attn.num_heads
        qkv = attn.qkv(blocks[k].norm1(inputs[k]))
        added = torch.zeros_like(x)
        for h in range(heads):
            q, key, v = (
                qkv[:, :, 32 * part + d * h : 32 * part + d * (h + 1)]
                for part in range(3)
            )
            weights = sum(
                (y @ y.transpose(1, 2) / d**0.5).softmax(2)
                for y in (q, key, v)
            )
            added[:, :, d * h : d * (h + 1)] = weights / 3 @ v
        x = x + attn.proj(added)
    patches = tower.model.head(tower.model.norm(x)[:, 1:])
    torch.testing.assert_close(found.patches, patches)
    # The class token is the network's own.
    ordinary = tower.model.norm(blocks[2](tokens[1]))
    torch.testing.assert_close(found.image, tower.model.head(ordinary[:, 0]))
    last = tower.last_layer(tokens[1])
    torch.testing.assert_close(found.attention, last.attention)
    assert not found.patches.requires_grad


def test_float32_within_autocast():
    tower = tiny()
    tokens, _, _ = tower(images(48, 64))
    expected = second_path(tower, tokens)
    with torch.autocast('cpu', torch.bfloat16):
        found = second_path(tower, tokens)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)
