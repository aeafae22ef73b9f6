"""ResNet that also returns its stem's output, as IRN uses it.

Ahn, Cho and Kwak, "Weakly Supervised Learning of Instance Segmentation with
Inter-pixel Relations", CVPR 2019, https://arxiv.org/abs/1904.05044
"""

from __future__ import annotations

from mmseg.models.backbones import ResNet
from mmseg.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class StemResNet(ResNet):
    """MMSeg's ResNet with the stem's output before the stages'.

    The stem is everything before the first stage: one convolution (three with
    ``deep_stem``), norm, ReLU and the max pooling; its output has
    ``stem_channels`` (64) channels and stride 4. All options, parameters and
    their names are ResNet's, so that its checkpoints load. ``frozen_stages=4``
    freezes the whole network.

    ``out_indices`` counts the stages from 0, as ResNet's; the features are
    renumbered, the stem being the first.
    """

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the features.

        Args:
            x: Images (N, 3, H, W).

        Returns:
            tuple[Tensor, ...]: The stem's output (N, 64, H / 4, W / 4), and
            one feature map per entry of ``out_indices``.
        """
        if self.deep_stem:
            x = self.stem(x)
        else:
            x = self.relu(self.norm1(self.conv1(x)))
        x = self.maxpool(x)
        outs = [x]
        for i, name in enumerate(self.res_layers):
            x = getattr(self, name)(x)
            if i in self.out_indices:
                outs.append(x)
        return tuple(outs)
