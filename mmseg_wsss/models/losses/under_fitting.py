r"""Cross-entropy that stops learning from the worst pixels (PMM).

Li, Kuang, Liu, Chen and Zhang, "Pseudo-mask Matters in Weakly-supervised
Semantic Segmentation", ICCV 2021, https://arxiv.org/abs/2108.12995: the
pretended under-fitting strategy.

A segmentor that has learned most of its pseudo labels and still contradicts
some is often right. With the cross-entropy :math:`\ell_p` of P pixels

.. math::
    L = \frac1P \sum_p \begin{cases}
        \min(\ell_p, k) & \text{if } \frac1P \sum_q \ell_q < b \\
        \ell_p & \text{else}
    \end{cases}

Pixels above k then give no gradient. The paper has b = k = 0.5 on VOC and
0.8 on COCO, in the decode and in the auxiliary head. As in its code an
ignored pixel counts as one with the loss 0, in both means. The mean that is
compared with b is that of the whole batch, of all ranks together.
"""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce
from mmseg.registry import MODELS
from torch import Tensor, nn

from .pixel_ce import pixel_cross_entropy


def under_fitting_loss(
    pixel_loss: Tensor, begin_below: float | None = 0.5, limit: float = 0.5
) -> Tensor:
    """Compute the loss of each pixel, limited once their mean is low.

    Args:
        pixel_loss: Cross-entropy (N, H, W) >= 0, float32 or float64, 0 at
            ignored pixels.
        begin_below: b > 0, the mean below which the limit holds; None:
            always. Defaults to 0.5.
        limit: k > 0, the largest loss of a pixel. Defaults to 0.5.

    Returns:
        Tensor: Loss (N, H, W), without gradient at limited pixels.

    Examples:
        >>> under_fitting_loss(torch.tensor([[[0.1, 0.2, 0.9]]]))
        tensor([[[0.1000, 0.2000, 0.5000]]])
        >>> under_fitting_loss(torch.tensor([[[0.1, 0.9, 0.9]]]))
        tensor([[[0.1000, 0.9000, 0.9000]]])
    """
    limited = pixel_loss.clamp(max=limit)
    if begin_below is None:
        return limited
    found = pixel_loss.detach()
    loss = found.sum()
    total = torch.stack([loss, torch.full_like(loss, found.numel())])
    all_reduce(total)
    begun = total[0] < begin_below * total[1]
    return torch.where(begun, limited, pixel_loss)


@MODELS.register_module()
class UnderFittingCrossEntropy(nn.Module):
    """Cross-entropy with :func:`under_fitting_loss` for any MMSeg head.

    It takes the place of ``CrossEntropyLoss``, whose options for single
    classes and sigmoid heads it does not have::

        loss_decode=dict(type='mmseg_wsss.UnderFittingCrossEntropy')

    Args:
        begin_below (float | None): b, the mean loss of a batch below which
            pixels are limited; None limits them from the start. Defaults to
            0.5; the paper has 0.8 on COCO.
        limit (float): k, the largest loss of a pixel. Defaults to 0.5; 0.8.
        loss_weight (float): Weight of the loss. Defaults to 1.0.
        loss_name (str): Key in the log. Defaults to 'loss_under_fitting'.

    Raises:
        ValueError: If ``begin_below`` or ``limit`` is not above 0.

    Examples:
        >>> logits = torch.tensor([0.0, -9.0]).view(1, 2, 1, 1)
        >>> loss = UnderFittingCrossEntropy(begin_below=None)
        >>> loss(logits, torch.tensor([[[1]]]))  # 9.0001, limited
        tensor(0.5000)
    """

    def __init__(
        self,
        begin_below: float | None = 0.5,
        limit: float = 0.5,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_under_fitting',
    ):
        super().__init__()
        if not limit > 0 or not (begin_below is None or begin_below > 0):
            raise ValueError(
                'UnderFittingCrossEntropy needs limit > 0 and begin_below > 0 '
                f'or None, got limit={limit}, begin_below={begin_below}'
            )
        self.begin_below = begin_below
        self.limit = limit
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
    ) -> Tensor:
        """Compute the mean over all pixels, ignored ones included.

        Args:
            cls_score: Logits (N, C, H, W), C > 1, any float dtype; computed
                in float32 at least.
            label: Classes (N, H, W), int64 in [0, C) or ``ignore_index``.
            weight: Pixel weights (N, H, W) of a sampler, which multiply the
                limited loss, or None.
            ignore_index: Label of the pixels without a loss. Defaults to 255.

        Returns:
            Tensor: Scalar >= 0; exactly 0, with a gradient path, where there
            is no pixel or all are ignored.

        Raises:
            ValueError: If shapes do not fit.
        """
        loss = pixel_cross_entropy(
            'UnderFittingCrossEntropy', cls_score, label, weight, ignore_index
        )
        loss = under_fitting_loss(loss, self.begin_below, self.limit)
        if weight is not None:
            loss = loss * weight
        return self.loss_weight * loss.sum() / max(loss.numel(), 1)
