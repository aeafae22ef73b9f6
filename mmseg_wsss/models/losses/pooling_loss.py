"""Multi-label classification through global pooling of a CAM.

The plain loss of a CAM network (Zhou et al., "Learning Deep Features for
Discriminative Localization", CVPR 2016; Eqs. 3 and 17 of HFPL, WACV 2024).
HFPL writes a sum over cells, its code and everyone else's takes the mean.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...utils import check_option
from .foreground import foreground_inputs

POOLINGS = ('gap', 'gmp')


def pooling_loss(
    cam_logits: Tensor, image_labels: Tensor, pooling: str = 'gap'
) -> Tensor:
    """Binary cross-entropy of spatially pooled logits.

    Args:
        cam_logits: Raw CAM (N, K, h, w) of the K foreground classes, float32
            or float64.
        image_labels: Multi-hot (N, K).
        pooling: 'gap' takes the mean of the cells, 'gmp' the maximum.

    Returns:
        Tensor: Scalar, the mean over images and classes.

    Raises:
        ValueError: If shapes do not fit or the pooling is unknown.
    """
    check_option('pooling', pooling, POOLINGS)
    if image_labels.shape != cam_logits.shape[:2]:
        raise ValueError(
            f'image_labels must be {tuple(cam_logits.shape[:2])} for a CAM '
            f'{tuple(cam_logits.shape)}, got {tuple(image_labels.shape)}: '
            'they run over the foreground classes'
        )
    pool = cam_logits.mean if pooling == 'gap' else cam_logits.amax
    return F.binary_cross_entropy_with_logits(
        pool((2, 3)), image_labels.to(cam_logits)
    )


@MODELS.register_module()
class GAPLoss(nn.Module):
    """The GAP loss as an entry of ``loss_decode``.

    Args:
        background_index (int, optional): The data set's background class,
            None if there is none. Defaults to 0.
        loss_weight (float): Factor. Defaults to 1.0.
        loss_name (str): Key in the log. Defaults to 'loss_gap'.
    """

    def __init__(
        self,
        background_index: int | None = 0,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_gap',
    ):
        super().__init__()
        self.background_index = background_index
        self.loss_weight = loss_weight
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """Key of the loss in the log."""
        return self._loss_name

    def forward(
        self,
        cam_logits: Tensor,
        seg_label: Tensor | None = None,
        image_labels: Tensor | None = None,
        **kwargs,
    ) -> Tensor:
        """Compute the loss.

        Args:
            cam_logits: Raw CAM (N, K, h, w), or logits (N, C, h, w) with a
                background channel.
            seg_label: Accepted as MMSeg's heads pass it, and not read.
            image_labels: Multi-hot (N, K) over the foreground. None asks the
                current batch.
            **kwargs: Accepted and ignored.

        Returns:
            Tensor: Scalar.
        """
        with torch.autocast(cam_logits.device.type, enabled=False):
            inputs = foreground_inputs(
                'GAPLoss', cam_logits, image_labels, self.background_index
            )
            loss = pooling_loss(inputs.logits, inputs.labels)
        return self.loss_weight * loss
