"""A vision transformer with one class token per class (MCTformer).

Xu, Ouyang, Bennamoun, Boussaid and Xu, "Multi-class Token Transformer for
Weakly Supervised Semantic Segmentation", CVPR 2022,
https://arxiv.org/abs/2203.02891. The transformer is MMPretrain's
and loads its weights; every class token starts as a copy of their single one
and of its position, so that all are equal until the labels of a batch differ.
Without such weights the positions of the tokens are drawn, each its own.

``import mmseg_wsss`` does not import this file, which needs MMPretrain;
``type='mmseg_wsss.MultiTokenViT'`` in a config does.
"""

from __future__ import annotations

from contextlib import ExitStack

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...utils import check_option
from ..attention_maps import record_attention, record_head_outputs
from ..decode_heads.token_cam_head import TokenFeatures
from .stem_embed import StemEmbed

try:
    from mmpretrain.models import VisionTransformer
except ImportError:  # raised again when the network is built
    VisionTransformer = nn.Module

ATTENTIONS = ('mean', 'heads')


@MODELS.register_module()
class MultiTokenViT(VisionTransformer):
    """MMPretrain's vision transformer with K class tokens.

    Args:
        num_tokens (int): K, the foreground classes of the data set.
        attention (str): What is recorded of every layer's attention, without
            gradient. 'mean': the mean over heads, in eval mode only, as
            MCTformer's training does not read it. 'heads': the map and the
            largest outputs of each head, in training too (WeakTr). Defaults
            to 'mean'.
        patch_size (int): Side of a patch, or stride of the stem. Defaults to
            16.
        stem (dict, optional): An MMSeg backbone whose last feature map, after
            a 1x1 convolution, replaces the image's patches: a hybrid for
            small data. Defaults to None.
        stem_channels (int, optional): Channels of that map. Defaults to None.
        **kwargs: As for MMPretrain's ``VisionTransformer``, such as
            ``arch='deit-small'``, ``img_size`` and ``drop_path_rate``.

    Raises:
        ImportError: If MMPretrain is not installed.
        ValueError: If an option is out of range, or of stem and stem_channels
            only one is given.

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
        attention: str = 'mean',
        patch_size: int = 16,
        stem: dict | None = None,
        stem_channels: int | None = None,
        **kwargs,
    ):
        if VisionTransformer is nn.Module:
            raise ImportError(
                'MultiTokenViT needs MMPretrain: pip install '
                'onedl-mmpretrain, or mmpretrain on the upstream stack'
            )
        check_option('attention', attention, ATTENTIONS)
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
        self.attention = attention
        self.patch_size = patch_size
        self.out_indices = range(self.num_layers)
        if stem is not None:
            self.patch_embed = StemEmbed(
                stem,
                stem_channels,
                self.embed_dims,
                patch_size,
                self.patch_resolution,
            )
        self.num_extra_tokens = num_tokens
        patches = self.patch_resolution[0] * self.patch_resolution[1]
        shape = 1, num_tokens, self.embed_dims
        self.cls_token = nn.Parameter(torch.zeros(shape))
        shape = 1, num_tokens + patches, self.embed_dims
        self.pos_embed = nn.Parameter(torch.zeros(shape))

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
            ValueError: If a side is no multiple, or the stem's stride is
                another.
        """
        side = self.patch_size
        if x.shape[2] % side or x.shape[3] % side:
            raise ValueError(
                f'MultiTokenViT takes images whose sides are multiples of '
                f'{side}, got {tuple(x.shape)}: add dict(type='
                f"'ResizeToMultiple', size_divisor={side}) to the pipeline"
            )
        heads = self.attention == 'heads'
        with ExitStack() as stack:
            maps = outputs = None
            if heads or not self.training:
                maps = stack.enter_context(
                    record_attention(
                        self.layers, mean_of_heads=not heads, detached=True
                    )
                )
            if heads:
                outputs = stack.enter_context(record_head_outputs(self.layers))
            layers = super().forward(x)
        count = self.num_extra_tokens
        patches = layers[-1][:, count:].transpose(1, 2)
        patches = patches.unflatten(2, (x.shape[2] // side, -1))
        tokens = torch.stack([layer[:, :count] for layer in layers], 1)
        outputs = torch.cat(outputs, 1) if heads else None
        return TokenFeatures(patches, tokens, maps, outputs)
