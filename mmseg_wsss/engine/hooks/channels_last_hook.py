"""A hook that stores convolution weights in channels-last order."""

from __future__ import annotations

import torch
from mmengine.hooks import Hook
from mmseg.registry import HOOKS
from torch.torch_version import TorchVersion

# On a CPU this torch was measured to be faster with the hook; with 2.1.2 a
# backward pass of MobileNetV2 takes seven times as long.
FASTER_ON_CPU = (2, 14)


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Store a model's convolution weights in channels-last order.

    Activations follow the weights, and results change by rounding only. It
    speeds up depthwise convolutions on CPUs (``benchmarks/channels_last.py``)
    and mixed precision on GPUs. On a CPU it does nothing before torch 2.14.
    """

    def before_run(self, runner) -> None:
        """Convert the weights in place."""
        devices = {p.device.type for p in runner.model.parameters()}
        if devices == {'cpu'} and (
            TorchVersion(torch.__version__) < FASTER_ON_CPU
        ):
            return
        runner.model.to(memory_format=torch.channels_last)
