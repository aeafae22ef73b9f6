"""CAM logits of the pasted views of a batch, from the same network.

A loss calls it inside the segmentor's own forward, so that there is no second
model code, and DDP and mixed precision treat the views as they treat the
images.

* The views that learn share one forward: pasted foregrounds and pasted
  backgrounds, two pictures per pair. The teacher's, the partner's own
  pictures, is a second one without gradient.
* Pictures of one forward do not see each other where layers normalise each by
  itself (LayerNorm, GroupNorm) or with fixed statistics (batch norm in eval
  mode, as IRN has it). For batch norms in training mode there is a choice:
  ``norm='batch'`` normalises the students by their own statistics and the
  teacher by its own, and keeps both out of the running statistics, which the
  test uses and pasted pictures would shift. 'running' takes the running
  statistics for all, 'train' is the author's snapshot: students by their own
  statistics, which enter the running ones, teacher by the running ones.
* The teacher is in eval mode but for those statistics: no dropout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmengine.dist import get_world_size
from mmengine.structures import BaseDataElement
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn

NORMS = ('batch', 'running', 'train')


class ViewPair(NamedTuple):
    """What is compared of M pairs of views.

    Attributes:
        teacher: Logits (M, K, h, w) of the partner alone, no gradient.
        student: Logits (M, K, h, w) of the pasted view, cell by cell
            opposite to the teacher's.
        mask: Bool (M, H, W), the pixels that both show.
        labels: Multi-hot labels (M, C) of the pasted view.
        source_labels: Multi-hot labels (M, C) of the partner.
    """

    teacher: Tensor
    student: Tensor
    mask: Tensor
    labels: Tensor
    source_labels: Tensor


def owning_head(segmentor: nn.Module, loss: nn.Module) -> nn.Module:
    """Find the decode head of a segmentor that a loss belongs to.

    Args:
        segmentor: The segmentor.
        loss: A loss among the ``loss_decode`` of one of its heads.

    Returns:
        nn.Module: The head.

    Raises:
        ValueError: If no head has the loss.
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


@contextmanager
def kept_statistics(layers: Sequence[nn.Module]) -> Iterator[None]:
    """Let layers normalise by a batch without learning its statistics."""
    before = [
        (layer, layer.momentum, getattr(layer, 'num_batches_tracked', None))
        for layer in layers
    ]
    try:
        for layer in layers:
            layer.momentum, layer.num_batches_tracked = 0.0, None
        yield
    finally:
        for layer, momentum, counter in before:
            layer.momentum, layer.num_batches_tracked = momentum, counter


@contextmanager
def training_mode(modules: Iterable[nn.Module], mode: bool) -> Iterator[None]:
    """Switch modules to training or eval mode and back, one by one."""
    before = [(module, module.training) for module in modules]
    try:
        for module, _ in before:
            module.training = mode
        yield
    finally:
        for module, was in before:
            module.training = was


def running_statistics(segmentor: nn.Module) -> list[nn.Module]:
    """List the layers that learn running statistics of batches."""
    return [
        module
        for module in segmentor.modules()
        if getattr(module, 'running_mean', None) is not None
        and hasattr(module, 'momentum')  # a FrozenBatchNorm2d has none
    ]


def check_norm(
    segmentor: nn.Module, learning: Sequence[nn.Module], norm: str
) -> None:
    """Refuse statistics of the views that would be wrong without notice.

    Args:
        segmentor: The segmentor.
        learning: Its layers with running statistics in training mode.
        norm: 'batch', 'running' or 'train'.

    Raises:
        ValueError: If statistics of the views are synchronised between ranks:
            a rank without views would leave the others wait. If activations
            are checkpointed: the backward pass repeats the forward, after
            the layers have gone back to their own mode.
    """
    synchronised = get_world_size() > 1 and any(
        'SyncBatchNorm' in type(layer).__name__ for layer in learning
    )
    if norm != 'running' and synchronised:
        raise ValueError(
            f"view_norm='{norm}' does not work with SyncBN on several ranks, "
            "whose batches differ in their views: set view_norm='running'"
        )
    checkpointed = any(
        getattr(module, 'with_cp', False) for module in segmentor.modules()
    )
    if norm != 'train' and learning and checkpointed:
        raise ValueError(
            f"view_norm='{norm}' does not work with with_cp=True and batch "
            'norms in training mode: set with_cp=False, norm_eval=True, or '
            "view_norm='train'"
        )


