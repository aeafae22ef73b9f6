"""CLIP's image tower, frozen, with the last layer's gradient.

Radford et al., "Learning Transferable Visual Models From Natural Language
Supervision", ICML 2021, https://arxiv.org/abs/2103.00020.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...utils import check_option
from ..attention_maps import record_attention
from ..feature_extractors.timm_vit import create_vit

POSITIONS = ('bilinear', 'bicubic')


class TowerFeatures(NamedTuple):
    """What layers 1 to L - 1 give.

    Attributes:
        tokens: Output of each layer, L - 1 tensors (N, 1 + h * w, D) with
            the class token in front.
        attention: Attention between patches, the mean over heads, of the
            chosen layers before the last, tensors (N, h * w, h * w).
        grid: Height h and width w of the grid of patches.
    """

    tokens: list[Tensor]
    attention: list[Tensor]
    grid: tuple[int, int]


class LastLayer(NamedTuple):
    """What layer L gives, with a gradient to its normalised input.

    Attributes:
        features: Its input behind its first norm (N, 1 + h * w, D), a leaf.
        embedding: Mean over patches behind the last norm, projected to the
            space of the texts (N, E), not normalised.
        attention: As in :class:`TowerFeatures`, one tensor.
    """

    features: Tensor
    embedding: Tensor
    attention: Tensor


@MODELS.register_module()
class CLIPTower(nn.Module):
    """A frozen CLIP ViT of timm for images of any multiple of the patch size.

    It stays in eval mode, no parameter has a gradient, and it computes in
    its parameters' precision, float32, also within autocast. Layers 1 to
    L - 1 run without gradient in :meth:`forward`; :meth:`last_layer` runs
    layer L where a gradient is wanted.

    Args:
        model_name: timm's name. OpenAI's weights need the names with
            ``quickgelu``: the others compute another activation with the
            same weights.
        pretrained: Take the weights that timm downloads, and keeps.
        checkpoint: File of the weights instead: timm's, or one with the state
            dict of OpenAI's or open_clip's whole CLIP.
        positions: How position embeddings are resized, 'bilinear' (CLIP-ES)
            or 'bicubic' with anti-aliasing (timm).
        attention_layers: Number of layers, from the last, whose attention is
            kept.
        architecture: Changes to the architecture, for ``timm.create_model``:
            a tiny tower for tests has ``dict(depth=2, embed_dim=32)``.

    Raises:
        ImportError: If timm is not installed.
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If the model or the weights are no CLIP tower's, the
            weights cannot be had, or an option is out of range.
    """

    def __init__(
        self,
        model_name: str = 'vit_base_patch16_clip_quickgelu_224.openai',
        pretrained: bool = False,
        checkpoint: str | os.PathLike | None = None,
        positions: str = 'bilinear',
        attention_layers: int = 8,
        architecture: Mapping | None = None,
    ) -> None:
        super().__init__()
        check_option('positions', positions, POSITIONS)
        if model_name.endswith('.openai') and 'quickgelu' not in model_name:
            right = model_name.replace('_clip_', '_clip_quickgelu_')
            raise ValueError(
                f"{model_name} computes GELU, but OpenAI's weights need "
                f'QuickGELU: set model_name={right!r}'
            )
        model = create_vit(
            model_name, pretrained, checkpoint, **(architecture or {})
        )
        if isinstance(model.norm_pre, nn.Identity) or not isinstance(
            model.head, nn.Linear
        ):
            raise ValueError(
                f'{model_name} is no image tower of CLIP: it has no norm '
                'before the first layer, or no projection behind the last'
            )
        if (pretrained or checkpoint) and model.head.bias.any():
            raise ValueError(
                f'the projection of {checkpoint or model_name} has a bias, '
                "CLIP's has none: these are no weights of CLIP"
            )
        if not 1 <= attention_layers <= len(model.blocks):
            raise ValueError(
                f'attention_layers must be in [1, {len(model.blocks)}] for '
                f'{model_name}, got {attention_layers}'
            )
        self.model = model
        self.positions = positions
        self.attention_layers = attention_layers
        self.first_attention = len(model.blocks) - attention_layers
        self.patch_size = model.patch_embed.patch_size[0]
        self.embed_dims = model.embed_dim
        self.text_dims = model.head.out_features
        self.requires_grad_(False)
        self.train(False)

    def train(self, mode: bool = True) -> CLIPTower:
        """Set eval mode, whatever ``mode`` is."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, images: Tensor, attention: bool = True) -> TowerFeatures:
        """Run layers 1 to L - 1.

        Args:
            images: Normalised images (N, 3, H, W), sides multiples of the
                patch size.
            attention: Keep the attention of ``attention_layers``.

        Returns:
            TowerFeatures: With h = H / patch size, w = W / patch size.

        Raises:
            ValueError: If the images have another shape.
        """
        shape, side = tuple(images.shape), self.patch_size
        if (
            len(shape) != 4
            or shape[1] != 3
            or shape[2] % side + shape[3] % side
        ):
            raise ValueError(
                'CLIPTower takes images (N, 3, H, W) whose sides are '
                f'multiples of {side}, got {shape}'
            )
        blocks = self.model.blocks[:-1]
        kept = blocks[self.first_attention :] if attention else []
        recorded = (
            record_attention(kept, mean_of_heads=True)
            if len(kept)
            else nullcontext([])
        )
        with (
            full_precision(images),
            recorded as maps,
        ):
            x, grid = self._embed(images)
            tokens = []
            for block in blocks:
                x = block(x)
                tokens.append(x)
        between = [one[:, 1:, 1:] for one in maps]
        return TowerFeatures(tokens, between, grid)

    def _embed(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Return the input of layer 1 and the grid of its patches."""
        from timm.layers import resample_abs_pos_embed

        model = self.model
        patches = model.patch_embed(images.to(model.pos_embed.dtype))
        grid = tuple(patches.shape[1:3])
        positions = resample_abs_pos_embed(
            model.pos_embed,
            grid,
            model.patch_embed.grid_size,
            interpolation=self.positions,
            antialias=self.positions == 'bicubic',
        )
        first = model.cls_token.expand(len(images), -1, -1)
        x = torch.cat([first, patches.flatten(1, 2)], 1) + positions
        return model.norm_pre(x), grid

    def last_layer(self, tokens: Tensor) -> LastLayer:
        """Run layer L and the projection, with a gradient to ``features``.

        Its residual branch takes ``tokens`` without gradient, so that the
        gradient to ``features`` has only the branch behind the norm. Inside
        ``torch.no_grad`` open ``torch.enable_grad`` around the call.

        Args:
            tokens: Output of layer L - 1 (N, 1 + h * w, D).
        """
        model, block = self.model, self.model.blocks[-1]
        tokens = tokens.detach()
        with (
            full_precision(tokens),
            record_attention(block, mean_of_heads=True) as maps,
        ):
            features = block.norm1(tokens).detach().requires_grad_()
            x = tokens + block.ls1(block.attn(features))
            x = x + block.ls2(block.mlp(block.norm2(x)))
            embedding = model.head(model.norm(x)[:, 1:].mean(1))
        attention = maps[0][:, 1:, 1:].detach()
        return LastLayer(features, embedding, attention)


def whole_patches(images: Tensor, patch_size: int) -> Tensor:
    """Resize images to the next multiples of the patch size.

    Args:
        images: (N, 3, H, W).
        patch_size: Side of a patch.

    Returns:
        Tensor: Images, bicubic with anti-aliasing; the same tensor where both
        sides are multiples.
    """
    size = list(images.shape[2:])
    whole = [-(-side // patch_size) * patch_size for side in size]
    if whole == size:
        return images
    return F.interpolate(images, whole, mode='bicubic', antialias=True)


def full_precision(tensor: Tensor) -> torch.autocast:
    """Return a block without autocast on a tensor's device."""
    return torch.autocast(tensor.device.type, enabled=False)
