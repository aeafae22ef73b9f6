r"""Multi-label classification through global pooling of a CAM.

Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR
2016, https://arxiv.org/abs/1512.04150. With the logits s of a CAM of HW
locations and the image labels y (HFPL, WACV 2024, Eqs. 3 and 17; it writes a
sum over locations, its code takes the mean):

.. math::
    L = \mathrm{BCE}\Big(\sigma\big(\tfrac{1}{HW}\sum_i s_i^c\big), y^c\Big)

Global weighted rank pooling (Kolesnikov and Lampert, "Seed, Expand and
Constrain", ECCV 2016, https://arxiv.org/abs/1603.06098, Sec. 3.2; MCTformer+)
takes the mean of the sorted logits, the largest first, with weights d^r of
rank r = 0, 1, ...: between the maximum (d = 0) and the mean (d = 1).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...utils import check_option
from .base import ImageLevelLoss, LossInputs

POOLINGS = ('gap', 'gmp')


def pooling_loss(
    cam_logits: Tensor, labels: Tensor, pooling: str = 'gap'
) -> Tensor:
    """Compute the binary cross-entropy of spatially pooled logits.

    Args:
        cam_logits: Raw CAM (N, K, h, w) of the K foreground classes, float32
            or float64.
        labels: Multi-hot (N, K), of the channels.
        pooling: 'gap' takes the mean over the locations, 'gmp' the maximum.

    Returns:
        Tensor: Scalar, the mean over images and classes.

    Raises:
        ValueError: If shapes do not fit or the pooling is unknown.

    Example:
        >>> cam = torch.tensor([[[[1.0, -1.0]], [[2.0, 4.0]]]])
        >>> pooling_loss(cam, torch.tensor([[1.0, 1.0]]))
        tensor(0.3709)
    """
    check_option('pooling', pooling, POOLINGS)
    if labels.shape != cam_logits.shape[:2]:
        raise ValueError(
            f'labels must be {tuple(cam_logits.shape[:2])} for a CAM '
            f'{tuple(cam_logits.shape)}, got {tuple(labels.shape)}: they run '
            'over the foreground classes'
        )
    pool = cam_logits.mean if pooling == 'gap' else cam_logits.amax
    return F.binary_cross_entropy_with_logits(
        pool((2, 3)), labels.to(cam_logits)
    )


def rank_pooling(cam_logits: Tensor, decay: float = 0.996) -> Tensor:
    """Compute the global weighted rank pooling of each map.

    Args:
        cam_logits: Raw CAM (N, K, h, w), float32 or float64.
        decay: d in [0, 1]. Defaults to 0.996.

    Returns:
        Tensor: (N, K).

    Example:
        >>> rank_pooling(torch.tensor([1.0, 3.0]).view(1, 1, 1, 2))
        tensor([[2.0020]])
    """
    ranked = cam_logits.flatten(2).sort(2, descending=True).values
    ranks = torch.arange(ranked.shape[2], device=ranked.device)
    weights = decay ** ranks.to(ranked)
    return ranked @ (weights / weights.sum())


@MODELS.register_module()
class GAPLoss(ImageLevelLoss):
    """The GAP loss as an entry of ``loss_decode``.

    Args:
        **kwargs: See :class:`ImageLevelLoss`.

    Examples:
        >>> cam = torch.full((1, 1, 2, 2), 2.0)
        >>> GAPLoss()(cam, image_labels=torch.tensor([[1, 1]]))
        tensor(0.1269)
    """

    default_name = 'loss_gap'

    def compute(self, inputs: LossInputs, **kwargs) -> Tensor:
        """Compute the loss of the foreground classes."""
        logits, labels, _ = inputs.foreground()
        return pooling_loss(logits, labels)


@MODELS.register_module()
class GWRPLoss(ImageLevelLoss):
    """The loss of global weighted rank pooling, in the place of GAPLoss.

    Args:
        decay (float): Weight of a rank relative to the rank before it, in
            [0, 1]. Defaults to 0.996, MCTformer+'s.
        **kwargs: See :class:`ImageLevelLoss`.

    Raises:
        ValueError: If ``decay`` is out of range.

    Examples:
        >>> cam = torch.full((1, 1, 2, 2), 2.0)
        >>> GWRPLoss()(cam, image_labels=torch.tensor([[1, 1]]))
        tensor(0.1269)
    """

    default_name = 'loss_gwrp'
    shown = ('decay',)

    def __init__(self, decay: float = 0.996, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= decay <= 1:
            raise ValueError(f'decay must be in [0, 1], got {decay}')
        self.decay = decay

    def compute(self, inputs: LossInputs, **kwargs) -> Tensor:
        """Compute the loss of the foreground classes."""
        logits, labels, _ = inputs.foreground()
        pooled = rank_pooling(logits, self.decay)
        return pooling_loss(pooled[:, :, None, None], labels)
