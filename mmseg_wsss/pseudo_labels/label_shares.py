"""The share of a picture that each class covers in a label map."""

from __future__ import annotations

import torch
from torch import Tensor


def label_shares(
    seg_label: Tensor, classes: int, ignore_index: int = 255
) -> Tensor:
    """Compute the share of each class in label maps.

    Args:
        seg_label: Label maps (N, H, W), integer.
        classes: C.
        ignore_index: Pixels that do not count. Defaults to 255.

    Returns:
        Tensor: (N, C), float32 in [0, 1] of the pixels that count; NaN for
        an image without such a pixel.

    Raises:
        ValueError: If a label is neither a class nor ignored.

    Example:
        >>> import torch
        >>> label_shares(torch.tensor([[[0, 1], [1, 255]]]), 2)
        tensor([[0.3333, 0.6667]])
    """
    labels = seg_label.flatten(1).long()
    valid = labels != ignore_index
    wrong = valid & ((labels < 0) | (labels >= classes))
    if wrong.any():
        raise ValueError(
            f'label maps have the value {int(labels[wrong][0])}, '
            f'which is none of the {classes} classes and not ignored '
            f'({ignore_index})'
        )
    # Ignored pixels count as a class of their own, which is dropped.
    labels = labels.masked_fill(~valid, classes)
    counts = labels.new_zeros(len(labels), classes + 1, dtype=torch.float32)
    counts.scatter_add_(
        1, labels, torch.ones_like(labels, dtype=torch.float32)
    )
    return counts[:, :classes] / valid.sum(1, keepdim=True)
