"""ResNet38, the wide pre-activation backbone of PSA, SEAM, HFPL and OCR.

Wu, Shen and van den Hengel, "Wider or Deeper: Revisiting the ResNet Model
for Visual Recognition", 2016, https://arxiv.org/abs/1611.10080 (model A1),
dilated as in Ahn and Kwak,
"Learning Pixel-level Semantic Affinity with Image-level Supervision for
Weakly Supervised Semantic Segmentation", CVPR 2018 (PSA),
https://arxiv.org/abs/1803.10464.

Modules bear the names used by the public PyTorch code of PSA and its
successors (``b4_2.conv_branch2a.weight``), so that their checkpoints load by
``init_cfg=dict(type='Pretrained', checkpoint=...)``. The ImageNet weights
are published for MXNet only; resnet38_mxnet2torch.py in
``tools/model_converters`` turns them into a PyTorch checkpoint.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

STAGES = ('b2', 'b3', 'b4', 'b5', 'b6', 'b7')
DEPTHS = (3, 3, 6, 3, 1, 1)
# Channels after each stage, in units of base_channels.
WIDTHS = (2, 4, 8, 16, 32, 64)
DROPOUTS = (0, 0, 0, 0, 0.3, 0.5)  # of channels, inside the blocks
BRANCHES = ('branch2a', 'branch2b1', 'branch2b2')
# Output stride -> (strides, dilations) of the six stages.
LAYOUTS = {
    8: ((2, 2, 2, 1, 1, 1), (1, 1, 1, 2, 4, 4)),
    16: ((2, 2, 2, 2, 1, 1), (1, 1, 1, 1, 2, 2)),
    32: ((2, 2, 2, 2, 2, 1), (1, 1, 1, 1, 1, 1)),
}


class PreActBlock(nn.Module):
    """Residual block with norm and ReLU before each convolution.

    The shortcut is the raw input, or a 1x1 convolution of the activated
    input where the shape changes.

    Args:
        channels: Channels of the input and after each convolution.
        kernels: Kernel size of each convolution.
        dilations: Dilation of each convolution.
        stride: Stride of the first convolution.
        dropout: Channel dropout before each convolution but the first.
        norm_cfg: Config of the norm layers.
        with_cp: Recompute the activations in the backward pass.
    """

    def __init__(
        self,
        channels: Sequence[int],
        kernels: Sequence[int],
        dilations: Sequence[int],
        stride: int,
        dropout: float,
        norm_cfg: dict,
        with_cp: bool,
    ) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.dropout = nn.Dropout2d(dropout) if dropout else nn.Identity()
        self.branches = BRANCHES[: len(kernels)]
        for i, branch in enumerate(self.branches):
            norm = build_norm_layer(norm_cfg, channels[i])[1]
            conv = nn.Conv2d(
                *channels[i : i + 2],
                kernel_size=kernels[i],
                stride=stride if i == 0 else 1,
                padding=dilations[i] * (kernels[i] // 2),
                dilation=dilations[i],
                bias=False,
            )
            self.add_module(f'bn_{branch}', norm)
            self.add_module(f'conv_{branch}', conv)
        self.conv_branch1 = None
        if stride != 1 or channels[0] != channels[-1]:
            self.conv_branch1 = nn.Conv2d(
                channels[0], channels[-1], 1, stride, bias=False
            )

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        act = F.relu(self.bn_branch2a(x), inplace=True)
        out = self.conv_branch2a(act)
        for branch in self.branches[1:]:
            norm = getattr(self, f'bn_{branch}')
            conv = getattr(self, f'conv_{branch}')
            out = conv(self.dropout(F.relu(norm(out), inplace=True)))
        out += x if self.conv_branch1 is None else self.conv_branch1(act)
        return out, act

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Run the block.

        Args:
            x: Raw (not activated) features, (N, channels[0], H, W).

        Returns:
            The raw output, and the input after norm and ReLU, which is the
            activated output of the block before this one.
        """
        if self.with_cp and torch.is_grad_enabled():
            return checkpoint(self._forward, x, use_reentrant=False)
        return self._forward(x)


