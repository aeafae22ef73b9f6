"""Cells of a CAM: which of them a mask covers, and sums over them."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...utils import check_option

REDUCTIONS = ('sum', 'mean')


def full_cells(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """Find the cells of a map whose every pixel is in a mask.

    Args:
        mask: Bool (M, H, W).
        size: Height and width (h, w) of the map.

    Returns:
        Tensor: Bool (M, h, w).
    """
    outside = (~mask.bool()).float()[:, None]
    return F.adaptive_max_pool2d(outside, size)[:, 0] == 0


def confident_cells(
    teacher: Tensor, source_labels: Tensor, threshold: float
) -> Tensor:
    """Find the cells where the teacher is sure of its own class.

    Args:
        teacher: CAM logits (M, K, h, w).
        source_labels: One-hot (M, K), the class.
        threshold: Share of the class's largest score in the image.

    Returns:
        Tensor: Bool (M, h, w).
    """
    own = (teacher * source_labels[:, :, None, None]).sum(1).relu()
    return own > threshold * own.amax((1, 2), keepdim=True)


def reduce_cells(
    values: Tensor, cells: Tensor, reduction: str = 'sum'
) -> Tensor:
    """Add up, or average, the chosen cells of each map.

    Args:
        values: (M, h, w).
        cells: Bool (M, h, w).
        reduction: 'sum' or 'mean'.

    Returns:
        Tensor: (M,), 0 without a cell.

    Raises:
        ValueError: If the reduction is unknown.
    """
    check_option('reduction', reduction, REDUCTIONS)
    total = values.where(cells, values.new_zeros(())).sum((1, 2))
    if reduction == 'mean':
        total = total / cells.sum((1, 2)).clamp(min=1)
    return total
