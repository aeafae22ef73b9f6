r"""Classification losses of networks with a token per class.

Xu et al., "Multi-class Token Transformer for Weakly Supervised Semantic
Segmentation", CVPR 2022, https://arxiv.org/abs/2203.02891 (MCTformer-V2). The
mean z of the D entries of a class's token is its logit:

.. math::
    L = \mathrm{BCE}(\sigma(z^c), y^c), \qquad
    z^c = \tfrac1D \sum_d t^c_d

Zhu et al., "WeakTr", https://arxiv.org/abs/2304.01184, has the same loss of
the mean of the fused map, which is never negative: for an absent class it is
at least log 2.
"""

from __future__ import annotations

from typing import Any

from mmseg.registry import MODELS
from torch import Tensor

from ...utils import at_least_float32
from .base import ImageLevelLoss, LossInputs
from .pooling_loss import pooling_loss


@MODELS.register_module()
class TokenLoss(ImageLevelLoss):
    """The loss of the class tokens, in a :class:`TokenCAMHead`.

    It is used beside a loss of the patch map::

        loss_decode=[
            dict(type='mmseg_wsss.GAPLoss'),
            dict(type='mmseg_wsss.TokenLoss'),
        ]

    Args:
        **kwargs: See :class:`ImageLevelLoss`.

    Examples:
        >>> import torch
        >>> cam, logits = torch.zeros(1, 1, 2, 2), torch.tensor([[2.0]])
        >>> labels = torch.tensor([[1, 1]])
        >>> TokenLoss()(cam, image_labels=labels, token_logits=logits)
        tensor(0.1269)
    """

    default_name = 'loss_token'

    def compute(
        self,
        inputs: LossInputs,
        token_logits: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Compute the loss of the foreground classes.

        Args:
            inputs: Patch map and labels.
            token_logits: Logits of the tokens (N, K).
            **kwargs: Not read.

        Returns:
            Tensor: Scalar >= 0.

        Raises:
            ValueError: If there are no token logits.
        """
        if token_logits is None:
            raise ValueError(
                'TokenLoss needs class tokens: put it into loss_decode of a '
                'TokenCAMHead'
            )
        _, labels, _ = inputs.foreground()
        logits = at_least_float32(token_logits)
        return pooling_loss(logits[:, :, None, None], labels)


@MODELS.register_module()
class FusedCAMLoss(ImageLevelLoss):
    """The loss of the fused map, in a :class:`WeakTrHead`.

    It is used beside the losses of the patch map and of the tokens, and trains
    the weights of the attention alone.

    Args:
        **kwargs: See :class:`ImageLevelLoss`.

    Examples:
        >>> import torch
        >>> cam, labels = torch.zeros(1, 1, 2, 2), torch.tensor([[1, 0]])
        >>> FusedCAMLoss()(cam, image_labels=labels, fused=cam)  # log 2
        tensor(0.6931)
    """

    default_name = 'loss_fused'

    def compute(
        self, inputs: LossInputs, fused: Tensor | None = None, **kwargs: Any
    ) -> Tensor:
        """Compute the loss of the foreground classes.

        Args:
            inputs: Patch map and labels.
            fused: Fused map (N, K, h, w) >= 0.
            **kwargs: Not read.

        Returns:
            Tensor: Scalar >= 0.

        Raises:
            ValueError: If there is no fused map.
        """
        if fused is None:
            raise ValueError(
                'FusedCAMLoss needs a fused map in training: put it into '
                "loss_decode of a WeakTrHead, and set attention='heads' in "
                'MultiTokenViT'
            )
        _, labels, _ = inputs.foreground()
        return pooling_loss(at_least_float32(fused), labels)
