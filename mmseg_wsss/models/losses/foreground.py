"""What the image-level losses share: the foreground's logits and labels.

They work in two places. A CAMHead gives logits of the K foreground classes; an
ordinary MMSeg head gives logits of all C classes, one of which is the
background. The background has no image label to learn from: its logits only
take part in a softmax over classes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ...structures import current_image_labels, foreground_indices

POSTERIORS = ('binomial', 'multinomial')


class Foreground(NamedTuple):
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


def foreground_inputs(
    caller: str,
    logits: Tensor,
    image_labels: Tensor | None,
    background_index: int | None,
) -> Foreground:
    """Bring logits and labels of either kind of head to one form.

    Labels of the current batch run over all classes of the data set: the
    background's is dropped, and so is its channel where the head has one.
    Labels that are given run over the foreground; if there are as many as
    channels, no channel is the background.

    Args:
        caller: Name of the loss, for errors.
        logits: (N, K, h, w) of a CAMHead, or (N, C, h, w) with a background
            channel, any float dtype.
        image_labels: Multi-hot (N, K). None asks the current batch.
        background_index: The data set's background class, None without one.

    Returns:
        Foreground: In float32 at least.

    Raises:
        ValueError: If shapes do not fit or a logit is not finite.
        RuntimeError: If there are no image labels.
    """
    if logits.ndim != 4 or not logits.numel():
        raise ValueError(
            f'{caller} needs logits (N, K, h, w) of at least one image, got '
            f'{tuple(logits.shape)}'
        )
    if logits.dtype != torch.float64:
        logits = logits.float()
    check_finite(caller, logits)
    from_batch = image_labels is None
    if from_batch:
        shape = '(N, K), without the background,'
        image_labels = current_image_labels(caller, shape)
    if image_labels.ndim != 2:
        raise ValueError(
            f'{caller}: image_labels must be multi-hot (N, K), got shape '
            f'{tuple(image_labels.shape)}'
        )
    labels = image_labels.to(logits)
    channels = logits.shape[1]
    background = torch.zeros_like(logits[:, :1])
    if background_index is not None and (
        from_batch or labels.shape[1] != channels
    ):
        total = max(channels, labels.shape[1])
        foreground = foreground_indices(total, background_index)
        if channels == total:
            background = logits[:, background_index, None]
            logits = logits[:, foreground]
        if labels.shape[1] == total:
            labels = labels[:, foreground]
    if labels.shape != logits.shape[:2]:
        raise ValueError(
            f'{caller}: image_labels {tuple(image_labels.shape)} do not fit '
            f'logits with {channels} channels, background_index='
            f'{background_index}: labels run over all classes of the data '
            'set, or over the channels'
        )
    return Foreground(logits, labels, background)


def check_finite(caller: str, logits: Tensor) -> None:
    """Raise a ValueError that names the classes with NaN or infinite logits.

    Args:
        caller: Name of the loss.
        logits: (N, K, h, w).
    """
    if torch.isfinite(logits.detach().sum()):
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


def log_posterior(inputs: Foreground, posterior: str) -> Tensor:
    """Log-probability of each class at each cell.

    Args:
        inputs: Foreground logits, and the background's for 'multinomial'.
        posterior: 'binomial' is the sigmoid of Eq. 14 of HFPL (WACV 2024),
            'multinomial' the softmax of Eq. 5 over foreground and background.
            With a background logit of 0 both agree for a single class.

    Returns:
        Tensor: (N, K, h, w) <= 0.
    """
    if posterior == 'binomial':
        return F.logsigmoid(inputs.logits)
    both = torch.cat([inputs.background, inputs.logits], dim=1)
    return both.log_softmax(1)[:, 1:]
