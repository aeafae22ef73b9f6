r"""Structure seeds and prototype maps of SIPE.

Chen, Yang, Lai and Xie, "Self-supervised Image-specific Prototype Exploration
for Weakly Supervised Semantic Segmentation" (SIPE), CVPR 2022,
https://arxiv.org/abs/2203.02909. The cells that look like cell i, by the
cosines of features e, form its structure. A cell belongs to the class whose
CAM m overlaps most with its structure ("structure-aware seed locating"), and
the mean feature of a class's cells is its prototype in this image
("background-aware prototype modeling"):

.. math::
    S_{ij} &= \mathrm{ReLU}(\cos(e_i, e_j)) \\
    IoU_i^k &= \frac{\sum_j S_{ij} m_j^k}
        {\sum_j S_{ij} + \sum_j m_j^k - \sum_j S_{ij} m_j^k} \\
    M_i^k &= \mathrm{ReLU}(\cos(f_i, p^k)), \quad
        p^k = \mathrm{mean} \, \{f_i : \mathrm{argmax}_l IoU_i^l = k\}

m has a background, 1 - max over the classes, whose IoU counts half, as in the
authors' code. S has P^2 entries for P cells: ``BLOCK`` columns at a time.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .affinity_product import affinity_product
from .cam import EPS, normalise_cam

BACKGROUND_SHARE = 0.5
BLOCK = 1024


def initial_scores(cam: Tensor) -> Tensor:
    """Compute m: CAMs scaled to [0, 1], with a background.

    Args:
        cam: Raw CAM (N, K, h, w) of the foreground classes.

    Returns:
        Tensor: (N, K + 1, h, w) in [0, 1]: 1 - max over the classes, then
        the classes. Gradients flow through the maxima too.

    Example:
        >>> cam = torch.tensor([[4.0, 1.0, -1.0]]).view(1, 1, 1, 3)
        >>> initial_scores(cam).round(decimals=2)
        tensor([[[[0.0000, 0.7500, 1.0000]],
        <BLANKLINE>
                 [[1.0000, 0.2500, 0.0000]]]])
    """
    scores = normalise_cam(cam)
    return torch.cat([1 - scores.amax(1, keepdim=True), scores], 1)


def structure_ious(scores: Tensor, features: Tensor) -> Tensor:
    """Compute IoU (N, C, h, w); arguments as of :func:`structure_seeds`."""
    flat = scores.flatten(2)
    unit = F.normalize(features.flatten(2), dim=1, eps=EPS)
    # S is symmetric: its columns are its rows.
    shared, sizes = affinity_product(flat, unit, BLOCK)
    union = sizes + flat.sum(2, keepdim=True) - shared
    ious = (shared / union.clamp(min=EPS)).view_as(scores)
    share = torch.ones_like(ious[:1, :, :1, :1])
    share[:, 0] = BACKGROUND_SHARE
    return ious * share


@torch.no_grad()
def structure_seeds(scores: Tensor, features: Tensor) -> Tensor:
    """Compute the class whose CAM covers each cell's structure best.

    Args:
        scores: m (N, C, h, w) in [0, 1], the background first; 0 where a
            class is absent or a cell is padding.
        features: e (N, D, h, w), of any length, same dtype; a cell of zeros
            is in no structure.

    Returns:
        Tensor: One-hot (N, C, h, w) of the dtype of ``scores``, without
        gradient; the first class at a tie.

    Raises:
        ValueError: If shapes do not fit.

    Example:
        >>> scores = torch.tensor([[0.0, 0.8], [1.0, 0.2]]).view(1, 2, 1, 2)
        >>> apart = torch.eye(2).view(1, 2, 1, 2)
        >>> structure_seeds(scores, apart).flatten(1)  # the class, background
        tensor([[0., 1., 1., 0.]])
        >>> structure_seeds(scores, torch.ones(1, 2, 1, 2)).flatten(1)
        tensor([[0., 0., 1., 1.]])
    """
    _check_grid('structure_seeds', scores, features)
    best = structure_ious(scores, features).argmax(1, keepdim=True)
    return torch.zeros_like(scores).scatter_(1, best, 1.0)


def prototype_maps(features: Tensor, seeds: Tensor) -> Tensor:
    """Compute M, the similarity of each cell to each class's prototype.

    Args:
        features: f (N, D, h, w), float32 or float64.
        seeds: (N, C, h, w) >= 0, same dtype; their scale does not matter.

    Returns:
        Tensor: (N, C, h, w) in [0, 1], with gradients to the features
        through prototypes and cells; 0 for a class without seeds.

    Raises:
        ValueError: If shapes do not fit.

    Example:
        >>> features = torch.tensor([[1.0, 0.6, -1.0], [0.0, 0.8, 0.0]])
        >>> seeds = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        >>> prototype_maps(features.view(1, 2, 1, 3), seeds.view(1, 2, 1, 3))
        tensor([[[[1.0000, 0.6000, 0.0000]],
        <BLANKLINE>
                 [[0.0000, 0.0000, 0.0000]]]])
    """
    _check_grid('prototype_maps', seeds, features)
    cells = features.flatten(2)
    prototypes = torch.einsum('nkp,ndp->nkd', seeds.flatten(2), cells)
    unit = F.normalize(cells, dim=1, eps=EPS)
    cosines = F.normalize(prototypes, dim=2, eps=EPS) @ unit
    return cosines.relu().view_as(seeds)


def _check_grid(caller: str, maps: Tensor, features: Tensor) -> None:
    """Check that maps of classes and features have the same cells."""
    if maps.ndim != 4 or maps[:, :1].shape != features[:, :1].shape:
        raise ValueError(
            f'{caller} needs maps (N, C, h, w) and features (N, D, h, w) of '
            f'the same images on one grid, got {tuple(maps.shape)} and '
            f'{tuple(features.shape)}'
        )
