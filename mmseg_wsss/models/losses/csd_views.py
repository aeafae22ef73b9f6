"""CAM logits of CSD's pasted views, computed by the network in training.

:class:`CSDLoss` calls :func:`view_logits` inside the segmentor's forward, so
that DDP and mixed precision treat the views like the images. The students (the
pasted foregrounds and backgrounds, two images per pair) share one forward; the
teacher (the single-label images) is a second one without gradient, in eval
mode but for its batch norms.

What batch norms do on the views is the option ``view_norm``, see
:mod:`mmseg_wsss.models.extra_views`: with 'batch' students and teacher are
each normalised by their own statistics, with 'running' all by the running
ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from mmengine.dist import get_world_size
from mmengine.structures import BaseDataElement
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ...structures import (
    current_data_samples,
    current_segmentor,
    find_paste_views,
    foreground_indices,
)
from ...structures.image_labels import common_background_index
from ...utils import at_least_float32
from ..extra_views import (
    changed_attributes,
    learning_norms,
    owning_head,
    run_view,
    view_statistics,
)
from .base import check_finite


class ViewPair(NamedTuple):
    """Logits of M single-label images and of the views pasted from them.

    Attributes:
        teacher: Logits (M, K, h, w) of the single-label images.
        student: Logits (M, K, h, w) of the pasted views, aligned with the
            teacher's.
        mask: Bool (M, H, W), the pixels that were pasted.
        labels: Multi-hot labels (M, C) of the pasted views.
        source_labels: Multi-hot labels (M, C) of the single-label images.
        background_index: Index of the background in the labels, None without
            one.
    """

    teacher: Tensor
    student: Tensor
    mask: Tensor
    labels: Tensor
    source_labels: Tensor
    background_index: int | None = 0

    def foreground(self) -> ViewPair:
        """Return the pair in float32 over the foreground classes.

        Raises:
            ValueError: If shapes do not fit or a logit is not finite.
        """
        total = self.labels.shape[1]
        indices = foreground_indices(total, self.background_index)
        maps = []
        for logits in (self.teacher, self.student):
            channels = logits.shape[1]
            if channels not in (total, len(indices)):
                raise ValueError(
                    f'CSDLoss got logits of {channels} channels and labels '
                    f'over {total} classes with background_index='
                    f'{self.background_index}'
                )
            check_finite('CSDLoss', logits)
            logits = logits[:, indices] if channels == total else logits
            maps.append(at_least_float32(logits))
        labels = self.labels[:, indices], self.source_labels[:, indices]
        return ViewPair(*maps, self.mask, *labels, None)


def full_cells(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the cells of a map whose every pixel is in a mask.

    Args:
        mask: Bool (M, H, W).
        size: Height and width (h, w) of the map.

    Returns:
        Tensor: Bool (M, h, w).
    """
    outside = (~mask.bool()).float()[:, None]
    return F.adaptive_max_pool2d(outside, size)[:, 0] == 0


def run_current_views(
    loss: nn.Module, view_names: Sequence[str], norm: str
) -> dict[str, ViewPair]:
    """Run the current segmentor on the views of the current batch.

    Args:
        loss: The loss; the logits of the head that holds it are compared.
        view_names: Which pasted views to run.
        norm: 'batch' or 'running'.

    Returns:
        dict[str, ViewPair]: By view name; empty without a view.

    Raises:
        ValueError: If no head of the segmentor has the loss, or its batch
            norms do not allow it.
        RuntimeError: If no batch is current.
    """
    segmentor = current_segmentor(type(loss).__name__)
    views = find_paste_views(current_data_samples())
    if not views or not view_names:
        return {}
    head = owning_head(segmentor, loss)
    return view_logits(segmentor, head, views, view_names, norm)


def view_logits(
    segmentor: nn.Module,
    head: nn.Module,
    views: Sequence[BaseDataElement],
    view_names: Sequence[str] = ('foreground', 'background'),
    norm: str = 'batch',
) -> dict[str, ViewPair]:
    """Run a segmentor on the pasted views of a batch.

    Args:
        segmentor: The segmentor, with ``extract_feat``.
        head: The head whose logits are compared.
        views: Views of M images, at least one, from
            :func:`mmseg_wsss.structures.find_paste_views`.
        view_names: Which pasted views to run.
        norm: 'batch' or 'running'.

    Returns:
        dict[str, ViewPair]: By view name.

    Raises:
        ValueError: If the network's batch norms do not allow it, or the
            head returns no logits.
    """
    learning = learning_norms(segmentor)
    if norm == 'batch':
        _check_not_synchronised(learning)
    images = [view.get(k) for k in ('source', *view_names) for view in views]
    samples = [SegDataSample() for _ in images]
    batch = dict(inputs=images, data_samples=samples)
    inputs = segmentor.data_preprocessor(batch, True)['inputs']
    source, images = inputs[: len(views)], inputs[len(views) :]
    others = [x for x in segmentor.modules() if x not in learning]
    with view_statistics(segmentor, 'CSDLoss', norm):
        # Students first: autocast caches the weights that it casts, and those
        # cast without gradient would cut it off.
        student_logits = _logits(head, run_view(segmentor, head, images))
        with torch.no_grad(), changed_attributes(others, training=False):
            outputs = run_view(segmentor, head, source)
            teacher_logits = _logits(head, outputs)
    labels = dict(foreground='labels', background='target_labels')
    return {
        name: ViewPair(
            teacher_logits,
            student,
            _pad_masks([v.get(f'{name}_mask') for v in views], inputs),
            torch.stack([view.get(labels[name]) for view in views]),
            torch.stack([view.source_labels for view in views]),
            common_background_index(views),
        )
        for name, student in zip(
            view_names, student_logits.split(len(views)), strict=True
        )
    }


def _logits(head: nn.Module, outputs: Any) -> Tensor:
    """Return the logits among what a head's forward returns."""
    if hasattr(head, 'criterion_inputs'):  # a CAMHead
        outputs = head.criterion_inputs(outputs)[0]
    if not isinstance(outputs, Tensor):
        raise ValueError(
            f'CSDLoss compares logits, but the forward of '
            f'{type(head).__name__} returns {type(outputs).__name__}: use a '
            'CAMHead'
        )
    return outputs


def _check_not_synchronised(learning: Sequence[nn.Module]) -> None:
    """Raise if a rank without views would deadlock the others."""
    if get_world_size() > 1 and any(
        'SyncBatchNorm' in type(layer).__name__ for layer in learning
    ):
        raise ValueError(
            "view_norm='batch' does not work with SyncBN on several ranks, "
            "whose batches differ in their views: set view_norm='running'"
        )


def _pad_masks(masks: Sequence[Tensor], inputs: Tensor) -> Tensor:
    """Stack masks, False where the images were padded."""
    height, width = inputs.shape[2:]
    return torch.stack(
        [
            F.pad(mask, (0, width - mask.shape[1], 0, height - mask.shape[0]))
            for mask in masks
        ]
    )
