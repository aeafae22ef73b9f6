"""The base class of losses that learn from image labels."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from ...structures import (
    current_background_index,
    current_image_labels,
    foreground_indices,
    labels_from_mask,
)
from ...utils import at_least_float32, check_option


class ClassLogits(NamedTuple):
    """Logits and labels over the K foreground classes.

    Attributes:
        logits: (N, K, h, w), float32 or float64.
        labels: Multi-hot (N, K) of the logits' dtype and device.
        background: Background logits (N, 1, h, w); zeros where the head has
            no such channel.
    """

    logits: Tensor
    labels: Tensor
    background: Tensor


@dataclass
class LossInputs:
    """What a head passed to an :class:`ImageLevelLoss`.

    Attributes:
        caller: Name of the loss, for errors.
        logits: (N, C, ...), or (N, C - 1, ...) of a CAM network, float32 or
            float64.
        seg_label: Label map (N, ...), None from a CAM network.
        ignore_index: Value of the pixels of ``seg_label`` that do not count.
        call_labels: ``image_labels`` of the call; None reads the batch's, or
            the label map's classes.
        call_background_index: ``background_index`` of the call; 'batch' reads
            the batch's.
        labels_from: 'batch' or 'mask', where missing labels come from.
    """

    caller: str
    logits: Tensor
    seg_label: Tensor | None
    ignore_index: int | None
    call_labels: Tensor | None = None
    call_background_index: int | str | None = 'batch'
    labels_from: str = 'batch'

    @property
    def image_labels(self) -> Tensor:
        """Multi-hot labels (N, C) over all classes, background included."""
        if self.call_labels is not None:
            return self.call_labels
        if self.labels_from == 'batch':
            return current_image_labels(self.caller)
        if self.seg_label is None:
            raise ValueError(
                f"{self.caller}(labels_from='mask') needs a label map"
            )
        labels = labels_from_mask(self.seg_label, self.logits.shape[1])
        if self.background_index is not None:
            labels[:, self.background_index] = 1
        return labels

    @property
    def background_index(self) -> int | None:
        """Index of the background class, None for data without one."""
        if self.call_background_index != 'batch':
            return self.call_background_index
        if self.call_labels is not None:
            return 0
        return current_background_index()

    @property
    def valid(self) -> Tensor:
        """Bool mask (N, ...) of the pixels that count."""
        shape = (len(self.logits), *self.logits.shape[2:])
        if self.seg_label is None:
            return self.logits.new_ones(shape, dtype=torch.bool)
        if self.seg_label.shape != shape:
            raise ValueError(
                f'{self.caller}: seg_label must have shape {shape} for logits '
                f'{tuple(self.logits.shape)}, got '
                f'{tuple(self.seg_label.shape)}'
            )
        if self.ignore_index is None:
            return torch.ones_like(self.seg_label, dtype=torch.bool)
        return self.seg_label != self.ignore_index

    def foreground(self) -> ClassLogits:
        """Split the background off logits and labels.

        Returns:
            ClassLogits: Over the foreground classes.

        Raises:
            ValueError: If shapes do not fit or a logit is not finite.
        """
        logits, labels = self.logits, self.image_labels.to(self.logits)
        if logits.ndim != 4 or not logits.numel():
            raise ValueError(
                f'{self.caller} needs logits (N, C, h, w) of at least one '
                f'image, got {tuple(logits.shape)}'
            )
        check_finite(self.caller, logits)
        if labels.ndim != 2 or len(labels) != len(logits):
            raise ValueError(
                f'{self.caller}: image_labels must be multi-hot (N, C) with '
                f'N = {len(logits)}, got {tuple(labels.shape)}'
            )
        classes = labels.shape[1]
        indices = foreground_indices(classes, self.background_index)
        background = torch.zeros_like(logits[:, :1])
        if logits.shape[1] == classes and len(indices) < classes:
            background = logits[:, self.background_index, None]
            logits = logits[:, indices]
        labels = labels[:, indices]
        if logits.shape[1] != labels.shape[1]:
            raise ValueError(
                f'{self.caller}: logits have {logits.shape[1]} channels, '
                f'image_labels {classes} classes with background_index='
                f'{self.background_index}: expected {classes} channels, or '
                f'{len(indices)} of a CAM network'
            )
        return ClassLogits(logits, labels, background)


def check_finite(caller: str, logits: Tensor) -> None:
    """Raise a ValueError that names the channels with non-finite logits.

    Only on a CPU: a GPU would have to wait for the answer. There
    ``StopOnNaNHook`` stops the training.

    Args:
        caller: Name of the loss.
        logits: (N, K, h, w).
    """
    if not logits.is_cpu or torch.isfinite(logits.detach().sum()):
        return
    bad = ~torch.isfinite(logits.detach()).all(3).all(2)
    if bad.any():
        classes = bad.any(0).nonzero().flatten().tolist()
        images = bad.any(1).nonzero().flatten().tolist()
        raise ValueError(
            f'{caller}: logits of channel {classes} are NaN or infinite in '
            f'image {images} of the batch. Training has diverged: lower the '
            'learning rate or clip gradients, and look at the images'
        )


class ImageLevelLoss(nn.Module, ABC):
    """Base class of losses that learn from image labels.

    A subclass sets ``default_name``, lists its options for ``print(model)``
    in ``shown`` and implements :meth:`compute`. It works in any MMSeg decode
    head whose losses get logits; with :meth:`LossInputs.foreground` also in
    :class:`CAMHead`. Image labels and the background's index come with the
    batch (:class:`mmseg_wsss.WeakSupervisionHook`) or with the call.

    Args:
        labels_from (str): Image labels where the call brings none: 'batch',
            or 'mask' to use the classes of the label map. After a crop, or
            where a pseudo label misses a class, that is wrong; class 0 is
            taken as the background. Defaults to 'batch'.
        loss_weight (float): Factor. Defaults to 1.0.
        loss_name (str, optional): Key in the log, which contains ``loss``.
            Defaults to None, the class's ``default_name``.
    """

    default_name = 'loss_image_level'
    shown: tuple[str, ...] = ()

    def __init__(
        self,
        labels_from: str = 'batch',
        loss_weight: float = 1.0,
        loss_name: str | None = None,
    ):
        super().__init__()
        check_option('labels_from', labels_from, ('batch', 'mask'))
        if labels_from == 'mask':
            print_log(
                f"{type(self).__name__}(labels_from='mask') uses the classes "
                'of each label map as image labels. After a crop, or where a '
                'pseudo label misses a class, present classes count as '
                'absent. Class 0 is taken as the background.',
                logger='current',
                level=logging.WARNING,
            )
        self.labels_from = labels_from
        self.loss_weight = loss_weight
        self._loss_name = loss_name or self.default_name

    @property
    def loss_name(self) -> str:
        """Key of the loss in the log."""
        return self._loss_name

    def forward(
        self,
        logits: Tensor,
        seg_label: Tensor | None = None,
        weight: Tensor | None = None,
        ignore_index: int | None = 255,
        image_labels: Tensor | None = None,
        background_index: int | str | None = 'batch',
        **kwargs: Any,
    ) -> Tensor:
        """Compute the weighted loss, in float32 or float64.

        Args:
            logits: (N, C, ...) of any float dtype, or (N, C - 1, ...) of a
                CAM network, whose channels are the foreground classes.
            seg_label: Label map (N, ...), integer.
            weight: Pixel weights (N, ...), for losses of pixels.
            ignore_index: Label of the pixels that do not count, for losses
                of pixels; ISL, FSL and CSD read the whole map. Defaults to
                255.
            image_labels: Multi-hot (N, C) over all classes, background
                included. None reads the current batch's.
            background_index: Index of the background in ``image_labels``,
                None for data sets without one. 'batch' (default) reads the
                current batch's, or is 0 where the call has labels.
            **kwargs: Passed to :meth:`compute`.

        Returns:
            Tensor: Scalar, or what ``reduction_override`` asks for.

        Raises:
            ValueError: If shapes do not fit.
            RuntimeError: If there are no image labels.
        """
        with torch.autocast(logits.device.type, enabled=False):
            inputs = LossInputs(
                type(self).__name__,
                at_least_float32(logits),
                seg_label,
                ignore_index,
                image_labels,
                background_index,
                self.labels_from,
            )
            loss = self.compute(inputs, weight=weight, **kwargs)
        return self.loss_weight * loss

    @abstractmethod
    def compute(self, inputs: LossInputs, **kwargs: Any) -> Tensor:
        """Compute the loss without its factor.

        Args:
            inputs: Logits and labels.
            **kwargs: What else the head or the caller passed.

        Returns:
            Tensor: Scalar.
        """

    def extra_repr(self) -> str:
        """Return the options that ``print(model)`` shows."""
        names = (*self.shown, 'loss_weight')
        return ', '.join(f'{name}={getattr(self, name)!r}' for name in names)
