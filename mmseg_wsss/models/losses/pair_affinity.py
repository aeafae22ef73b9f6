r"""A loss of affinities between the cells of a map, in a window.

Zhang, Yu, Wei, Zhao and Xiao, "Frozen CLIP: A Strong Backbone for Weakly
Supervised Semantic Segmentation" (WeCLIP), CVPR 2024, https://arxiv.org/abs/2406.11189.
Of the ordered pairs of labelled cells whose distance is at most r in both
directions, P are those of one label (the background is one, and a cell with
itself is one) and N the others. With the affinity :math:`a`

.. math::
    L = \frac12 \frac{\sum_{P} (1 - a_{ij})}{|P| + 1}
        + \frac12 \frac{\sum_{N} a_{ij}}{|N| + 1}

The sums run over the batches of all ranks.
"""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce, get_world_size
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...utils import at_least_float32


def window_pairs(
    height: int, width: int, radius: int, device: torch.device | None = None
) -> Tensor:
    """Return which pairs of cells are in each other's window.

    Args:
        height: h.
        width: w.
        radius: Largest distance in each direction.
        device: Device of the result.

    Returns:
        Tensor: Bool (h * w, h * w), symmetric, True on the diagonal.

    Examples:
        >>> window_pairs(3, 3, radius=1).sum()  # 4 * 4 + 4 * 6 + 9
        tensor(49)
    """
    rows = torch.arange(height, device=device).repeat_interleave(width)
    columns = torch.arange(width, device=device).repeat(height)
    near = [(x[:, None] - x).abs() <= radius for x in (rows, columns)]
    return near[0] & near[1]


def pair_affinity_loss(
    affinity: Tensor, label: Tensor, radius: int = 8, ignore_index: int = 255
) -> Tensor:
    """Compute the loss of affinities by labels.

    Args:
        affinity: (N, h * w, h * w) in [0, 1], float32 or float64.
        label: Classes of the cells (N, h, w), integer.
        radius: r, in cells. Defaults to 8.
        ignore_index: Label of the cells without a pair. Defaults to 255.

    Returns:
        Tensor: Scalar in [0, 1]; 0, with a gradient path, without a pair.

    Raises:
        ValueError: If shapes do not fit.

    Examples:
        >>> affinity = torch.tensor([[[1.0, 0.3], [0.3, 1.0]]])
        >>> pair_affinity_loss(affinity, torch.tensor([[[0, 1]]]))
        tensor(0.1000)
    """
    cells = label[0].numel() if len(label) else 0
    if label.ndim != 3 or affinity.shape != (len(label), cells, cells):
        raise ValueError(
            'the affinity of labels (N, h, w) is (N, h * w, h * w), got '
            f'{(*affinity.shape,)} and labels {(*label.shape,)}'
        )
    flat = label.flatten(1)
    valid = flat != ignore_index
    pairs = window_pairs(*label.shape[1:], radius, label.device)
    pairs = pairs & valid[:, None] & valid[:, :, None]
    same = flat[:, None] == flat[:, :, None]
    positive, negative = pairs & same, pairs & ~same
    counts = torch.stack([positive.sum(), negative.sum()]).to(affinity)
    all_reduce(counts, 'mean')  # gradients are averaged over the ranks
    sums = torch.stack(
        [
            (1 - affinity).where(positive, 0).sum(),
            affinity.where(negative, 0).sum(),
        ]
    )
    return (sums / (counts + 1 / get_world_size())).sum() / 2


@MODELS.register_module()
class PairAffinityLoss(nn.Module):
    """:func:`pair_affinity_loss` of a :class:`TokenFusionHead`.

    Args:
        radius (int): Largest distance of a pair in cells. Defaults to 8.
        loss_weight (float): Weight of the loss. Defaults to 0.1.
        loss_name (str): Key in the log. Defaults to 'loss_affinity'.

    Raises:
        ValueError: If ``radius`` is below 1.

    Examples:
        >>> affinity = torch.tensor([[[1.0, 0.3], [0.3, 1.0]]])
        >>> PairAffinityLoss()(affinity, torch.tensor([[[0, 1]]]))
        tensor(0.0100)
    """

    def __init__(
        self,
        radius: int = 8,
        loss_weight: float = 0.1,
        loss_name: str = 'loss_affinity',
    ):
        super().__init__()
        if radius < 1:
            raise ValueError(f'radius must be at least 1, got {radius}')
        self.radius = radius
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self, affinity: Tensor, label: Tensor, ignore_index: int = 255
    ) -> Tensor:
        """Compute the weighted loss, in float32 at least.

        Args:
            affinity: (N, h * w, h * w) in [0, 1], any float dtype.
            label: Classes of the cells (N, h, w), integer.
            ignore_index: Label of the cells without a pair.

        Returns:
            Tensor: Scalar >= 0.

        Raises:
            ValueError: If shapes do not fit.
        """
        with torch.autocast(affinity.device.type, enabled=False):
            affinity = at_least_float32(affinity)
            loss = pair_affinity_loss(
                affinity, label, self.radius, ignore_index
            )
        return self.loss_weight * loss
