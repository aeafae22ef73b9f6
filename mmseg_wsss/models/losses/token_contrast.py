r"""MCTformer+'s loss that keeps class tokens apart.

Xu, Bennamoun, Boussaid, Laga, Ouyang and Xu, "MCTformer+: Multi-Class Token
Transformer for Weakly Supervised Semantic Segmentation", TPAMI 2024,
https://arxiv.org/abs/2308.03005: the contrastive class-token loss. With the
tokens t of a layer at unit length, and the image's P present classes:

.. math::
    L = -\frac{1}{P} \sum_{k \in P}
    \log \frac{\exp(t_k^\top t_k)}{\sum_j \exp(t_k^\top t_j)}

the mean over layers and images. With identical tokens it is log K.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...utils import at_least_float32
from .base import ImageLevelLoss, LossInputs


def token_contrast(tokens: Tensor, labels: Tensor) -> Tensor:
    """Compute the contrast of class tokens.

    Args:
        tokens: (N, L, K, D) of L layers, of any length.
        labels: Multi-hot (N, K).

    Returns:
        Tensor: Scalar >= 0, the mean over layers and images; an image without
        a class counts as 0.

    Raises:
        ValueError: If shapes do not fit.

    Example:
        >>> import torch
        >>> tokens = torch.eye(2).view(1, 1, 2, 2)
        >>> token_contrast(tokens, torch.ones(1, 2))
        tensor(0.3133)
    """
    if tokens.ndim != 4 or labels.shape != (len(tokens), tokens.shape[2]):
        raise ValueError(
            'tokens must be (N, L, K, D) and labels (N, K), got '
            f'{tuple(tokens.shape)} and {tuple(labels.shape)}'
        )
    unit = F.normalize(tokens, dim=3)
    rows = (unit @ unit.transpose(2, 3)).log_softmax(3)
    rows = -rows.diagonal(dim1=2, dim2=3).mean(1)  # over layers: (N, K)
    labels = labels.to(rows)
    counts = labels.sum(1).clamp(min=1)
    return ((rows * labels).sum(1) / counts).mean()


@MODELS.register_module()
class TokenContrastLoss(ImageLevelLoss):
    """The contrast of class tokens, in a :class:`TokenCAMHead`.

    It is used beside the losses of the patch map and of the tokens::

        loss_decode=[
            dict(type='mmseg_wsss.GWRPLoss'),
            dict(type='mmseg_wsss.TokenLoss'),
            dict(type='mmseg_wsss.TokenContrastLoss'),
        ]

    Args:
        **kwargs: See :class:`ImageLevelLoss`.

    Examples:
        >>> import torch
        >>> cam, labels = torch.zeros(1, 2, 2, 2), torch.tensor([[1, 1, 1]])
        >>> tokens = torch.eye(2).view(1, 1, 2, 2)
        >>> TokenContrastLoss()(cam, image_labels=labels, tokens=tokens)
        tensor(0.3133)
    """

    default_name = 'loss_contrast'

    def compute(
        self, inputs: LossInputs, tokens: Tensor | None = None, **kwargs: Any
    ) -> Tensor:
        """Compute the loss of the present classes.

        Args:
            inputs: Patch map and labels.
            tokens: Class tokens of every layer (N, L, K, D).
            **kwargs: Not read.

        Returns:
            Tensor: Scalar >= 0.

        Raises:
            ValueError: If there are no tokens.
        """
        if tokens is None:
            raise ValueError(
                'TokenContrastLoss needs class tokens: put it into '
                'loss_decode of a TokenCAMHead'
            )
        _, labels, _ = inputs.foreground()
        return token_contrast(at_least_float32(tokens), labels)
