r"""SEAM: self-supervised equivariant attention.

Wang, Zhang, Kan, Shan and Chen, "Self-supervised Equivariant Attention
Mechanism for Weakly Supervised Semantic Segmentation", CVPR 2020,
https://arxiv.org/abs/2004.04581.

A CAM should shrink with its image. The network sees an image and a smaller
copy of it, and computes for both a raw CAM a and a CAM r refined by pixel
correlation (:mod:`mmseg_wsss.models.decode_heads.pixel_correlation`). With
the image labels y, mn the min-max normalisation and m the best class of each
pixel of mn(a) y, without gradient:

.. math::
    L_{ER} &= \mathrm{mean} \, |mn(a_1) y - mn(a_2) y| \\
    L_{ECR} &= \mathrm{top} \, |m(a_2) - mn(r_1) y|
        + \mathrm{top} \, |m(a_1) - mn(r_2) y| \\
    L_{min} &= \tfrac12 \sum_v \mathrm{low} \, \max_k y^k r_v^k

ER is a mean over all foreground classes, absent ones included: its values are
small. ECR has the background too; top is the mean of the largest fifth of all
entries of an image, low that of the lowest quarter of its pixels. The
classification loss is the mean over both views: a GAPLoss of weight 0.5 beside
this loss is that of the image, this loss adds that of the copy. All weights
are 1. configs/seam/README.md lists the choices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ...pseudo_labels.cam import normalise_cam, winning_scores
from ...structures import (
    current_data_samples,
    current_images,
    current_segmentor,
    network_inputs,
)
from ...utils import at_least_float32
from ..extra_views import owning_head, run_view, view_statistics
from .base import ImageLevelLoss, LossInputs
from .pooling_loss import pooling_loss


def equivariance(first: Tensor, second: Tensor) -> Tensor:
    """Compute L_ER.

    Args:
        first: mn(a_1) y (N, K, h, w), resized to the second view.
        second: mn(a_2) y, same shape.

    Returns:
        Tensor: Scalar >= 0, with gradients to both.
    """
    return (first - second).abs().mean()


def cross_equivariance(target: Tensor, refined: Tensor) -> Tensor:
    """Compute one term of L_ECR.

    Args:
        target: m of one view (N, C, h, w); no gradient flows to it.
        refined: mn(r) y of the other view, same shape.

    Returns:
        Tensor: Scalar >= 0, the mean over the images.

    Example:
        >>> target = torch.tensor([0.3, 0.7, 0.0, 0.0, 0.0])
        >>> refined = torch.tensor([0.6, 0.4, 0.0, 0.0, 0.0])
        >>> target, refined = target.view(1, 5, 1, 1), refined.view(1, 5, 1, 1)
        >>> cross_equivariance(target, refined)  # one of five entries
        tensor(0.3000)
    """
    difference = (target.detach() - refined).abs().flatten(1)
    count = max(difference.shape[1] // 5, 1)
    return difference.topk(count, dim=1).values.mean()


def low_scores(refined: Tensor) -> Tensor:
    """Compute L_min of one view: background must be found.

    Args:
        refined: r y (N, K, H, W) of the foreground classes.

    Returns:
        Tensor: Scalar >= 0, the mean over the images.

    Example:
        >>> low_scores(torch.tensor([0.4, 0.9, 0.1, 0.7]).view(1, 1, 2, 2))
        tensor(0.1000)
    """
    best = refined.amax(1).flatten(1)
    count = max(best.shape[1] // 4, 1)
    return best.topk(count, dim=1, largest=False).values.relu().mean()


@MODELS.register_module()
class SEAMLoss(ImageLevelLoss):
    """The losses of SEAM, in a :class:`SEAMHead`, beside a GAPLoss of 0.5.

    It runs the current segmentor on the smaller images::

        loss_decode=[
            dict(type='mmseg_wsss.GAPLoss', loss_weight=0.5),
            dict(type='mmseg_wsss.SEAMLoss'),
        ]

    With BinomialISL in the place of GAPLoss, at the same weight, this is the
    classification loss of HFPL's code. Batch norms in training mode keep
    their running statistics of the images alone.

    Args:
        scale (float): Size of the second view in (0, 1]. Defaults to 0.3.
        er_weight (float): Weight of L_ER. Defaults to 1.0.
        ecr_weight (float): Weight of L_ECR. Defaults to 1.0.
        min_weight (float): Weight of L_min. Defaults to 1.0.
        **kwargs: See :class:`ImageLevelLoss`.

    Raises:
        ValueError: If an option is out of range.
    """

    default_name = 'loss_seam'
    shown = ('scale', 'er_weight', 'ecr_weight', 'min_weight')

    def __init__(
        self,
        scale: float = 0.3,
        er_weight: float = 1.0,
        ecr_weight: float = 1.0,
        min_weight: float = 1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not 0 < scale <= 1:
            raise ValueError(f'scale must be in (0, 1], got {scale}')
        if min(er_weight, ecr_weight, min_weight) < 0:
            raise ValueError(
                f'must be >= 0: {er_weight=}, {ecr_weight=} and {min_weight=}'
            )
        self.scale = scale
        self.er_weight = er_weight
        self.ecr_weight = ecr_weight
        self.min_weight = min_weight

    def forward(
        self,
        logits: Tensor,
        *args: Any,
        refined: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Compute the loss.

        Args:
            logits: Raw CAM (N, K, h, w) of the current batch's images.
            *args: Not read.
            refined: Their refined CAM (N, K + 1, h, w).
            **kwargs: As for :class:`ImageLevelLoss`.

        Returns:
            Tensor: Scalar >= 0.

        Raises:
            ValueError: If there is no refined CAM.
            RuntimeError: If no batch is current.
        """
        if refined is None:
            raise ValueError(
                'SEAMLoss needs a refined CAM: put it into loss_decode of a '
                'SEAMHead'
            )
        segmentor = current_segmentor('SEAMLoss')
        head = owning_head(segmentor, self)
        images = current_images('SEAMLoss')
        size = images.shape[2:]
        small = [max(int(side * self.scale), 1) for side in size]
        inputs = network_inputs(
            head.upsample(images, small), segmentor.data_preprocessor
        )
        with view_statistics(segmentor, 'SEAMLoss'):
            view = run_view(segmentor, head, inputs, current_data_samples())
        return super().forward(
            logits,
            refined=[refined, view.refined],
            small_cam=view.cam,
            sizes=(size, small),
            resize=head.upsample,
            **kwargs,
        )

    def compute(
        self,
        inputs: LossInputs,
        refined: Sequence[Tensor],
        small_cam: Tensor,
        sizes: Sequence[Sequence[int]],
        resize: Callable[[Tensor, Sequence[int]], Tensor],
        **kwargs: Any,
    ) -> Tensor:
        """Compute the weighted sum.

        Args:
            inputs: Raw CAM and labels of the images.
            refined: Refined CAM of both views, the images' first.
            small_cam: Raw CAM of the small view.
            sizes: Height and width of both views.
            resize: Resizes maps to a size.
            **kwargs: Not read.

        Returns:
            Tensor: Scalar >= 0.
        """
        logits, labels, _ = inputs.foreground()
        present = labels[:, :, None, None]
        either = torch.cat([torch.ones_like(present[:, :1]), present], 1)
        raw = logits, at_least_float32(small_cam)
        loss = pooling_loss(raw[1], labels) / 2
        cams, correlated = [], []
        for cam, fine, size in zip(raw, refined, sizes, strict=True):
            cam = resize(cam, size)
            fine = resize(at_least_float32(fine), size)
            low = low_scores(fine[:, 1:] * present)
            loss = loss + self.min_weight * low / 2
            # Normalised at the view's size, compared at the small one.
            cam = resize(normalise_cam(cam, 'min_max'), sizes[1])
            fine = resize(normalise_cam(fine, 'min_max'), sizes[1])
            cams.append(cam * present)
            correlated.append(fine * either)
        loss = loss + self.er_weight * equivariance(*cams)
        for cam, fine in zip(cams, reversed(correlated), strict=True):
            value = cross_equivariance(winning_scores(cam), fine)
            loss = loss + self.ecr_weight * value
        return loss
