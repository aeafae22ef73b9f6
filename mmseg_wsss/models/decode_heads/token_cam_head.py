r"""MCTformer's head: one class token per class, attention in the CAM.

Xu, Ouyang, Bennamoun, Boussaid and Xu, "Multi-class Token Transformer for
Weakly Supervised Semantic Segmentation", CVPR 2022,
https://arxiv.org/abs/2203.02891 (MCTformer-V2). With P the map of
a 3x3 convolution on the patch tokens and T the attention, the mean over heads,
of each of L layers:

.. math::
    A_k(j) &= \sum_{l > L - 3} T^l[\text{token of class } k, \text{patch } j]
    \\ \text{coarse}_k(j) &= A_k(j) \, \mathrm{ReLU}(P_k(j)) \\
    \text{fine}_k(i) &= \sum_j \sum_l T^l[\text{patch } i, \text{patch } j]
    \, \text{coarse}_k(j)

Patch i collects the coarse map by its own row of attention. Two class logits
are trained: the mean of the class's token (:class:`TokenLoss`), and the mean
of P (:class:`GAPLoss`). MCTformer+ (TPAMI 2024,
https://arxiv.org/abs/2308.03005) takes the square root of the coarse map.
configs/mctformer/README.md lists the choices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...utils import at_least_float32, check_option
from .cam_head import CAMHead

FUSIONS = ('product', 'sqrt')


class TokenFeatures(NamedTuple):
    """What a :class:`MultiTokenViT` computes.

    Attributes:
        patches: Patch tokens of the last layer as a map (N, D, h, w).
        tokens: Class tokens of every layer (N, L, K, D).
        attention: One map (N, T, T) per layer, the mean over heads, or
            (N, heads, T, T); T = K + h * w, class tokens first. None where
            it was not recorded.
        head_outputs: Output of each head, its maximum over the tokens
            (N, L * heads, d), or None.
    """

    patches: Tensor
    tokens: Tensor
    attention: Sequence[Tensor] | None = None
    head_outputs: Tensor | None = None


class TokenMaps(NamedTuple):
    """What :class:`TokenCAMHead` computes, of the K foreground classes.

    Attributes:
        cam: Raw patch map P (N, K, h, w).
        token_logits: Logits of the class tokens (N, K).
        tokens: Class tokens of every layer (N, L, K, D).
        fused: The fine map (N, K, h, w) >= 0, float32, or None without
            attention.
    """

    cam: Tensor
    token_logits: Tensor
    tokens: Tensor
    fused: Tensor | None


def fuse_cam(
    cam: Tensor, cross: Tensor, affinity: Tensor, fusion: str = 'product'
) -> Tensor:
    """Compute the fine map of a patch map and attention.

    Args:
        cam: P (N, K, h, w), for 'sqrt' without gradient.
        cross: Attention of class tokens to patches (N, K, h * w) >= 0.
        affinity: Attention between patches (N, h * w, h * w) >= 0, rows are
            queries.
        fusion: 'product' (MCTformer-V2), or 'sqrt' of it (MCTformer+).

    Returns:
        Tensor: (N, K, h, w) >= 0.

    Raises:
        ValueError: If ``fusion`` is unknown.

    Example:
        >>> cam = torch.tensor([2.0, 1.0]).view(1, 1, 1, 2)
        >>> cross = torch.tensor([[[0.25, 0.75]]])
        >>> affinity = torch.tensor([[[0.9, 0.1], [0.5, 0.5]]])
        >>> fuse_cam(cam, cross, affinity)
        tensor([[[[0.5250, 0.6250]]]])
    """
    check_option('fusion', fusion, FUSIONS)
    positive = cam.relu().flatten(2)
    if fusion == 'sqrt':  # of each factor: that of 0 has no finite gradient
        cross, positive = cross.sqrt(), positive.sqrt()
    return (cross * positive @ affinity.transpose(1, 2)).view_as(cam)


@MODELS.register_module()
class TokenCAMHead(CAMHead):
    """Class activation maps of a network with a token per class (MCTformer).

    It needs the :class:`TokenFeatures` of a :class:`MultiTokenViT` that has
    one token per foreground class. Losses get the patch map, as those of any
    CAMHead, and as keywords the rest of :class:`TokenMaps`; the default is
    the paper's sum of both classification losses. Prediction returns the fine
    map, and the classes whose token's logit is positive.

    Args:
        in_channels (int): D, channels of a token.
        num_classes (int): All classes of the data set.
        cross_layers (int): Layers, from the last, whose attention of class
            tokens counts. Defaults to 3.
        fusion (str): See ``fuse_cam``. Defaults to 'product'.
        normalise (str): See :class:`CAMHead`. Defaults to 'min_max'.
        dropout_ratio (float): As for :class:`CAMHead`. Defaults to 0.0.
        loss_decode (list[dict], optional): Image-level losses. Defaults to
            GAPLoss and TokenLoss.
        **kwargs: As for :class:`CAMHead`.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        cross_layers: int = 3,
        fusion: str = 'product',
        normalise: str = 'min_max',
        dropout_ratio: float = 0.0,
        loss_decode: list[dict] | None = None,
        **kwargs,
    ):
        check_option('fusion', fusion, FUSIONS)
        if cross_layers < 1:
            raise ValueError(f'cross_layers must be >= 1, got {cross_layers}')
        losses = ('mmseg_wsss.GAPLoss', 'mmseg_wsss.TokenLoss')
        super().__init__(
            in_channels,
            num_classes,
            in_index=0,
            normalise=normalise,
            dropout_ratio=dropout_ratio,
            loss_decode=loss_decode or [dict(type=loss) for loss in losses],
            **kwargs,
        )
        self.cross_layers = cross_layers
        self.fusion = fusion
        self.conv_seg = nn.Conv2d(
            self.in_channels, len(self.foreground), 3, padding=1
        )

    def forward(self, inputs: TokenFeatures) -> TokenMaps:
        """Compute patch map, token logits and, with attention, the fine map.

        Args:
            inputs: Features of the backbone.

        Returns:
            TokenMaps: On the grid of the patches.

        Raises:
            ValueError: If the backbone has no token per foreground class.
        """
        if not isinstance(inputs, TokenFeatures):
            raise ValueError(
                f'{type(self).__name__} needs a token per class: use the '
                "backbone 'mmseg_wsss.MultiTokenViT'"
            )
        found, classes = inputs.tokens.shape[2], len(self.foreground)
        if found != classes:
            raise ValueError(
                f'{type(self).__name__} has {classes} foreground classes, the '
                f'backbone {found} class tokens: set num_tokens={classes}'
            )
        cam = super().forward(inputs)
        fused = None
        if inputs.attention is not None:
            with torch.autocast(cam.device.type, enabled=False):
                fused = fuse_cam(
                    at_least_float32(cam.detach()),
                    *self.attention(inputs),
                    self.fusion,
                )
        logits = inputs.tokens[:, -1].mean(-1)
        return TokenMaps(cam, logits, inputs.tokens, fused)

    def attention(self, inputs: TokenFeatures) -> tuple[Tensor, Tensor]:
        """Compute the attention of the layers together.

        Args:
            inputs: With ``attention``, the mean over heads.

        Returns:
            tuple[Tensor, Tensor]: From class tokens to patches (N, K, h * w),
            and between patches (N, h * w, h * w), float32.

        Raises:
            ValueError: If the attention is that of each head.
        """
        if inputs.attention[0].ndim != 3:
            raise ValueError(
                'TokenCAMHead needs the mean of the attention over heads: set '
                "attention='mean' in MultiTokenViT, or use a WeakTrHead"
            )
        classes = len(self.foreground)
        maps = [at_least_float32(one) for one in inputs.attention]
        cross = sum(maps[-self.cross_layers :])[:, :classes, classes:]
        return cross, sum(maps)[:, classes:, classes:]

    def criterion_inputs(
        self, seg_logits: TokenMaps
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the patch map, and the rest for the losses of tokens."""
        others = seg_logits._asdict()
        return others.pop('cam'), others

    def activation(self, seg_logits: TokenMaps) -> Tensor:
        """Return the fine map (N, K, h, w).

        Raises:
            ValueError: If attention was not recorded.
        """
        if seg_logits.fused is None:
            raise ValueError(
                'there is no attention to fuse into the CAM: MultiTokenViT '
                'records it in eval mode, call model.eval()'
            )
        return seg_logits.fused

    def class_logits(self, seg_logits: TokenMaps) -> Tensor:
        """Return the logits of the class tokens (N, K)."""
        return seg_logits.token_logits

    def scores(self, cam: Tensor, candidates: Tensor) -> Tensor:
        """Compute the scores that are returned as ``seg_logits``.

        Args:
            cam: Sums of fine maps (N, K, H, W) >= 0, of any scale.
            candidates: Mask (N, K) of ``candidate_mask``.

        Returns:
            Tensor: Scores (N, C, H, W), float32 in [0, 1].
        """
        # Products of attention are small, WeakTr's 1e-3: the epsilon of the
        # normalisation, 1e-5, becomes that of MCTformer's code, 1e-8.
        return super().scores(1000 * cam, candidates)
