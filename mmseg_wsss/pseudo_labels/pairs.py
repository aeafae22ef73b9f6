"""What confident labels say of pairs of neighbouring cells (PSA and IRN)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .affinity import Offset, partner


def pair_labels(
    label: Tensor,
    offsets: Sequence[Offset],
    ignore_index: int = 255,
    background_index: int | None = 0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Sort pairs by the labels of both cells (PSA).

    Args:
        label: Class ids (N, h, w), any integer dtype.
        offsets: P offsets.
        ignore_index: Label of uncertain cells, whose pairs are in no set.
        background_index: Label of the background, None if there is none.

    Returns:
        tuple[Tensor, Tensor, Tensor]: Bool pair maps (N, P, h, w): both cells
        background; both of the same other class; of different classes.
    """
    valid = label != ignore_index
    is_background = torch.zeros_like(valid)
    if background_index is not None:
        is_background = valid & (label == background_index)
    shape = (len(label), len(offsets), *label.shape[1:])
    background, foreground, negative = valid.new_empty(3, *shape)
    for p, offset in enumerate(offsets):
        other = partner(label, offset, ignore_index)
        equal = valid & (label == other)
        background[:, p] = equal & is_background
        foreground[:, p] = equal & ~is_background
        negative[:, p] = valid & (other != ignore_index) & ~equal
    return background, foreground, negative


def reduce_label(
    label: Tensor, stride: int, num_classes: int, ignore_index: int = 255
) -> Tensor:
    """Label a coarser grid by the majority of each cell's pixels.

    PSA averages score maps over each cell and takes the best class; on hard
    labels that is a vote. IRN takes one pixel per cell, the nearest to its
    place, which keeps thin parts and noise alike.

    Ignored pixels vote for ``ignore_index``, and so do those added where the
    image ends inside a cell. The lowest class wins a tie, and every class
    wins one against ``ignore_index``. Values that are neither do not vote; a
    cell without any vote is ignored.

    Args:
        label: Class ids (N, H, W) or (N, 1, H, W), any integer dtype.
        stride: Pixels per cell, at least 1.
        num_classes: Number of classes.
        ignore_index: Label of uncertain pixels.

    Returns:
        Tensor: Class ids (N, ceil(H / stride), ceil(W / stride)), of label's
        dtype.

    Raises:
        ValueError: If the shape or the stride is wrong.
    """
    if label.dim() == 4 and label.shape[1] == 1:
        label = label[:, 0]
    if label.dim() != 3:
        raise ValueError(
            'label must be (N, H, W) or (N, 1, H, W), got '
            f'{tuple(label.shape)}'
        )
    if stride < 1:
        raise ValueError(f'stride must be at least 1, got {stride}')
    h, w = label.shape[1:]
    margins = (0, -w % stride, 0, -h % stride)
    label = F.pad(label, margins, value=ignore_index)
    cells = label.unflatten(2, (-1, stride)).unflatten(1, (-1, stride))
    cells = cells.transpose(2, 3).flatten(3)
    winner = torch.full_like(cells[..., 0], ignore_index)
    most = torch.zeros_like(winner, dtype=torch.int64)
    for value in (*range(num_classes), ignore_index):
        votes = (cells == value).sum(-1)
        winner = winner.masked_fill(votes > most, value)
        most = torch.maximum(most, votes)
    return winner
