"""DeepLab-LargeFOV, the segmentation head of OCR, SEAM, HFPL and MCTformer.

Chen et al., "Semantic Image Segmentation with Deep Convolutional Nets and
Fully Connected CRFs", ICLR 2015 (DeepLab v1),
https://arxiv.org/abs/1412.7062: the first fully connected layer
becomes a 3x3 convolution with dilation 12, which gives a large field of view
on a stride 8 grid.
"""

from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class LargeFOVHead(BaseDecodeHead):
    """One dilated 3x3 convolution, 1x1 convolutions, a classifier.

    The defaults are DeepLab v1's fc6, fc7, fc8, which is what OCR names
    (its paper gives no detail of the head). Two other heads found in public
    code on a ResNet38 backbone:

    - SEAM and HFPL: ``norm_cfg=dict(type='BN')``, ``align_corners=True``.
    - MCTformer: ``num_convs=1, dilated_classifier=True``, a 3x3 dilated
      classifier right after the first convolution.

    DeepLab v1 drops units after fc6 and fc7, SEAM once, before the classifier;
    here channels are dropped, before the classifier.

    Args:
        in_channels (int): Channels of the input feature map. Defaults to
            4096.
        channels (int): Channels of the hidden layers. Defaults to 512.
        num_convs (int): Hidden layers, at least 1. The first is the dilated
            3x3 convolution, the others are 1x1. Without ``norm_cfg`` they
            have a bias. Defaults to 2.
        dilation (int): Dilation of the 3x3 convolutions. Defaults to 12,
            which fits stride 8.
        dilated_classifier (bool): Classify by a dilated 3x3 convolution in
            place of a 1x1 one. Defaults to False.
        dropout_ratio (float): Channel dropout before the classifier. Defaults
            to 0.5.
        **kwargs: Everything else BaseDecodeHead takes: ``num_classes``,
            ``norm_cfg``, ``act_cfg``, ``loss_decode``, ``align_corners`` ...

    Raises:
        ValueError: If ``num_convs`` or ``dilation`` is not a positive int.

    Examples:
        >>> import torch
        >>> head = LargeFOVHead(8, 4, num_classes=3)
        >>> head([torch.rand(1, 8, 5, 6)]).shape
        torch.Size([1, 3, 5, 6])
    """

    def __init__(
        self,
        in_channels: int = 4096,
        channels: int = 512,
        *,
        num_convs: int = 2,
        dilation: int = 12,
        dilated_classifier: bool = False,
        dropout_ratio: float = 0.5,
        **kwargs,
    ) -> None:
        for name, value in (('num_convs', num_convs), ('dilation', dilation)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f'{name} must be a positive int, got {value!r}'
                )
        super().__init__(
            in_channels, channels, dropout_ratio=dropout_ratio, **kwargs
        )
        layers = {
            'conv_cfg': self.conv_cfg,
            'norm_cfg': self.norm_cfg,
            'act_cfg': self.act_cfg,
        }
        convs = [
            ConvModule(
                self.in_channels,
                channels,
                3,
                padding=dilation,
                dilation=dilation,
                **layers,
            )
        ]
        convs += [
            ConvModule(channels, channels, 1, **layers)
            for _ in range(num_convs - 1)
        ]
        self.convs = nn.Sequential(*convs)
        if dilated_classifier:
            self.conv_seg = nn.Conv2d(
                channels,
                self.out_channels,
                3,
                padding=dilation,
                dilation=dilation,
            )

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Classify every cell of the feature grid.

        Args:
            inputs: Feature maps of the backbone; ``in_index`` selects one of
                shape (N, in_channels, h, w).

        Returns:
            Tensor: Logits (N, out_channels, h, w).
        """
        return self.cls_seg(self.convs(self._transform_inputs(inputs)))