@MODELS.register_module()
class ResNet38(BaseModule):
    """ResNet38 (model A1) with six stages, b2 to b7.

    Every output has passed the norm and the ReLU that follow its stage: those
    of the next stage's first block, or bn7 after the last stage. At the
    default output stride and width:

    ===== ===== ======== ====== ===================================
    index stage channels stride name in AffinityNet and SEAM
    ===== ===== ======== ====== ===================================
    0     b2    128      2
    1     b3    256      4
    2     b4    512      8      conv4
    3     b5    1024     8      conv5
    4     b6    2048     8
    5     b7    4096     8      conv6
    ===== ===== ======== ====== ===================================

    The CAM networks of PSA, SEAM and HFPL are trained with
    ``frozen_stages=1, norm_eval=True`` and
    ``norm_cfg=dict(type='BN', requires_grad=False)``. Their code freezes only
    when ``train()`` is called, which the public retraining script of SEAM and
    HFPL never does, so that its running statistics move. Here the options
    hold from construction; ``frozen_stages=-1, norm_eval=False`` gives the
    other behaviour. As elsewhere in MMSeg the defaults freeze nothing.

    Args:
        base_channels: Channels of conv1a; all others scale with it. The
            published network has 64 (105 M parameters).
        output_stride: 8 (as in PSA: dilation 2 in b5 after its first
            convolution, 4 in b6 and b7), 16 or 32.
        out_indices: Stages to return, see the table.
        frozen_stages: -1 freezes nothing, 0 conv1a, 1 also b2, and so on up
            to 6, the whole network. Frozen parts stay in eval mode.
        norm_cfg: Config of the norm layers. ``requires_grad=False`` freezes
            their weight and bias.
        norm_eval: Keep batch norm in eval mode, so that running statistics
            do not change.
        with_cp: Recompute each block in the backward pass, which trades
            time for memory. Batch norm in train mode then updates its running
            statistics twice per step: use it with ``norm_eval=True``.
        init_cfg: Initialisation. None: Kaiming for convolutions, 1 for norms.

    Raises:
        ValueError: If an option is out of its range.
    """

    def __init__(
        self,
        base_channels: int = 64,
        output_stride: int = 8,
        out_indices: Sequence[int] = (5,),
        frozen_stages: int = -1,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if output_stride not in LAYOUTS:
            raise ValueError(
                f'output_stride must be one of {sorted(LAYOUTS)}, '
                f'got {output_stride}'
            )
        out_indices = tuple(out_indices)
        ordered = sorted(set(out_indices) & set(range(len(STAGES))))
        if not out_indices or list(out_indices) != ordered:
            raise ValueError(
                'out_indices must be increasing numbers from 0 (b2) to '
                f'5 (b7), got {out_indices}'
            )
        if frozen_stages not in range(-1, len(STAGES) + 1):
            raise ValueError(
                'frozen_stages must be from -1 (nothing) to '
                f'{len(STAGES)} (all), got {frozen_stages}'
            )
        if init_cfg is None:
            norms = ['_BatchNorm', 'GroupNorm']
            init_cfg = [
                {'type': 'Kaiming', 'layer': 'Conv2d'},
                {'type': 'Constant', 'val': 1, 'layer': norms},
            ]
        super().__init__(init_cfg)
        self.out_indices = out_indices
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        norm_cfg = norm_cfg or {'type': 'BN', 'requires_grad': True}
        strides, dilations = LAYOUTS[output_stride]

        self.conv1a = nn.Conv2d(3, base_channels, 3, padding=1, bias=False)
        before = base_channels
        for i in range(len(STAGES)):
            after = WIDTHS[i] * base_channels
            for k, name in enumerate(self.block_names(i)):
                # A stride turned into a dilation acts after the first
                # convolution, which still sees the grid of the stage before.
                first = dilations[max(i - 1, 0) if k == 0 else i]
                if i < 4:
                    mids = (min(after, 8 * base_channels),)
                    kernels, rates = (3, 3), (first, dilations[i])
                else:
                    mids = (after // 4, after // 2)
                    kernels, rates = (1, 3, 1), (1, dilations[i], 1)
                block = PreActBlock(
                    (before, *mids, after),
                    kernels,
                    rates,
                    stride=strides[i] if k == 0 else 1,
                    dropout=DROPOUTS[i],
                    norm_cfg=norm_cfg,
                    with_cp=with_cp,
                )
                self.add_module(name, block)
                before = after
        self.bn7 = build_norm_layer(norm_cfg, before)[1]
        self.train()

    @staticmethod
    def block_names(index: int) -> list[str]:
        """Return the names of the blocks of stage ``index`` (0 to 5)."""
        stage = STAGES[index]
        return [stage] + [f'{stage}_{k}' for k in range(1, DEPTHS[index])]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the features.

        Args:
            x: Images, (N, 3, H, W). The public weights expect RGB
                in [0, 1] normalised by ImageNet's mean and std.

        Returns:
            One activated feature map per entry of ``out_indices``, each
            (N, channels, ceil(H / stride), ceil(W / stride)).
        """
        outs = []
        x = self.conv1a(x)
        for i in range(len(STAGES)):
            for k, name in enumerate(self.block_names(i)):
                x, act = getattr(self, name)(x)
                if k == 0 and i - 1 in self.out_indices:
                    outs.append(act)
        if len(STAGES) - 1 in self.out_indices:
            outs.append(F.relu(self.bn7(x), inplace=True))
        return tuple(outs)

    def train(self, mode: bool = True) -> 'ResNet38':
        """Set the mode, but keep frozen parts and norms as configured."""
        super().train(mode)
        for part in self._frozen_parts():
            part.eval()
            part.requires_grad_(False)
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def _frozen_parts(self) -> list[nn.Module]:
        if self.frozen_stages < 0:
            return []
        parts = [self.conv1a]
        for i in range(self.frozen_stages):
            parts += [getattr(self, name) for name in self.block_names(i)]
        if self.frozen_stages == len(STAGES):
            parts.append(self.bn7)
        return parts
