r"""Products with the affinity matrix of all pairs of cells, in blocks.

With features :math:`f_i` of P cells the affinities are
:math:`A_{ij} = \max(0, f_i^\top f_j)`: cosines where the features have the
length 1. A has :math:`P^2` entries, 527 MiB at stride 8 on an image of
1000 x 750 pixels. Its products with a few maps need a block of its columns at
a time only.
"""

from __future__ import annotations

import torch
from torch import Tensor


def affinity_product(
    values: Tensor, features: Tensor, block: int = 256
) -> tuple[Tensor, Tensor]:
    """Compute products of maps with the columns of A, and its column sums.

    Without gradient the peak memory is that of the inputs, the results and
    one block, P * ``block`` numbers. With gradient autograd keeps A.

    Args:
        values: Maps v (N, C, P), any float dtype.
        features: Features f (N, D, P), same dtype.
        block: Columns of A that are computed at a time, >= 1.

    Returns:
        tuple[Tensor, Tensor]: ``products`` (N, C, P), sum over i of
        v_i A_ij, and ``sums`` (N, 1, P), sum over i of A_ij.

    Raises:
        ValueError: If shapes do not fit or ``block`` is less than 1.

    Example:
        >>> features = torch.tensor([[[1.0, 0.6, -1.0], [0.0, 0.8, 0.0]]])
        >>> maps = torch.tensor([[[1.0, 0.0, 0.5]]])
        >>> products, sums = affinity_product(maps, features)
        >>> products / sums
        tensor([[[0.6250, 0.3750, 0.5000]]])
    """
    if block < 1:
        raise ValueError(f'block must be >= 1, got {block}')
    if (
        values.ndim != 3
        or features.ndim != 3
        or values.shape[::2] != features.shape[::2]
    ):
        raise ValueError(
            'affinity_product needs values (N, C, P) and features (N, D, P) '
            f'of the same cells, got {tuple(values.shape)} and '
            f'{tuple(features.shape)}'
        )
    cells = features.shape[2]
    products = torch.empty_like(values)
    sums = torch.empty_like(values[:, :1])
    buffer = None  # one for all blocks, where autograd does not keep them
    learns = values.requires_grad or features.requires_grad
    if not (learns and torch.is_grad_enabled()):
        buffer = features.new_empty(cells * min(block, cells))
    for n, (value, feature) in enumerate(zip(values, features, strict=True)):
        for start in range(0, cells, block):
            columns = slice(start, start + block)
            right = feature[:, columns]
            out = None
            if buffer is not None:
                out = buffer[: cells * right.shape[1]].view(cells, -1)
            affinity = torch.mm(feature.T, right, out=out).relu_()
            products[n, :, columns] = value @ affinity
            sums[n, 0, columns] = affinity.sum(0)
    return products, sums
