r"""WeCLIP's decoder on the layers of a frozen tower.

Zhang, Yu, Wei, Zhao and Xiao, "Frozen CLIP: A Strong Backbone for Weakly
Supervised Semantic Segmentation", CVPR 2024,
https://arxiv.org/abs/2406.11189. With the maps :math:`x_l` of the layers

.. math::
    q_l &= W'_l \mathrm{ReLU}(W_l x_l) \\
    F &= \mathrm{dropout}(W [q_1; q_2; \dots]) \\
    s &= W_s D(F), \qquad A = \mathrm{sigmoid}(F^T F)

where all W are 1x1 convolutions, D are three transformer layers, s are the
logits and A the affinity of each pair of cells. The fusion is written from
this description: the public code's carries a non-commercial licence.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...utils import at_least_float32

LAYERS, HEADS = 3, 8


def quick_gelu(x: Tensor) -> Tensor:
    """Compute CLIP's activation, x sigmoid(1.702 x)."""
    return x * torch.sigmoid(1.702 * x)


def map_affinity(features: Tensor) -> Tensor:
    """Compute A of features (N, D, h, w): (N, h * w, h * w) in [0, 1].

    In float32 at least, and symmetric.

    Examples:
        >>> map_affinity(torch.tensor([0.0, 2.0]).view(1, 1, 1, 2))
        tensor([[[0.5000, 0.5000],
                 [0.5000, 0.9820]]])
    """
    with torch.autocast(features.device.type, enabled=False):
        cells = at_least_float32(features).flatten(2)
        return (cells.transpose(1, 2) @ cells).sigmoid()


@MODELS.register_module()
class TokenFusionHead(BaseDecodeHead):
    """Fuse the maps of several layers, and learn affinities beside classes.

    About 6 million parameters for ViT-B. :class:`PairAffinityLoss`
    gets A and the labels at the size of the maps; the entries of
    ``loss_decode`` get the logits as in any head.

    Args:
        in_channels (Sequence[int]): Channels of each layer's map.
        channels (int): Channels of F, a multiple of 8. Defaults to 256.
        loss_affinity (dict, optional): The loss of A. None has none.
        dropout_ratio (float): Dropout of channels of F. Defaults to 0.1.
        **kwargs: As for MMSeg's ``BaseDecodeHead``.

    Examples:
        >>> head = TokenFusionHead([8, 8], channels=16, num_classes=3)
        >>> head([torch.rand(1, 8, 5, 6), torch.rand(1, 8, 5, 6)]).shape
        torch.Size([1, 3, 5, 6])
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: int = 256,
        loss_affinity: dict | None = None,
        **kwargs,
    ):
        in_channels = list(in_channels)
        super().__init__(
            in_channels,
            channels,
            in_index=list(range(len(in_channels))),
            input_transform='multiple_select',
            **kwargs,
        )
        self.reduce = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(count, channels, 1),
                nn.ReLU(),
                nn.Conv2d(channels, channels, 1),
            )
            for count in in_channels
        )
        self.fusion = nn.Conv2d(len(in_channels) * channels, channels, 1)
        self.decoder = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    channels,
                    HEADS,
                    dim_feedforward=4 * channels,
                    dropout=0,
                    activation=quick_gelu,
                    batch_first=True,
                    norm_first=True,
                )
                for _ in range(LAYERS)
            )
        )
        self.loss_affinity = loss_affinity and MODELS.build(loss_affinity)

    def fuse(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return F without dropout, (N, channels, h, w).

        Args:
            inputs: One map (N, D, h, w) per layer.

        Raises:
            ValueError: If there is another number of maps.
        """
        if len(inputs) != len(self.reduce):
            raise ValueError(
                f'TokenFusionHead has in_channels for {len(self.reduce)} '
                f'maps, the backbone gives {len(inputs)}: list one for each'
            )
        maps = self._transform_inputs(inputs)
        reduced = [
            reduce(x) for reduce, x in zip(self.reduce, maps, strict=True)
        ]
        return self.fusion(torch.cat(reduced, 1))

    def classify(self, features: Tensor) -> Tensor:
        """Return the logits (N, C, h, w) of F."""
        tokens = self.decoder(features.flatten(2).transpose(1, 2))
        maps = tokens.transpose(1, 2).unflatten(2, features.shape[2:])
        return self.conv_seg(maps)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the logits (N, C, h, w) of the layers' maps."""
        return self.classify(self._drop(self.fuse(inputs)))

    @torch.no_grad()
    def learned_affinity(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return A (N, h * w, h * w), without dropout and gradient."""
        return map_affinity(self.fuse(inputs))

    def loss(self, inputs, batch_data_samples, train_cfg) -> dict:
        """Compute the losses of the logits and of the affinity.

        Args:
            inputs (Sequence[Tensor]): One map per layer.
            batch_data_samples (list[SegDataSample]): With ``gt_sem_seg``.
            train_cfg (dict): Not used.
        """
        features = self._drop(self.fuse(inputs))
        losses = self.loss_by_feat(self.classify(features), batch_data_samples)
        if self.loss_affinity is not None:
            label = self._stack_batch_gt(batch_data_samples)
            label = F.interpolate(label.float(), features.shape[2:])
            losses[self.loss_affinity.loss_name] = self.loss_affinity(
                map_affinity(features), label[:, 0].long(), self.ignore_index
            )
        return losses

    def _drop(self, features: Tensor) -> Tensor:
        return features if self.dropout is None else self.dropout(features)
