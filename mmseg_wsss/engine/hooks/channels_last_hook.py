"""A hook that stores convolution weights in channels-last order."""

from __future__ import annotations

import torch
from mmengine.hooks import Hook
from mmseg.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Store a model's convolution weights in channels-last order.

    Activations follow the weights, and results change by rounding only. It
    speeds up depthwise convolutions on CPUs (``benchmarks/channels_last.py``)
    and mixed precision on GPUs.
    """

    def before_run(self, runner) -> None:
        """Convert the weights in place."""
        runner.model.to(memory_format=torch.channels_last)
