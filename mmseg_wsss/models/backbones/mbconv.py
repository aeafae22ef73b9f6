"""MBConv, the inverted residual block of EfficientNet-Lite."""

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from torch import Tensor, nn


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
            self.expand_conv = nn.Conv2d(inputs, width, 1, bias=False)
            self.bn0 = build_norm_layer(norm_cfg, width)[1]
        self.depthwise_conv = nn.Conv2d(
            width,
            width,
            kernel,
            stride,
            padding=dilation * (kernel // 2),
            dilation=dilation,
            groups=width,
            bias=False,
        )
        self.bn1 = build_norm_layer(norm_cfg, width)[1]
        self.project_conv = nn.Conv2d(width, outputs, 1, bias=False)
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
