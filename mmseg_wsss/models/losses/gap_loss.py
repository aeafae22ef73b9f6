"""Multi-label classification through global average pooling (GAP).

The plain loss of a CAM network (Zhou et al., "Learning Deep Features for
Discriminative Localization", CVPR 2016; Eq. 1 of OCR, CVPR 2023).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...structures import current_image_labels


def gap_loss(cam_logits: Tensor, image_labels: Tensor) -> Tensor:
    """Binary cross-entropy of spatially averaged logits.

    Args:
        cam_logits: Raw CAM (N, K, h, w) of the K foreground classes, any
            float dtype; computed in float32 at least.
        image_labels: Multi-hot (N, K).

    Returns:
        Tensor: Scalar, the mean over images and classes.

    Raises:
        ValueError: If shapes do not fit.
    """
    if image_labels.shape != cam_logits.shape[:2]:
        raise ValueError(
            f'image_labels must be {tuple(cam_logits.shape[:2])} for a CAM '
            f'{tuple(cam_logits.shape)}, got {tuple(image_labels.shape)}: '
            'they run over the foreground classes'
        )
    if cam_logits.dtype != torch.float64:
        cam_logits = cam_logits.float()
    scores = cam_logits.mean((2, 3))
    return F.multilabel_soft_margin_loss(scores, image_labels.to(scores))


@MODELS.register_module()
class GAPLoss(nn.Module):
    """The GAP loss as an entry of a CAMHead's ``loss_decode``.

    Args:
        loss_weight (float): Factor. Defaults to 1.0.
        loss_name (str): Key in the log. Defaults to 'loss_gap'.
    """

    def __init__(self, loss_weight: float = 1.0, loss_name: str = 'loss_gap'):
        super().__init__()
        self.loss_weight = loss_weight
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """Key of the loss in the log."""
        return self._loss_name

    def forward(
        self,
        cam_logits: Tensor,
        image_labels: Tensor | None = None,
        **kwargs,
    ) -> Tensor:
        """Compute the loss.

        Args:
            cam_logits: Raw CAM (N, K, h, w).
            image_labels: Multi-hot (N, K). None asks the current batch, whose
                labels must then have K entries.
            **kwargs: Accepted and ignored.

        Returns:
            Tensor: Scalar.
        """
        if image_labels is None:
            image_labels = current_image_labels('GAPLoss')
        with torch.autocast(cam_logits.device.type, enabled=False):
            return self.loss_weight * gap_loss(cam_logits, image_labels)