def move_map(logits: Tensor, placement: Tensor, size: Sequence[int]) -> Tensor:
    """Bring maps to where their pictures were pasted, bilinearly.

    Args:
        logits: Maps (M, K, h, w) over pictures of ``size``.
        placement: (M, 4): scale along y and x, and shift along y and x in
            pixels. A point p of the picture went to scale * p + shift.
        size: Height and width of the pictures in pixels.

    Returns:
        Tensor: (M, K, h, w), float32 or float64; the border's value outside.
    """
    if logits.dtype != torch.float64:
        logits = logits.float()
    scale, shift = placement[:, :2], placement[:, 2:]
    size = placement.new_tensor(tuple(size))
    # From [-1, 1] of the target back to [-1, 1] of the picture.
    factor = 1 / scale
    offset = (1 - 2 * shift / size) / scale - 1
    theta = placement.new_zeros(len(placement), 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = factor[:, 1], factor[:, 0]
    theta[:, 0, 2], theta[:, 1, 2] = offset[:, 1], offset[:, 0]
    grid = F.affine_grid(theta.to(logits), logits.shape, align_corners=False)
    return F.grid_sample(
        logits, grid, padding_mode='border', align_corners=False
    )


def view_logits(
    segmentor: nn.Module,
    head: nn.Module,
    views: Sequence[BaseDataElement],
    kinds: Sequence[str] = ('foreground', 'background'),
    norm: str = 'batch',
) -> dict[str, ViewPair]:
    """Run a segmentor on the pasted views of a batch.

    Args:
        segmentor: The segmentor, with ``extract_feat``.
        head: The head whose logits count.
        views: Views of M images, at least one, from
            :func:`mmseg_wsss.structures.find_paste_views`.
        kinds: Which pasted views to run.
        norm: Statistics of batch norms in training mode: 'batch', 'running'
            or 'train', see above.

    Returns:
        dict[str, ViewPair]: By kind.

    Raises:
        ValueError: If ``norm`` cannot work with the network, see
            :func:`check_norm`.
    """
    learning = [x for x in running_statistics(segmentor) if x.training]
    check_norm(segmentor, learning, norm)
    inputs = _preprocess(
        segmentor,
        [view.get(kind) for kind in ('source', *kinds) for view in views],
    )
    source, *pasted = inputs.split(len(views))
    # Students first: autocast keeps the weights it casts, and those that are
    # cast without gradient would cut it off.
    with ExitStack() as stack:
        if norm == 'running':
            stack.enter_context(training_mode(learning, False))
        elif norm == 'batch':
            stack.enter_context(kept_statistics(learning))
        students = head(segmentor.extract_feat(torch.cat(pasted)))
    with torch.no_grad(), ExitStack() as stack:
        stack.enter_context(training_mode(list(segmentor.modules()), False))
        if norm == 'batch':
            stack.enter_context(training_mode(learning, True))
            stack.enter_context(kept_statistics(learning))
        teacher = head(segmentor.extract_feat(source))
    size = inputs.shape[2:]
    pairs = {}
    source_labels = torch.stack([view.source_labels for view in views])
    for kind, student in zip(kinds, students.split(len(views)), strict=True):
        opposite = teacher
        if kind == 'foreground' and any('placement' in v for v in views):
            overlay = source_labels.new_tensor((1, 1, 0, 0))
            placement = [v.get('placement', overlay) for v in views]
            opposite = move_map(teacher, torch.stack(placement), size)
        labels = [
            view.labels if kind == 'foreground' else view.target_labels
            for view in views
        ]
        pairs[kind] = ViewPair(
            opposite,
            student,
            _pad_masks([v.get(f'{kind}_mask') for v in views], size),
            torch.stack(labels),
            source_labels,
        )
    return pairs


def _preprocess(segmentor: nn.Module, pictures: list[Tensor]) -> Tensor:
    """Normalise and pad pictures (3, h, w) as training images are."""
    samples = [SegDataSample() for _ in pictures]
    batch = dict(inputs=pictures, data_samples=samples)
    return segmentor.data_preprocessor(batch, True)['inputs']


def _pad_masks(masks: Sequence[Tensor], size: Sequence[int]) -> Tensor:
    """Stack masks, not set where the pictures were padded."""
    height, width = size
    return torch.stack(
        [
            F.pad(mask, (0, width - mask.shape[1], 0, height - mask.shape[0]))
            for mask in masks
        ]
    )
