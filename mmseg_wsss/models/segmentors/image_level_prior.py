"""A segmentor that weighs classes by an image-level prior."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..decode_heads.cam_head import CAMHead


@MODELS.register_module()
class PriorEncoderDecoder(EncoderDecoder):
    """EncoderDecoder that multiplies probabilities by an image-level prior.

    One auxiliary head is a :class:`CAMHead`: beside the pixels' labels it
    learns the image labels, from the same features. Prediction multiplies the
    probability of a class in a pixel by that of the class in the image, the
    image-level prior of Pinheiro and Collobert (CVPR 2015,
    https://arxiv.org/abs/1411.6228, their section on priors), here

        log p(c | pixel) + log sigmoid(s_c)

    with the pooled logit s_c of the CAMHead. The background has no prior.
    Training is EncoderDecoder's. In a sliding test each window has its own
    prior.

    Args:
        *args: As for MMSeg's ``EncoderDecoder``.
        **kwargs: As for MMSeg's ``EncoderDecoder``.

    Raises:
        ValueError: If not exactly one auxiliary head is a CAMHead, it has
            other classes than the decode head, or the decode head has no
            channel for each class.

    Examples:
        >>> model = dict(
        ...     type='mmseg_wsss.PriorEncoderDecoder',
        ...     auxiliary_head=dict(
        ...         type='mmseg_wsss.CAMHead',
        ...         in_channels=2048,
        ...         in_index=3,
        ...         num_classes=21,
        ...     ),
        ... )
    """

    # The checks of checkpoints compare the auxiliary head as well.
    predicts_with_auxiliary = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        classes = [head.num_classes for head in self._cam_heads()]
        if classes != [self.decode_head.num_classes]:
            raise ValueError(
                'PriorEncoderDecoder needs one CAMHead with the '
                f'{self.decode_head.num_classes} classes of the decode head '
                f'in auxiliary_head, got CAMHeads with {classes} classes'
            )
        channels = self.decode_head.out_channels
        if channels != self.decode_head.num_classes:
            raise ValueError(
                'PriorEncoderDecoder weighs the channel of each class, the '
                f'decode head has {self.decode_head.num_classes} classes and '
                f'out_channels={channels}: remove out_channels'
            )

    def encode_decode(
        self, inputs: Tensor, batch_img_metas: list[dict]
    ) -> Tensor:
        """Predict logits.

        Args:
            inputs: Images (N, 3, H, W).
            batch_img_metas (list[dict]): Meta information of the images.

        Returns:
            Tensor: The decode head's logits and the log of the prior, summed,
            (N, C, H, W).
        """
        features = self.extract_feat(inputs)
        logits = self.decode_head.predict(
            features, batch_img_metas, self.test_cfg
        )
        return logits + self.log_prior(features)[:, :, None, None]

    def log_prior(self, features: tuple[Tensor, ...]) -> Tensor:
        """Compute log-probabilities of the classes in the images.

        Args:
            features: Feature maps of the backbone.

        Returns:
            Tensor: (N, C), at most 0; 0 for the background.
        """
        (head,) = self._cam_heads()
        scores = head.class_logits(head(features))
        prior = scores.new_zeros(len(scores), head.num_classes)
        index = torch.tensor(head.foreground, device=scores.device)
        return prior.index_copy(1, index, F.logsigmoid(scores))

    def _cam_heads(self) -> list[CAMHead]:
        heads = self.auxiliary_head if self.with_auxiliary_head else []
        if not isinstance(heads, nn.ModuleList):
            heads = [heads]
        return [head for head in heads if isinstance(head, CAMHead)]
