"""Cross-entropy of each pixel, of losses that take another mean of it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...utils import at_least_float32


def pixel_cross_entropy(
    caller: str,
    cls_score: Tensor,
    label: Tensor,
    weight: Tensor | None,
    ignore_index: int,
) -> Tensor:
    """Compute the cross-entropy of each pixel, after checking the shapes.

    Args:
        caller: Name of the loss, for errors.
        cls_score: Logits (N, C, H, W), C > 1, any float dtype.
        label: Classes (N, H, W), int64 in [0, C) or ``ignore_index``.
        weight: Pixel weights (N, H, W), whose shape is checked, or None.
        ignore_index: Label of the pixels without a loss.

    Returns:
        Tensor: (N, H, W) >= 0, float32 or float64; 0 at ignored pixels.

    Raises:
        ValueError: If shapes do not fit.
    """
    if cls_score.ndim != 4 or cls_score.shape[1] < 2:
        raise ValueError(
            f'{caller} needs logits (N, C, H, W) with C > 1 (a binary head: '
            f'out_channels=2), got {(*cls_score.shape,)}'
        )
    shape = (len(cls_score), *cls_score.shape[2:])
    for name, value in (('label', label), ('weight', weight)):
        if value is not None and value.shape != shape:
            raise ValueError(
                f'{caller}: {name} must be {shape}, as the logits say, got '
                f'{(*value.shape,)}'
            )
    with torch.autocast(cls_score.device.type, enabled=False):
        logits = at_least_float32(cls_score)
        return F.cross_entropy(
            logits, label, ignore_index=ignore_index, reduction='none'
        )
