"""Whether the losses of a config are called."""

from __future__ import annotations

from torch import nn

from ..models.losses import ImageLevelLoss


class LossCalls:
    """Record which image-level losses of a segmentor are called.

    Args:
        segmentor: The segmentor, out of any wrapper.
    """

    def __init__(self, segmentor: nn.Module):
        self._waiting = {
            module: name
            for name, module in segmentor.named_modules()
            if isinstance(module, ImageLevelLoss)
        }
        self._handles = [
            module.register_forward_pre_hook(self._called)
            for module in self._waiting
        ]
        self._segmentor = segmentor

    def _called(self, module, args) -> None:
        self._waiting.pop(module, None)

    def check(self) -> None:
        """Check after an iteration that each loss was called.

        Raises:
            ValueError: If a loss was not.
        """
        self.remove()
        for module, name in self._waiting.items():
            head = name.split('.loss_decode')[0]
            owner = type(self._segmentor.get_submodule(head)).__name__
            raise ValueError(
                f'{type(module).__name__} ({name}) was not called in the '
                f'first iteration: {owner} does not pass its logits to every '
                'entry of loss_decode. Put the loss into an auxiliary head, '
                "e.g. auxiliary_head=dict(type='FCNHead', ...) with "
                'loss_decode=[CrossEntropyLoss, this loss]'
            )

    def remove(self) -> None:
        """Remove what was registered."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
