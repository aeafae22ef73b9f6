"""SIPE's head: a CAM, and the features that prototypes are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...pseudo_labels.cam import EPS, normalise_cam
from ...pseudo_labels.structure_seeds import (
    initial_scores,
    prototype_maps,
    structure_seeds,
)
from ...utils import at_least_float32
from .cam_head import CAMHead


class SIPEMaps(NamedTuple):
    """What :class:`SIPEHead` computes.

    Attributes:
        cam: Raw CAM (N, K, h, w) of the foreground classes.
        side_features: f (N, D, h, w), float32, of all stages.
        deep_features: Feature (N, D', h, w) of the classifier, without
            gradient.
    """

    cam: Tensor
    side_features: Tensor
    deep_features: Tensor


@MODELS.register_module()
class SIPEHead(CAMHead):
    """Class activation maps by prototypes of the image (SIPE).

    The classifier sees the last feature. A 1x1 convolution reduces each
    feature, from which no gradient flows back; the results, of length 1 in
    each cell, are resized to the grid of the last feature and joined. Image-
    level losses get the raw CAM; :class:`SIPELoss` trains the convolutions.

    Prediction returns the prototype maps, see
    :mod:`mmseg_wsss.pseudo_labels.structure_seeds`. The background has a
    prototype too, and its map, divided by its maximum like the others, is the
    background score: no threshold. All classes compete for the cells, absent
    ones too; only then absent ones are dropped.

    Each view finds its own seeds: with :class:`CAMTTAModel` the maps of
    scales and flips are summed (the authors sum CAM and features of an image
    and its flip before they find the seeds).

    Args:
        in_channels (Sequence[int]): Channels of the features. ResNet-50:
            (256, 512, 1024, 2048).
        num_classes (int): All classes of the data set, background included.
        side_channels (Sequence[int]): What the features are reduced to.
            Defaults to (128, 128, 256, 256).
        in_index (Sequence[int]): Indices of the features, the classifier's
            last. Defaults to (0, 1, 2, 3).
        **kwargs: As for :class:`CAMHead`; its ``background_threshold`` is not
            used.

    Raises:
        ValueError: If an option is out of range, channels and indices do not
            fit, or the data set has no background.

    Examples:
        >>> head = SIPEHead((4, 8), 3, side_channels=(2, 3), in_index=(0, 1))
        >>> maps = head([torch.rand(1, 4, 6, 6), torch.rand(1, 8, 3, 3)])
        >>> maps.cam.shape, maps.side_features.shape
        (torch.Size([1, 2, 3, 3]), torch.Size([1, 5, 3, 3]))
    """

    own_background = True
    climbs = False

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        side_channels: Sequence[int] = (128, 128, 256, 256),
        in_index: Sequence[int] = (0, 1, 2, 3),
        **kwargs,
    ):
        if not len(in_channels) == len(in_index) == len(side_channels) > 0:
            raise ValueError(
                'SIPEHead needs one index and one side width per feature, got '
                f'in_channels={in_channels}, in_index={in_index}, '
                f'side_channels={side_channels}'
            )
        super().__init__(
            in_channels[-1], num_classes, in_index=in_index[-1], **kwargs
        )
        if self.background_index is None:
            raise ValueError(
                'SIPEHead has a prototype of the background: it needs a data '
                'set with background, got background_index=None'
            )
        self.side_index = tuple(in_index)
        self.sides = nn.ModuleList(
            nn.Conv2d(before, after, 1, bias=False)
            for before, after in zip(in_channels, side_channels, strict=True)
        )

    def forward(self, inputs: Sequence[Tensor]) -> SIPEMaps:
        """Compute the CAM and the features.

        Args:
            inputs: Feature maps of the backbone.

        Returns:
            SIPEMaps: All on the grid of the last feature.
        """
        cam = super().forward(inputs)
        sides = [
            self._side(conv, inputs[index], cam.shape[2:])
            for conv, index in zip(self.sides, self.side_index, strict=True)
        ]
        deep = inputs[self.side_index[-1]].detach()
        return SIPEMaps(cam, torch.cat(sides, 1), deep)

    def _side(
        self, conv: nn.Module, feature: Tensor, size: torch.Size
    ) -> Tensor:
        """Reduce a feature to cells of length 1, at ``size``."""
        reduced = at_least_float32(conv(feature.detach()))
        return self.upsample(F.normalize(reduced, dim=1, eps=EPS), size)

    def criterion_inputs(
        self, seg_logits: SIPEMaps
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the raw CAM, and both features for :class:`SIPELoss`."""
        cam, side, deep = seg_logits
        return cam, dict(side_features=side, deep_features=deep)

    def activation(self, seg_logits: SIPEMaps) -> Tensor:
        """Return the prototype maps.

        Args:
            seg_logits: CAM and features.

        Returns:
            Tensor: M (N, K + 1, h, w), float32 in [0, 1], the background
            first. Structures are those of the side features, as in the
            authors' code; :class:`SIPELoss` takes the classifier's.
        """
        features = seg_logits.side_features
        with torch.autocast(features.device.type, enabled=False):
            scores = initial_scores(at_least_float32(seg_logits.cam))
            seeds = structure_seeds(scores, features)
            return prototype_maps(features, seeds)

    def class_logits(self, seg_logits: SIPEMaps) -> Tensor:
        """Return the mean of the raw CAM over the image (N, K)."""
        return super().class_logits(seg_logits.cam)

    def scores(self, cam: Tensor, candidates: Tensor) -> Tensor:
        """Compute the scores that are returned as ``seg_logits``.

        Args:
            cam: Sums of prototype maps (N, K + 1, H, W), the background
                first.
            candidates: Mask (N, K) of ``candidate_mask``.

        Returns:
            Tensor: Scores (N, C, H, W), float32 in [0, 1].
        """
        cam = normalise_cam(cam, self.normalise)
        classes = cam[:, 1:] * candidates[:, :, None, None]
        return self._join(cam[:, :1], classes)
