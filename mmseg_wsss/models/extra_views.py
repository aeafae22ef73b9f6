"""Extra views of a batch that a loss runs through the network.

A loss can compare a batch with other images: pasted ones (CSD), smaller ones
(SEAM), tiles. It runs them inside the segmentor's own forward, so that DDP
and mixed precision treat them like the images::

    segmentor = current_segmentor('MyLoss')
    head = owning_head(segmentor, self)
    images = current_images('MyLoss').flip(-1)
    inputs = network_inputs(images, segmentor.data_preprocessor)
    with view_statistics(segmentor, 'MyLoss'):
        flipped = run_view(segmentor, head, inputs)

Batch norms in training mode would mix the images of a forward and add the
views to the running statistics. ``norm`` says what they do on the views:

* 'batch': views are normalised by their own statistics; the running statistics
  stay as they are.
* 'running': views are normalised by the running statistics.

Batch norms in eval mode, LayerNorm and GroupNorm are not affected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from ..structures import forward_context

NORMS = ('batch', 'running')


def owning_head(segmentor: nn.Module, loss: nn.Module) -> BaseDecodeHead:
    """Return the decode head that has a loss.

    Args:
        segmentor: The segmentor whose heads are searched.
        loss: The loss.

    Raises:
        ValueError: If no head has it.
    """
    for head in segmentor.modules():
        if isinstance(head, BaseDecodeHead) and any(
            module is loss for module in head.modules()
        ):
            return head
    raise ValueError(
        f'{type(loss).__name__} is in no decode head of the segmentor: put '
        'it into loss_decode of one, or pass views to the call'
    )


def run_view(
    segmentor: nn.Module,
    head: nn.Module,
    inputs: Tensor,
    data_samples: Sequence | None = None,
) -> Any:
    """Run backbone and head on inputs that are the current batch meanwhile.

    Args:
        segmentor: The segmentor, with ``extract_feat``.
        head: One of its heads.
        inputs: Normalised images (N, 3, H, W).
        data_samples: The samples that heads can ask for. Defaults to None.

    Returns:
        The output of the head's ``forward``.
    """
    with forward_context(segmentor, inputs, data_samples):
        return head(segmentor.extract_feat(inputs))


def learning_norms(segmentor: nn.Module) -> list[nn.Module]:
    """List the layers in training mode with running statistics."""
    return [
        module
        for module in segmentor.modules()
        if module.training
        and getattr(module, 'running_mean', None) is not None
        and hasattr(module, 'momentum')  # a FrozenBatchNorm2d has none
    ]


@contextmanager
def view_statistics(
    segmentor: nn.Module, caller: str, norm: str = 'batch'
) -> Iterator[None]:
    """Keep the running statistics of batch norms while views are run.

    Args:
        segmentor: The segmentor.
        caller: Name of the loss, for the error.
        norm: 'batch' or 'running', see above.

    Raises:
        ValueError: If activations are checkpointed and norms learn.
    """
    learning = learning_norms(segmentor)
    checkpointed = any(
        getattr(module, 'with_cp', False) for module in segmentor.modules()
    )
    if learning and checkpointed:
        # The backward pass repeats the forward, with the modes restored.
        raise ValueError(
            f'{caller} does not work with with_cp=True and batch norms in '
            'training mode: set with_cp=False or norm_eval=True'
        )
    mode: dict[str, Any] = dict(training=False)
    if norm == 'batch':  # without an update of the running statistics
        mode = dict(momentum=0.0, num_batches_tracked=None)
    with changed_attributes(learning, **mode):
        yield


@contextmanager
def changed_attributes(
    modules: Iterable[nn.Module], **values: Any
) -> Iterator[None]:
    """Set attributes of modules and restore them on exit."""
    before = [(m, k, getattr(m, k, None)) for m in modules for k in values]
    try:
        for module, name, _ in before:
            setattr(module, name, values[name])
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
