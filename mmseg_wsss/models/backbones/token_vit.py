"""A vision transformer with one class token per class (MCTformer).

Xu, Ouyang, Bennamoun, Boussaid and Xu, "Multi-class Token Transformer for
Weakly Supervised Semantic Segmentation", CVPR 2022,
https://arxiv.org/abs/2203.02891. The transformer is MMPretrain's
and loads its weights; every class token starts as a copy of their single one
and of its position, so that all are equal until the labels of a batch differ.

``import mmseg_wsss`` does not import this file, which needs MMPretrain;
``type='mmseg_wsss.MultiTokenViT'`` in a config does.
"""

from __future__ import annotations

from contextlib import nullcontext

import torch
from mmengine.model import BaseModule
from mmpretrain.models import VisionTransformer
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..attention_maps import record_attention
from ..decode_heads.token_cam_head import TokenFeatures


@MODELS.register_module()
class MultiTokenViT(VisionTransformer):
    """MMPretrain's vision transformer with K class tokens.

    The mean over heads of every layer's attention is recorded in eval mode
    only: MCTformer's training does not read it.

    Args:
        num_tokens (int): K, the foreground classes of the data set.
        patch_size (int): Side of a patch, or stride of the stem. Defaults to
            16.
        stem (dict, optional): An MMSeg backbone whose last feature map takes
            the place of the image's patches, behind a 1x1 convolution: a
            hybrid for small data. Defaults to None.
        stem_channels (int, optional): Channels of that map. Defaults to None.
        **kwargs: As for MMPretrain's ``VisionTransformer``, such as
            ``arch='deit-small'``, ``img_size`` and ``drop_path_rate``.

    Raises:
        ValueError: If there is no token, or of stem and stem_channels only
            one is given.

    Example::

        vit = MultiTokenViT(20, arch='deit-small', img_size=224)
        vit.eval()
        out = vit(torch.rand(1, 3, 320, 480))
        out.patches.shape  # (1, 384, 20, 30)
        out.tokens.shape  # (1, 12, 20, 384)
        out.attention[0].shape  # (1, 620, 620)
    """

    def __init__(
        self,
        num_tokens: int,
        patch_size: int = 16,
        stem: dict | None = None,
        stem_channels: int | None = None,
        **kwargs,
    ):
        if num_tokens < 1:
            raise ValueError(f'num_tokens must be >= 1, got {num_tokens}')
        if (stem is None) != (stem_channels is None):
            raise ValueError(
                'stem and stem_channels belong together, got '
                f'stem={stem}, stem_channels={stem_channels}'
            )
        super().__init__(
            patch_size=patch_size, out_type='raw', final_norm=False, **kwargs
        )
        self.patch_size = patch_size
        self.out_indices = range(self.num_layers)
        if stem is not None:
            self.patch_embed = StemEmbed(
                stem, stem_channels, self.embed_dims, self.patch_resolution
            )
        self.num_extra_tokens = num_tokens
        patches = self.patch_resolution[0] * self.patch_resolution[1]
        shape = 1, num_tokens, self.embed_dims
        self.cls_token = nn.Parameter(torch.zeros(shape))
        shape = 1, num_tokens + patches, self.embed_dims
        self.pos_embed = nn.Parameter(torch.zeros(shape))

    def init_weights(self) -> None:
        """Load or draw the weights; tokens and their positions are equal."""
        super().init_weights()
        if (self.init_cfg or {}).get('type') != 'Pretrained':
            count = self.num_extra_tokens
            with torch.no_grad():
                self.pos_embed[:, :count] = self.pos_embed[:, :1].clone()

    def _prepare_pos_embed(
        self, state_dict: dict, prefix: str, *args, **kwargs
    ) -> None:
        """Copy the token of a checkpoint of MMPretrain's, resize positions."""
        token, positions = prefix + 'cls_token', prefix + 'pos_embed'
        if token in state_dict and positions in state_dict:
            count, found = self.num_extra_tokens, state_dict[token].shape[1]
            if found not in (1, count):
                raise ValueError(
                    f'the checkpoint has {found} class tokens, the network '
                    f'{count}: load one of the same classes, or of a plain '
                    'vision transformer'
                )
            first = state_dict[positions][:, :found]
            rest = state_dict[positions][:, found:]
            copies = count // found
            state_dict[token] = state_dict[token].repeat(1, copies, 1)
            state_dict[positions] = torch.cat(
                [first.repeat(1, copies, 1), rest], 1
            )
        super()._prepare_pos_embed(state_dict, prefix, *args, **kwargs)

    def forward(self, x: Tensor) -> TokenFeatures:
        """Compute patch tokens, class tokens and, in eval mode, attention.

        Args:
            x: Normalised images (N, 3, H, W), sides multiples of the patch
                size. Positions are resized bicubically.

        Returns:
            TokenFeatures: With h = H / patch size, w = W / patch size.

        Raises:
            ValueError: If a side is no multiple.
        """
        side = self.patch_size
        if x.shape[2] % side or x.shape[3] % side:
            raise ValueError(
                f'MultiTokenViT takes images whose sides are multiples of '
                f'{side}, got {tuple(x.shape)}: add dict(type='
                f"'ResizeToMultiple', size_divisor={side}) to the pipeline"
            )
        recorded = nullcontext()
        if not self.training:
            recorded = record_attention(self.layers, mean_of_heads=True)
        with recorded as maps:
            layers = super().forward(x)
        count = self.num_extra_tokens
        patches = layers[-1][:, count:].transpose(1, 2)
        patches = patches.unflatten(2, (x.shape[2] // side, -1))
        tokens = torch.stack([layer[:, :count] for layer in layers], 1)
        return TokenFeatures(patches, tokens, maps)


class StemEmbed(BaseModule):
    """Patches of a hybrid: a backbone's last map and a 1x1 convolution.

    Args:
        stem (dict): The backbone.
        in_channels (int): Channels of its last map.
        embed_dims (int): D.
        size (tuple[int, int]): Size of that map in pretraining, to which the
            position embeddings belong.
    """

    def __init__(
        self,
        stem: dict,
        in_channels: int,
        embed_dims: int,
        size: tuple[int, int],
    ):
        super().__init__()
        self.stem = MODELS.build(stem)
        self.projection = nn.Conv2d(in_channels, embed_dims, 1)
        self.init_out_size = size

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Return patch tokens (N, h * w, D) and (h, w)."""
        features = self.stem(x)
        if not isinstance(features, Tensor):
            features = features[-1]
        features = self.projection(features)
        return features.flatten(2).transpose(1, 2), tuple(features.shape[2:])
