"""Whether the losses of a config are built and called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import nn

from ..compat import type_name
from ..models.losses import ImageLevelLoss


def check_losses_are_built(config: Mapping, segmentor: nn.Module) -> None:
    """Check that the image-level losses of a config are in the segmentor.

    Heads that train on queries, Mask2Former's for one, take ``loss_decode``
    and leave it out.

    Args:
        config: The model's config.
        segmentor: The segmentor, out of any wrapper.

    Raises:
        ValueError: If a loss was left out.
    """
    known = {kind.__name__ for kind in _subclasses(ImageLevelLoss)}
    for place, settings in _settings(config):
        name = type_name(settings)
        if name in known and name not in _built(segmentor, place):
            raise ValueError(
                f'model.{place} is {name}, but the head that was built has no '
                'such loss: it does not take loss_decode. Put the loss into '
                "an auxiliary head, e.g. auxiliary_head=dict(type='FCNHead', "
                '...) with loss_decode=[CrossEntropyLoss, this loss]'
            )


def _subclasses(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from _subclasses(one)


def _settings(node: object, place: str = '') -> Iterator[tuple[str, Mapping]]:
    """Yield the places of a config that have a type, and what they hold."""
    items = ()
    if isinstance(node, Mapping):
        items = node.items()
        if node.get('type'):
            yield place, node
    elif isinstance(node, list | tuple):
        items = enumerate(node)
    for key, value in items:
        yield from _settings(value, f'{place}.{key}' if place else str(key))


def _built(segmentor: nn.Module, place: str) -> set[str]:
    """Return the names of the modules in the head that a place is of."""
    head = place.partition('.loss_decode')[0]
    try:
        owner = segmentor.get_submodule(head)
    except AttributeError:  # the segmentor has its heads elsewhere
        owner = segmentor
    return {type(module).__name__ for module in owner.modules()}


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
        for handle in self._handles:
            handle.remove()
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
