"""MBConv, the inverted residual block of EfficientNet-Lite."""

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmcv.cnn.bricks.conv2d_adaptive_padding import Conv2dAdaptivePadding
from torch import Tensor, nn


def same_conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, **kwargs
) -> nn.Conv2d:
    """Build a convolution without bias that pads as TensorFlow's ``SAME``.

    At stride 1 that is symmetric padding; at stride 2 an input of even size
    is padded more on the right and at the bottom.
    """
    if stride > 1:
        return Conv2dAdaptivePadding(
            inputs, outputs, kernel, stride, bias=False, **kwargs
        )
    padding = kwargs.get('dilation', 1) * (kernel // 2)
    return nn.Conv2d(
        inputs, outputs, kernel, padding=padding, bias=False, **kwargs
    )


class MBConv(nn.Module):
    """Inverted residual block: expand, filter depthwise, project.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output. Where they are those of the input,
            the input is added.
        expansion: Channels of the depthwise convolution per input channel.
        kernel: Kernel size of the depthwise convolution.
        stride: Its stride.
        dilation: Its dilation.
        norm_cfg: Config of the norm layers.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        expansion: int,
        kernel: int,
        stride: int,
        dilation: int,
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        width = inputs * expansion
        self.expand = expansion > 1
        self.residual = inputs == outputs
        if self.expand:
            self.expand_conv = same_conv(inputs, width, 1)
            self.bn0 = build_norm_layer(norm_cfg, width)[1]
        self.depthwise_conv = same_conv(
            width, width, kernel, stride, dilation=dilation, groups=width
        )
        self.bn1 = build_norm_layer(norm_cfg, width)[1]
        self.project_conv = same_conv(width, outputs, 1)
        self.bn2 = build_norm_layer(norm_cfg, outputs)[1]

    def forward(self, x: Tensor) -> Tensor:
        """Compute the features.

        Args:
            x: (N, inputs, H, W).

        Returns:
            (N, outputs, H / stride, W / stride), rounded up.
        """
        out = x
        if self.expand:
            out = F.relu6(self.bn0(self.expand_conv(out)), inplace=True)
        out = F.relu6(self.bn1(self.depthwise_conv(out)), inplace=True)
        out = self.bn2(self.project_conv(out))
        return x + out if self.residual else out
