"""A hook that lets convolutions work on channels-last memory."""

from __future__ import annotations

import torch
from mmengine.hooks import Hook
from mmseg.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Store a model's convolution weights in channels-last order.

    Activations follow the weights. Results change by rounding only; training
    MobileNetV2 on a CPU is two to seven times faster
    (``benchmarks/channels_last.py``), and mixed precision on GPUs gains too.
    """

    def before_run(self, runner) -> None:
        """Convert the weights in place."""
        runner.model.to(memory_format=torch.channels_last)
