"""The pixel sampler that brings a batch's pixel weights to a head's losses."""

from __future__ import annotations

import torch.nn.functional as F
from mmseg.registry import TASK_UTILS
from mmseg.structures import BasePixelSampler
from torch import Tensor, nn

from ..structures import current_data_samples, no_batch, stack_pixel_weights


@TASK_UTILS.register_module()
class PixelWeightSampler(BasePixelSampler):
    """Pass all losses of a head the pixel weights of the current batch.

    It is an ordinary ``sampler`` of MMSeg's heads, whose result they pass as
    ``weight`` to each loss of ``loss_decode``: CrossEntropyLoss, OCRLoss and
    other losses of single pixels multiply by it. Losses of regions do not:
    LovaszLoss ignores it, DiceLoss refuses it::

        decode_head=dict(sampler=dict(type='mmseg_wsss.PixelWeightSampler'))

    A batch without pixel weights is not weighted at all.

    Args:
        context (nn.Module, optional): The head, which MMSeg gives.
    """

    def __init__(self, context: nn.Module | None = None):
        super().__init__()

    def sample(self, seg_logit: Tensor, seg_label: Tensor) -> Tensor | None:
        """Return the weights of the batch.

        Args:
            seg_logit: Logits (N, C, H, W).
            seg_label: Labels (N, 1, H, W).

        Returns:
            Tensor | None: Weights (N, H, W), float32, taken to the label's
            size by nearest neighbours; None if all are 1.

        Raises:
            RuntimeError: If no batch is current.
        """
        data_samples = current_data_samples()
        if data_samples is None:
            raise no_batch('PixelWeightSampler', 'the pixel weights')
        weights = stack_pixel_weights(data_samples)
        if weights is not None and weights.shape[1:] != seg_label.shape[2:]:
            weights = F.interpolate(weights[:, None], seg_label.shape[2:])[
                :, 0
            ]
        return weights
