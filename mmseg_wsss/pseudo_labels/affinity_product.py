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
    values: Tensor, features: Tensor, block: int = 1024
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
    products, sums = [], []
    for value, feature in zip(values, features, strict=True):
        parts = [
            _block_product(value, feature, columns)
            for columns in feature.split(block, dim=1)
        ]
        product, total = zip(*parts, strict=True)
        products.append(torch.cat(product, 1))
        sums.append(torch.cat(total, 1))
    return torch.stack(products), torch.stack(sums)


def _block_product(
    value: Tensor, feature: Tensor, columns: Tensor
) -> tuple[Tensor, Tensor]:
    """Compute one image's results (C, b) and (1, b) for b columns."""
    affinity = (feature.T @ columns).relu_()
    return value @ affinity, affinity.sum(0, keepdim=True)
