r"""SIPE: a CAM and the maps of its own prototypes agree.

Chen, Yang, Lai and Xie, "Self-supervised Image-specific Prototype Exploration
for Weakly Supervised Semantic Segmentation" (SIPE), CVPR 2022,
https://arxiv.org/abs/2203.02909. The scaled CAM m of an image, with a
background 1 - max, finds seeds, whose mean features are prototypes, and M is
the similarity of each cell to them
(:mod:`mmseg_wsss.pseudo_labels.structure_seeds`). The general-specific
consistency is, over the C classes with the background and the cells,

.. math::
    L_{GSC} = \mathrm{mean} \, \Big| m - \frac{M}{\max M} \Big|

beside a GAPLoss, both of weight 1. m and M are 0 for absent classes, which
the mean counts. Nothing is a fixed target: through m the loss trains the
classifier and the backbone, through M the convolutions of :class:`SIPEHead`.
Seeds have no gradient. configs/sipe/README.md lists the choices.
"""

from __future__ import annotations

from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ...pseudo_labels.cam import EPS
from ...pseudo_labels.structure_seeds import (
    initial_scores,
    prototype_maps,
    structure_seeds,
)
from ...structures import current_data_samples, unpadded_cells
from .base import ImageLevelLoss, LossInputs


def prototype_consistency(
    cam: Tensor,
    labels: Tensor,
    side_features: Tensor,
    deep_features: Tensor,
    valid: Tensor,
) -> Tensor:
    """Compute L_GSC.

    Args:
        cam: Raw CAM (N, K, h, w) of the foreground classes, float32 or
            float64.
        labels: Multi-hot (N, K), same dtype.
        side_features: f (N, D, h, w), same dtype, of which M is made.
        deep_features: e (N, D', h, w), same dtype, of the structures; no
            gradient flows to them.
        valid: (N, 1, h, w), 1 for the cells that count and 0 for padding,
            same dtype.

    Returns:
        Tensor: Scalar in [0, 1], the mean over images of their mean over
        classes and valid cells; 0 of an image without such a cell.

    Example:
        >>> cam = torch.tensor([3.0, 1.0, -1.0]).view(1, 1, 1, 3)
        >>> features = torch.tensor([[1.0, 1, 0], [0, 0, 1]]).view(1, 2, 1, 3)
        >>> ones = torch.ones(1, 1)  # m 1, 1/3, 0 against M 1, 1, 0
        >>> valid = torch.ones(1, 1, 1, 3)
        >>> prototype_consistency(cam, ones, features, features, valid)
        tensor(0.2222)
    """
    present = torch.cat([torch.ones_like(labels[:, :1]), labels], 1)
    allowed = valid * present[:, :, None, None]
    scores = initial_scores(cam * valid) * allowed
    seeds = structure_seeds(scores, deep_features * valid) * allowed
    maps = prototype_maps(side_features, seeds) * valid
    maps = maps / (maps.amax((2, 3), keepdim=True) + EPS)
    cells = valid.sum((1, 2, 3)).clamp(min=1)
    difference = (scores - maps).abs().mean(1).sum((1, 2))
    return (difference / cells).mean()


@MODELS.register_module()
class SIPELoss(ImageLevelLoss):
    """L_GSC of SIPE, in a :class:`SIPEHead`, beside a classification loss.

    As an entry of ``loss_decode``::

        loss_decode=[
            dict(type='mmseg_wsss.GAPLoss'),
            dict(type='mmseg_wsss.SIPELoss'),
        ]

    Cells that lie on the padding of the current batch do not count.

    Args:
        **kwargs: See :class:`ImageLevelLoss`.

    Examples:
        >>> cam = torch.tensor([3.0, 1.0, -1.0]).view(1, 1, 1, 3)
        >>> features = torch.tensor([[1.0, 1, 0], [0, 0, 1]]).view(1, 2, 1, 3)
        >>> SIPELoss()(
        ...     cam,
        ...     image_labels=torch.tensor([[1, 1]]),
        ...     side_features=features,
        ...     deep_features=features,
        ... )
        tensor(0.2222)
    """

    default_name = 'loss_sipe'

    def compute(
        self,
        inputs: LossInputs,
        side_features: Tensor | None = None,
        deep_features: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Compute the loss.

        Args:
            inputs: Raw CAM and labels.
            side_features: f (N, D, h, w) of the head.
            deep_features: e (N, D', h, w).
            **kwargs: Not read.

        Returns:
            Tensor: Scalar in [0, 1].

        Raises:
            ValueError: If there are no features, or the maps are not those
                of the current batch.
        """
        if side_features is None or deep_features is None:
            raise ValueError(
                'SIPELoss needs the features of prototypes: put it into '
                'loss_decode of a SIPEHead'
            )
        logits, labels, _ = inputs.foreground()
        samples = current_data_samples()
        if samples is None:
            valid = torch.ones_like(logits[:, :1])
        elif len(samples) != len(logits):
            raise ValueError(
                f'SIPELoss got maps of {len(logits)} images, but the current '
                f'batch, whose padding does not count, has {len(samples)}'
            )
        else:
            valid = unpadded_cells(samples, logits.shape[2:])
            valid = valid.to(logits, non_blocking=True)
        side, deep = side_features.to(logits), deep_features.to(logits)
        return prototype_consistency(logits, labels, side, deep, valid)
