"""A second path through the last layers of a CLIP tower."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ...pseudo_labels.text_similarity import self_attention
from ..attention_maps import record_attention
from .clip_tower import CLIPTower, full_precision

DEPTH = 5  # layers of the path


class SecondPath(NamedTuple):
    """What the second path of :func:`second_path` gives.

    Attributes:
        patches: Patches in the space of the texts (N, h * w, E).
        image: The class token of the ordinary path there (N, E).
        attention: Of layer L, between patches (N, h * w, h * w), the
            mean over heads.
    """

    patches: Tensor
    image: Tensor
    attention: Tensor


@torch.no_grad()
def second_path(tower: CLIPTower, tokens: Sequence[Tensor]) -> SecondPath:
    """Run the last layers again, with another attention and without MLP.

    ExCEL, see :mod:`mmseg_wsss.pseudo_labels.text_similarity`. From the input
    of the last five layers on, the outputs of :func:`self_attention` on
    what the ordinary path has there are added up.

    Args:
        tower: The tower.
        tokens: Outputs of layers 1 to L - 1 (N, 1 + h * w, D); where there
            are fewer than five, the path starts at the first.
    """
    model, last = tower.model, tower.model.blocks[-1]
    depth = min(DEPTH, len(tokens))
    with (
        full_precision(tokens[-1]),
        record_attention(last, mean_of_heads=True) as maps,
    ):
        ordinary = last(tokens[-1])
        x = tokens[-depth]
        for block, given in zip(
            model.blocks[-depth:], tokens[-depth:], strict=True
        ):
            attn = block.attn
            qkv = attn.qkv(block.norm1(given))
            parts = qkv.unflatten(2, (3, attn.num_heads, -1))
            found = self_attention(*parts.permute(2, 0, 3, 1, 4))
            x = x + attn.proj(found.transpose(1, 2).flatten(2))
        patches = model.head(model.norm(x)[:, 1:])
        image = model.head(model.norm(ordinary)[:, 0])
    return SecondPath(patches, image, maps[0][:, 1:, 1:])
