"""DeepLabV2's head, with which IRN, AdvCAM and MARS train segmentors.

Chen et al., "DeepLab: Semantic Image Segmentation with Deep Convolutional
Nets, Atrous Convolution, and Fully Connected CRFs", TPAMI 2018,
https://arxiv.org/abs/1606.00915: classifiers of several dilations, whose
logits are added. MMSeg has its successors only.
"""

from collections.abc import Sequence

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    """Sum of dilated 3x3 classifiers (atrous spatial pyramid pooling).

    Args:
        in_channels (int): Channels of the input feature map. Defaults to
            2048.
        dilations (Sequence[int]): Dilation of each classifier. Defaults to
            the paper's (6, 12, 18, 24), for stride 8.
        **kwargs: Everything else BaseDecodeHead takes: ``num_classes``,
            ``loss_decode``, ``align_corners`` ... There is no hidden layer:
            ``channels`` has no effect, and dropout is off by default.

    Raises:
        ValueError: If a dilation is not a positive int.

    Examples:
        >>> import torch
        >>> head = DeepLabV2Head(8, num_classes=3)
        >>> head([torch.rand(1, 8, 5, 6)]).shape
        torch.Size([1, 3, 5, 6])
    """

    def __init__(
        self,
        in_channels: int = 2048,
        *,
        dilations: Sequence[int] = (6, 12, 18, 24),
        dropout_ratio: float = 0.0,
        **kwargs,
    ) -> None:
        if not dilations or any(
            not isinstance(d, int) or d < 1 for d in dilations
        ):
            raise ValueError(
                f'dilations must be positive ints, got {dilations!r}'
            )
        kwargs.setdefault('channels', in_channels)
        kwargs.setdefault(
            'init_cfg',
            dict(type='Normal', std=0.01, override=dict(name='classifiers')),
        )
        super().__init__(in_channels, dropout_ratio=dropout_ratio, **kwargs)
        self.classifiers = nn.ModuleList(
            nn.Conv2d(
                self.in_channels, self.out_channels, 3, padding=d, dilation=d
            )
            for d in dilations
        )
        del self.conv_seg

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Classify every cell of the feature grid.

        Args:
            inputs: Feature maps of the backbone; ``in_index`` selects one of
                shape (N, in_channels, h, w).

        Returns:
            Tensor: Logits (N, out_channels, h, w).
        """
        features = self._transform_inputs(inputs)
        if self.dropout is not None:
            features = self.dropout(features)
        return sum(classifier(features) for classifier in self.classifiers)
