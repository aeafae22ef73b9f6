"""The batch that is being processed right now.

MMSeg hands a loss logits and a label map, but never the data samples. Whoever
runs the segmentor's forward (:class:`mmseg_wsss.WeakSupervisionHook` or
:class:`mmseg_wsss.WeakSupervisionMixin`) opens a :func:`batch_context`;
a loss or a head that was not given image labels asks here. A ContextVar keeps
threads apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar, Token
from functools import partial
from typing import NamedTuple

from torch import Tensor, nn

from .image_labels import (
    common_background_index,
    has_image_labels,
    stack_image_labels,
)
from .images import rgb_images


class _Batch(NamedTuple):
    data_samples: Sequence | None
    images: Callable[[], Tensor] | None
    segmentor: nn.Module | None


_NO_BATCH = _Batch(None, None, None)
_BATCH: ContextVar[_Batch] = ContextVar(
    'mmseg_wsss_current_batch', default=_NO_BATCH
)


def enter_batch(
    data_samples: Sequence | None,
    images: Callable[[], Tensor] | None = None,
    segmentor: nn.Module | None = None,
) -> Token:
    """Set the current batch; return what :func:`leave_batch` needs.

    Args:
        data_samples: The batch's N data samples.
        images: Called without arguments, gives its images (N, 3, H, W), RGB
            in [0, 1].
        segmentor: The unwrapped segmentor that processes it.
    """
    return _BATCH.set(_Batch(data_samples, images, segmentor))


def leave_batch(token: Token) -> None:
    """Restore the batch that was current before :func:`enter_batch`."""
    _BATCH.reset(token)


@contextmanager
def batch_context(
    data_samples: Sequence | None,
    images: Callable[[], Tensor] | None = None,
    segmentor: nn.Module | None = None,
) -> Iterator[None]:
    """Set the current batch for the time of a ``with`` block."""
    token = enter_batch(data_samples, images, segmentor)
    try:
        yield
    finally:
        leave_batch(token)


def forward_context(
    segmentor: nn.Module,
    inputs: Tensor,
    data_samples: Sequence | None = None,
) -> AbstractContextManager:
    """Return a :func:`batch_context` for a forward of a segmentor.

    Args:
        segmentor: The segmentor, mostly with a ``data_preprocessor``.
        inputs: Its normalised images (N, 3, H, W).
        data_samples: The samples that losses and heads can ask for. Defaults
            to None.
    """
    preprocessor = getattr(segmentor, 'data_preprocessor', None)
    images = partial(rgb_images, inputs, preprocessor)
    return batch_context(data_samples, images, segmentor)


def current_data_samples() -> Sequence | None:
    """Return the current batch's N data samples, None outside a forward."""
    return _BATCH.get().data_samples


def current_images(caller: str) -> Tensor:
    """Return the current batch's images, as the network sees them.

    Args:
        caller: Name of the loss or head that asks, for the error.

    Returns:
        Tensor: RGB in [0, 1], (N, 3, H, W), float32, without gradient.

    Raises:
        RuntimeError: If no batch is current, or it came without images.
    """
    images = _BATCH.get().images
    if images is None:
        raise no_batch(caller, 'the images', 'images=(N, 3, h, w) in [0, 1]')
    return images()


def current_segmentor(caller: str) -> nn.Module:
    """Return the segmentor that processes the current batch.

    Args:
        caller: Name of the loss that asks, for the error.

    Returns:
        nn.Module: The segmentor, out of any wrapper.

    Raises:
        RuntimeError: If no batch is current, or it came without segmentor.
    """
    segmentor = _BATCH.get().segmentor
    if segmentor is None:
        raise no_batch(caller, 'the segmentor', 'views')
    return segmentor


def current_image_labels(caller: str) -> Tensor:
    """Return the current batch's image labels.

    Args:
        caller: Name of the loss or head that asks, for the error.

    Returns:
        Tensor: Multi-hot labels (N, C), float32.

    Raises:
        RuntimeError: If no batch is current.
        ValueError: If its samples carry no image labels.
    """
    data_samples = current_data_samples()
    if data_samples is None:
        raise no_batch(caller, 'image labels', 'image_labels=(N, C)')
    return stack_image_labels(data_samples)


def current_background_index() -> int | None:
    """Return the background index of the current batch's image labels.

    Returns:
        int | None: The index that LoadImageLabels was given, None for data
        sets without background; 0 if no batch is current.
    """
    return common_background_index(current_data_samples() or ())


def find_image_labels() -> Tensor | None:
    """Return the current batch's image labels, None if there are none."""
    data_samples = current_data_samples()
    if not has_image_labels(data_samples):
        return None
    return stack_image_labels(data_samples)


def no_batch(caller: str, needed: str, passed: str = '') -> RuntimeError:
    """Return the error of a loss or head that finds no current batch.

    Args:
        caller: Its name.
        needed: What it needs.
        passed: What can be passed to the call instead, if anything.
    """
    instead = f', or pass {passed} to the call' if passed else ''
    return RuntimeError(
        f'{caller} needs {needed} and found no current batch: add '
        "dict(type='mmseg_wsss.WeakSupervisionHook') to the config's "
        "custom_hooks (a config's list replaces that of its base: write "
        '[*_base_.custom_hooks, ...]), or use '
        f"model.type='mmseg_wsss.WSSSEncoderDecoder'{instead}"
    )
