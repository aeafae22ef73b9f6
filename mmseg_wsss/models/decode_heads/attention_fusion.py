r"""WeakTr's head: attention maps of all heads, weighted by a small network.

Zhu, Li, Fang, Liu, Xin, Liu and Wang, "WeakTr: Exploring Plain Vision
Transformer for Weakly-supervised Semantic Segmentation",
https://arxiv.org/abs/2304.01184: adaptive attention fusion. With v_h the
maximum over the tokens of the output of head h, of all layers, and T_h its
attention:

.. math::
    s_h = w_2^\top W_1 v_h, \qquad
    g = \sigma(W_4 \, \mathrm{ReLU}(W_3 s)), \qquad
    \bar T = \tfrac1{|h|} \sum_h g_h T_h

It takes the place of the means and sums of MCTformer-V2
(:mod:`mmseg_wsss.models.decode_heads.token_cam_head`), for class tokens and
for patches. Attention, outputs and the patch map get no gradient: the loss of
the fused map (:class:`FusedCAMLoss`) trains the weights alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...utils import at_least_float32
from ..losses.token_loss import FusedCAMLoss
from .token_cam_head import TokenCAMHead, TokenFeatures

REDUCTION = 8


def weighted_attention(maps: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Compute the weighted mean of attention maps over layers and heads.

    Args:
        maps: L maps (N, heads, T, T).
        weights: g (N, L * heads), heads of the first layer first.

    Returns:
        Tensor: (N, T, T). Weights do not sum to 1, and its rows neither.

    Example:
        >>> maps = [torch.tensor([0.2, 0.6]).view(1, 2, 1, 1)]
        >>> weighted_attention(maps, torch.tensor([[0.5, 0.75]]))
        tensor([[[0.2750]]])
    """
    parts = weights.unflatten(1, (len(maps), -1)).unbind(1)
    total = sum(
        torch.einsum('nh,nhij->nij', weight, at_least_float32(one))
        for weight, one in zip(parts, maps, strict=True)
    )
    return total / weights.shape[1]


class AdaptiveAttentionFusion(BaseModule):
    """The small network that computes the weights g.

    Args:
        num_maps (int): Heads of all layers together.
        head_dims (int): Channels of a head.

    Raises:
        ValueError: If nothing is left of a hidden layer, which is 8 times
            smaller than what goes in.

    Examples:
        >>> weights = AdaptiveAttentionFusion(num_maps=16, head_dims=8)
        >>> weights(torch.rand(2, 16, 8)).shape
        torch.Size([2, 16])
    """

    def __init__(self, num_maps: int, head_dims: int):
        super().__init__()
        if min(num_maps, head_dims) < REDUCTION:
            raise ValueError(
                f'AdaptiveAttentionFusion needs {REDUCTION} maps and channels '
                f'of a head or more, got {num_maps} and {head_dims}'
            )
        small = head_dims // REDUCTION
        self.summary = nn.Sequential(
            nn.Linear(head_dims, small), nn.Linear(small, 1)
        )
        small = num_maps // REDUCTION
        self.gate = nn.Sequential(
            nn.Linear(num_maps, small, bias=False),
            nn.ReLU(),
            nn.Linear(small, num_maps, bias=False),
        )

    def forward(self, head_outputs: Tensor) -> Tensor:
        """Compute the weights.

        Args:
            head_outputs: v (N, num_maps, head_dims); no gradient flows to it.

        Returns:
            Tensor: g (N, num_maps) in (0, 1).

        Raises:
            ValueError: If there are other numbers of maps or channels.
        """
        expected = self.gate[0].in_features, self.summary[0].in_features
        if head_outputs.shape[1:] != expected:
            raise ValueError(
                'WeakTrHead has num_maps and head_dims of {} and {}, the '
                'backbone {} and {}: set them to layers * heads and '
                'embed_dims / heads'.format(*expected, *head_outputs.shape[1:])
            )
        summary = self.summary(at_least_float32(head_outputs.detach()))
        return self.gate(summary.squeeze(2)).sigmoid()


@MODELS.register_module()
class WeakTrHead(TokenCAMHead):
    """A :class:`TokenCAMHead` whose attention is fused adaptively (WeakTr).

    It needs ``attention='heads'`` of the :class:`MultiTokenViT`, and
    :class:`FusedCAMLoss` in ``loss_decode``, which alone trains the weights.

    Args:
        num_maps (int): Heads of all layers together. DeiT-S: 12 * 6.
            Defaults to 72.
        head_dims (int): Channels of a head. Defaults to 64.
        **kwargs: As for :class:`TokenCAMHead`, without ``cross_layers``: all
            layers count.

    Raises:
        ValueError: If an option is out of range, or there is no
            FusedCAMLoss.
    """

    def __init__(self, num_maps: int = 72, head_dims: int = 64, **kwargs):
        if 'cross_layers' in kwargs:
            raise ValueError(
                'WeakTrHead fuses the attention of all layers: remove '
                'cross_layers'
            )
        super().__init__(**kwargs)
        if not any(isinstance(m, FusedCAMLoss) for m in self.modules()):
            raise ValueError(
                'nothing would train the weights of WeakTrHead: add '
                "dict(type='mmseg_wsss.FusedCAMLoss') to loss_decode"
            )
        self.attention_fusion = AdaptiveAttentionFusion(num_maps, head_dims)

    def attention(self, inputs: TokenFeatures) -> tuple[Tensor, Tensor]:
        """Compute the attention of all heads together.

        Args:
            inputs: With ``attention`` and ``head_outputs`` of the heads.

        Returns:
            tuple[Tensor, Tensor]: From class tokens to patches (N, K, h * w),
            and between patches (N, h * w, h * w), with gradients to the
            weights.

        Raises:
            ValueError: If the heads were not recorded.
        """
        if inputs.head_outputs is None:
            raise ValueError(
                'WeakTrHead needs the attention of each head: set attention='
                "'heads' in MultiTokenViT"
            )
        weights = self.attention_fusion(inputs.head_outputs)
        maps = [one.detach() for one in inputs.attention]
        fused = weighted_attention(maps, weights)
        classes = len(self.foreground)
        return fused[:, :classes, classes:], fused[:, classes:, classes:]
