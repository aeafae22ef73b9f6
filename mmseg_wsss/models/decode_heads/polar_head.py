r"""Spatial-BCE's head: scores, their sharpness, a threshold per class.

Wu, Gao, Huang, Wei, Wei and Liu, "Adaptive Spatial-BCE Loss for Weakly
Supervised Semantic Segmentation", ECCV 2022,
https://doi.org/10.1007/978-3-031-19818-2_12. With the logits l, a learned
factor :math:`e^{\tau_k}` per class, 10 at first, and the mean b_k of a
threshold layer over the image, training sees the scores and thresholds

.. math::
    s = \sigma(e^{\tau_k} l), \quad t_k = \sigma(b_k)

and prediction the flatter ones :math:`\sigma(l)` and
:math:`t'_k = \sigma(b_k / e^{\tau_k})`: the same pixels are above.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...pseudo_labels.cam import background_score, normalise_cam
from .cam_head import CAMHead

WIDTH = 128  # of the features before the classifier
# The authors' layers start Xavier-uniform; each class's is one of 128 to 1.
_BOUND = math.sqrt(6 / (WIDTH + 1))
_INIT = [
    dict(
        type='Xavier',
        distribution='uniform',
        override=[dict(name='reduce'), dict(name='threshold')],
    ),
    dict(type='Uniform', a=-_BOUND, b=_BOUND, override=dict(name='conv_seg')),
]


class PolarMaps(NamedTuple):
    """What :class:`PolarHead` computes.

    Attributes:
        cam: Logits (N, K, h, w) of the foreground classes, without factor.
        threshold_logits: b (N, K).
    """

    cam: Tensor
    threshold_logits: Tensor


@MODELS.register_module()
class PolarHead(CAMHead):
    """Scores with a threshold per image and class (Spatial-BCE).

    :class:`SpatialBCE` trains it; every loss gets the logits times the factor.
    The threshold layer sees the features without giving them gradient.

    Prediction is relative to the thresholds: a score of 0.5 is a class at
    its threshold, 1 its best pixel, 0 its worst; the background has 0.5.
    With :class:`CAMTTAModel` scores and thresholds are means over the views.

    Args:
        in_channels (int): Channels of the features.
        num_classes (int): All classes of the data set.
        background_threshold (float): See :class:`CAMHead`. Defaults to 0.5;
            less and more move all thresholds.
        dropout_ratio (float): See :class:`CAMHead`. Defaults to 0, as the
            authors have it.
        **kwargs: As for :class:`CAMHead`.

    Raises:
        ValueError: If an option is out of range.

    Examples:
        >>> head = PolarHead(8, num_classes=3)
        >>> maps = head([torch.rand(1, 8, 5, 6)])
        >>> maps.cam.shape, maps.threshold_logits.shape
        (torch.Size([1, 2, 5, 6]), torch.Size([1, 2]))
    """

    climbs = False  # signed maps

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        background_threshold: float = 0.5,
        dropout_ratio: float = 0.0,
        **kwargs,
    ):
        super().__init__(
            in_channels,
            num_classes,
            background_threshold=background_threshold,
            dropout_ratio=dropout_ratio,
            **{'init_cfg': _INIT, **kwargs},
        )
        classes = len(self.foreground)
        self.reduce = nn.Conv2d(self.in_channels, WIDTH, 1, bias=False)
        self.conv_seg = nn.Conv2d(WIDTH, classes, 1, bias=False)
        self.threshold = nn.Conv2d(self.in_channels, classes, 1, bias=False)
        self.log_factor = nn.Parameter(torch.full((classes,), math.log(10)))

    def forward(self, inputs: list[Tensor] | Tensor) -> PolarMaps:
        """Compute logits and thresholds.

        Args:
            inputs: Feature maps of the backbone.

        Returns:
            PolarMaps: Both.
        """
        features = self._select(inputs)
        bias = self.threshold(features.detach()).mean((2, 3))
        return PolarMaps(self.cls_seg(self.reduce(features)), bias)

    def criterion_inputs(
        self, seg_logits: PolarMaps
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the scaled logits, and ``threshold_logits``."""
        cam = seg_logits.cam * self._factor()[:, None, None]
        return cam, dict(threshold_logits=seg_logits.threshold_logits)

    def activation(self, seg_logits: PolarMaps) -> Tensor:
        """Return the scores minus their threshold.

        Args:
            seg_logits: Logits and thresholds.

        Returns:
            Tensor: Signed maps (N, K, h, w), float32 in (-1, 1), so that a
            sum over views compares the means of both.
        """
        bias = seg_logits.threshold_logits.float() / self._factor()
        cam = seg_logits.cam.float().sigmoid()
        return cam - bias.sigmoid()[:, :, None, None]

    def class_logits(self, seg_logits: PolarMaps) -> Tensor:
        """Return the best pixel's logit above its threshold (N, K)."""
        cam, _ = self.criterion_inputs(seg_logits)
        return cam.amax((2, 3)) - seg_logits.threshold_logits

    def scores(self, cam: Tensor, candidates: Tensor) -> Tensor:
        """Compute the scores that are returned as ``seg_logits``.

        Args:
            cam: Signed maps (N, K, H, W), of any scale.
            candidates: Mask (N, K).

        Returns:
            Tensor: Scores (N, C, H, W), float32 in [0, 1].
        """
        above = normalise_cam(cam, self.normalise)
        below = normalise_cam(-cam, self.normalise)
        polar = (1 + above - below) / 2 * candidates[:, :, None, None]
        background = background_score(polar, self.background_threshold)
        return self._join(background, polar)

    def _factor(self) -> Tensor:
        """Return the factor (K,) of the logits, > 0."""
        return self.log_factor.exp()
