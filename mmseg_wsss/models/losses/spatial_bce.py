r"""Spatial-BCE: a CAM whose pixels are close to 0 or 1.

Wu, Gao, Huang, Wei, Wei and Liu, "Adaptive Spatial-BCE Loss for Weakly
Supervised Semantic Segmentation", ECCV 2022,
https://doi.org/10.1007/978-3-031-19818-2_12. With the scores s of a class in
[0, 1] at each pixel, their mean m, a threshold t of the image and class, and
q, the share of the image that the class is expected to cover:

.. math::
    L_{present}(s) &= 1 - (1 - s / t)^2 \ (s \le t), \quad
        1 - \big((s - t) / (1 - t)\big)^2 \ (s > t) \\
    L_{absent}(s) &= -\log(1 - s) \\
    L_{share} &= \mathrm{KL}([1 - m, m] \, \| \, [1 - q, q])

The first moves each pixel away from t, to 0 or 1; the last, for the present
classes, decides how many go where: t is the score that q hw pixels exceed.
The shares come from label maps of another network, never from ground truth.

A threshold that a layer predicts learns without label maps in testing: the
scores of a present class should be polar on each side of it. Its loss gives
no gradient to the scores. configs/spatial_bce/README.md lists the choices.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...pseudo_labels.label_shares import label_shares
from ...structures import current_data_samples, foreground_indices
from ...utils import at_least_float32, is_compiling
from .base import ImageLevelLoss, LossInputs

EPS = 1e-4
# A present class covers something, and never all of a picture: a label map
# that misses it does not ask for an empty map.
SHARE_RANGE = 0.01, 0.99


def polar_loss(scores: Tensor, thresholds: Tensor) -> Tensor:
    """Compute L_present of each pixel.

    Args:
        scores: (N, K, h, w) in [0, 1].
        thresholds: (N, K) in (0, 1).

    Returns:
        Tensor: (N, K, h, w) in [0, 1]: 0 at the scores 0 and 1, 1 at the
        threshold.

    Raises:
        ValueError: If shapes do not fit.

    Example:
        >>> scores = torch.tensor([0.0, 0.2, 0.4, 0.7, 1.0]).view(1, 1, 1, 5)
        >>> polar_loss(scores, torch.tensor([[0.4]])).flatten()
        tensor([0.0000, 0.7500, 1.0000, 0.7500, 0.0000])
    """
    _check_classes('thresholds', thresholds, scores)
    t = thresholds.clamp(EPS, 1 - EPS)[:, :, None, None]
    below = 1 - (1 - scores / t).square()
    above = 1 - ((scores - t) / (1 - t)).square()
    return torch.where(scores <= t, below, above)


def share_thresholds(scores: Tensor, shares: Tensor) -> Tensor:
    """Return the score that the expected share of the pixels exceeds.

    Args:
        scores: (N, K, h, w) in [0, 1].
        shares: q (N, K) in [0, 1].

    Returns:
        Tensor: (N, K), at least 1e-4, without gradient: the scores in
        descending order at index int(q hw), or the last one.

    Raises:
        ValueError: If shapes do not fit or a share is not in [0, 1].

    Example:
        >>> scores = torch.tensor([0.1, 0.9, 0.4, 0.7]).view(1, 1, 2, 2)
        >>> share_thresholds(scores, torch.tensor([[0.5]]))
        tensor([[0.4000]])
    """
    _check_shares(shares, scores)
    order = scores.detach().flatten(2).sort(dim=2, descending=True).values
    pixels = order.shape[2]
    # 0.7, a share of 7 pixels of 10, is 0.69999999 in float32.
    index = (shares.double() * (1 + 1e-7) * pixels).long()
    index = index.clamp(max=pixels - 1)
    return order.gather(2, index[:, :, None])[:, :, 0].clamp(min=EPS)


def share_divergence(scores: Tensor, shares: Tensor) -> Tensor:
    """Compute L_share of each image and class.

    Args:
        scores: (N, K, h, w) in [0, 1].
        shares: q (N, K) in [0, 1].

    Returns:
        Tensor: (N, K), >= 0 and finite: q of 0 and 1 are 1e-4 and 1 - 1e-4.

    Raises:
        ValueError: If shapes do not fit or a share is not in [0, 1].

    Example:
        >>> scores = torch.full((1, 1, 2, 2), 0.3)
        >>> share_divergence(scores, torch.tensor([[0.5]]))
        tensor([[0.0823]])
    """
    _check_shares(shares, scores)
    m = scores.mean((2, 3))
    q = shares.to(scores).clamp(EPS, 1 - EPS)
    inside = m * ((m + 1e-8) / q).log()
    outside = (1 - m) * ((1 - m + 1e-8) / (1 - q)).log()
    return (inside + outside).clamp(min=0)


def threshold_loss(scores: Tensor, thresholds: Tensor) -> Tensor:
    """Compute the loss of predicted thresholds, of each image and class.

    Args:
        scores: (N, K, h, w) in [0, 1]; no gradient flows to them.
        thresholds: (N, K) in (0, 1).

    Returns:
        Tensor: (N, K), in [0, 2]: the mean of L_present over the pixels up to
        the threshold, and that over the pixels above it.

    Raises:
        ValueError: If shapes do not fit.

    Example:
        >>> scores = torch.tensor([0.0, 0.2, 0.7, 1.0]).view(1, 1, 2, 2)
        >>> threshold_loss(scores, torch.tensor([[0.4]]))
        tensor([[0.7500]])
    """
    scores = scores.detach()
    thresholds = thresholds.clamp(EPS, 1 - EPS)
    loss = polar_loss(scores, thresholds)
    below = (scores <= thresholds[:, :, None, None]).to(loss)
    return sum(
        (loss * side).sum((2, 3)) / side.sum((2, 3)).clamp(min=1)
        for side in (below, 1 - below)
    )


@MODELS.register_module()
class SpatialBCE(ImageLevelLoss):
    """Spatial-BCE in a :class:`PolarHead`, in the place of GAPLoss.

    The label maps of the batch, loaded by LoadAnnotations from a folder of
    pseudo labels, are read for one number per present class: its share q of
    the picture, kept in [0.01, 0.99]. An image without a labelled pixel
    learns from its absent classes alone. In any other :class:`CAMHead` there
    is no predicted threshold to train.

    The terms are means over the images; each image's share and threshold
    terms are means over its present classes.

    Args:
        **kwargs: See :class:`ImageLevelLoss`.
    """

    default_name = 'loss_spatial_bce'

    def compute(
        self,
        inputs: LossInputs,
        threshold_logits: Tensor | None = None,
        **kwargs,
    ) -> Tensor:
        """Compute the sum of the terms.

        Args:
            inputs: Logits and labels.
            threshold_logits: Logits (N, K) of predicted thresholds.
            **kwargs: Not read.

        Returns:
            Tensor: Scalar >= 0.

        Raises:
            ValueError: If the batch has no label maps, or unknown labels.
            RuntimeError: If no batch is current.
        """
        logits, labels, _ = inputs.foreground()
        scores = logits.sigmoid()
        shares = self._shares(inputs).to(logits.device, non_blocking=True)
        known = torch.isfinite(shares)
        shares = shares.nan_to_num(0.0).clamp(*SHARE_RANGE)
        absent = (labels == 0).to(logits)
        present = (1 - absent) * known
        polar = polar_loss(scores, share_thresholds(scores, shares))
        log_absent = F.softplus(logits)  # -log(1 - s), exact where s is 1
        pixels = polar * present[:, :, None, None]
        pixels = pixels + log_absent * absent[:, :, None, None]
        by_class = share_divergence(scores, shares)
        if threshold_logits is not None:
            thresholds = at_least_float32(threshold_logits).sigmoid()
            by_class = by_class + threshold_loss(scores, thresholds)
        by_image = (by_class * present).sum(1) / present.sum(1).clamp(min=1)
        return pixels.mean() + by_image.mean()

    def _shares(self, inputs: LossInputs) -> Tensor:
        """Return q (N, K) of the foreground classes, NaN if unknown."""
        classes = inputs.image_labels.shape[1]
        rows = []
        for sample in current_data_samples() or []:
            if 'gt_sem_seg' not in sample:
                raise ValueError(
                    'SpatialBCE reads shares from pseudo labels, the batch '
                    "has no label maps: add dict(type='LoadAnnotations') to "
                    'the train_pipeline, with data_prefix.seg_map_path a '
                    'folder of pseudo labels'
                )
            mask = sample.gt_sem_seg.data.reshape(1, 1, -1)
            rows.append(label_shares(mask, classes, inputs.ignore_index))
        if len(rows) != len(inputs.logits):
            raise RuntimeError(
                f'SpatialBCE got logits of {len(inputs.logits)} images, the '
                f'current batch has {len(rows)}: use WSSSEncoderDecoder or '
                'WeakSupervisionHook'
            )
        keep = foreground_indices(classes, inputs.background_index)
        return torch.cat(rows)[:, keep]


def _check_classes(name: str, values: Tensor, scores: Tensor) -> None:
    """Raise a ValueError unless values are (N, K) of scores."""
    if scores.ndim != 4 or values.shape != scores.shape[:2]:
        raise ValueError(
            f'{name} must be (N, K) of scores (N, K, h, w), got '
            f'{tuple(values.shape)} for {tuple(scores.shape)}'
        )


def _check_shares(shares: Tensor, scores: Tensor) -> None:
    """Raise a ValueError unless shares are (N, K) in [0, 1]."""
    _check_classes('shares', shares, scores)
    # A GPU would have to wait for the answer, a compiled graph would break.
    if not shares.is_cpu or is_compiling():
        return
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f'shares must be in [0, 1], got {shares.tolist()}')
