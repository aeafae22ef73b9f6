r"""Cross-entropy of background and foreground in equal parts.

Zhang, Yu, Wei, Zhao and Xiao, "Frozen CLIP: A Strong Backbone for Weakly
Supervised Semantic Segmentation" (WeCLIP), CVPR 2024, https://arxiv.org/abs/2406.11189;
ToCo, CVPR 2023, https://arxiv.org/abs/2303.01267, has the same. With the
cross-entropy :math:`\ell_p` of each pixel, B the pixels that are labelled
background and F those of all other classes

.. math::
    L = \frac{1}{2 |B|} \sum_{p \in B} \ell_p
        + \frac{1}{2 |F|} \sum_{p \in F} \ell_p

A set that is empty counts 0, where the public code gives NaN. The sets are
those of the batches of all ranks, so that two ranks learn what one with both
batches does.
"""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce
from mmseg.registry import MODELS
from torch import Tensor, nn

from .pixel_ce import pixel_cross_entropy


def balanced_mean(
    pixel_loss: Tensor, label: Tensor, ignore_index: int = 255
) -> Tensor:
    """Compute the mean of the background's and the foreground's mean.

    Args:
        pixel_loss: Loss of each pixel (N, H, W), float32 or float64.
        label: Classes (N, H, W), integer; 0 is the background.
        ignore_index: Label of the pixels in neither set. Defaults to 255.

    Returns:
        Tensor: Scalar; 0, with a gradient path, where all are ignored.

    Examples:
        >>> loss = torch.tensor([[[0.1, 0.3, 0.6, 9.0]]])
        >>> balanced_mean(loss, torch.tensor([[[0, 0, 5, 255]]]))
        tensor(0.4000)
    """
    valid = label != ignore_index
    background = label == 0
    sets = torch.stack([valid & background, valid & ~background]).flatten(1)
    counts = sets.sum(1).to(pixel_loss)
    all_reduce(counts, 'mean')  # gradients are averaged over the ranks
    counts = torch.where(counts > 0, counts, 1)
    sums = pixel_loss.flatten().expand(2, -1).where(sets, 0).sum(1)
    return (sums / counts).sum() / 2


@MODELS.register_module()
class BalancedCrossEntropy(nn.Module):
    """Cross-entropy with :func:`balanced_mean` for any MMSeg head.

    It takes the place of ``CrossEntropyLoss``::

        loss_decode=dict(type='mmseg_wsss.BalancedCrossEntropy')

    Args:
        loss_weight (float): Weight of the loss. Defaults to 1.0.
        loss_name (str): Key in the log. Defaults to 'loss_balanced_ce'.

    Examples:
        >>> logits = torch.zeros(1, 3, 1, 2)
        >>> BalancedCrossEntropy()(logits, torch.tensor([[[0, 2]]]))  # log 3
        tensor(1.0986)
    """

    def __init__(
        self, loss_weight: float = 1.0, loss_name: str = 'loss_balanced_ce'
    ):
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
    ) -> Tensor:
        """Compute the weighted loss.

        Args:
            cls_score: Logits (N, C, H, W), C > 1, any float dtype; computed
                in float32 at least.
            label: Classes (N, H, W), int64 in [0, C) or ``ignore_index``.
            weight: Pixel weights (N, H, W) of a sampler, or None.
            ignore_index: Label of the pixels without a loss. Defaults to 255.

        Returns:
            Tensor: Scalar >= 0; exactly 0, with a gradient path, where there
            is no pixel or all are ignored.

        Raises:
            ValueError: If shapes do not fit.
        """
        loss = pixel_cross_entropy(
            'BalancedCrossEntropy', cls_score, label, weight, ignore_index
        )
        if weight is not None:
            loss = loss * weight
        return self.loss_weight * balanced_mean(loss, label, ignore_index)
