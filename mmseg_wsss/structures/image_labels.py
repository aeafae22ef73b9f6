"""Image labels on an MMSeg data sample.

An image label is a multi-hot vector over *all* classes of the data set, in the
order of its ``METAINFO['classes']``. Where the data set has a background class
its entry is 1, because background is always a candidate. The vector is an
ordinary data field, so it moves to the device together with the sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

FIELD = 'image_labels'
BACKGROUND = 'background_index'
# What versions of MMSeg write into a label_map for a class that is left out.
UNUSED = (-1, 255)


def set_image_labels(
    data_sample,
    labels: np.ndarray | Tensor,
    background_index: int | None = 0,
) -> None:
    """Store image labels and the background's index on a data sample.

    Args:
        data_sample (SegDataSample): The sample; changed in place.
        labels: Multi-hot vector of shape (C,), values 0 or 1, any real dtype.
            It is stored as a float32 tensor.
        background_index: Index of the background, None for data sets without
            one. It is stored as meta information. Defaults to 0.

    Raises:
        ValueError: If ``labels`` is not one vector of zeros and ones.
    """
    vector = torch.as_tensor(labels).detach().float().clone()
    if vector.ndim != 1 or not torch.all((vector == 0) | (vector == 1)):
        raise ValueError(
            'image labels must be one multi-hot vector (C,) of zeros and '
            f'ones, got shape {tuple(vector.shape)} with values '
            f'{vector.unique().tolist()[:8]}'
        )
    data_sample.set_field(vector, FIELD, dtype=Tensor)
    data_sample.set_metainfo({BACKGROUND: background_index})


def has_image_labels(data_samples: Sequence | None) -> bool:
    """Return whether every sample of a batch has image labels."""
    return bool(data_samples) and all(FIELD in s for s in data_samples)


def stack_image_labels(data_samples: Sequence) -> Tensor:
    """Stack the image labels of a batch.

    Args:
        data_samples (Sequence[SegDataSample]): N samples with image labels.

    Returns:
        Tensor: Multi-hot labels (N, C), float32, on the samples' device.

    Raises:
        ValueError: If a sample has no image labels, or lengths differ.
    """
    for sample in data_samples:
        if FIELD not in sample:
            raise ValueError(
                f'the sample of {sample.get("img_path", "an image")} carries '
                "no image labels: put dict(type='LoadImageLabels', ...) into "
                "the pipeline and end it with dict(type='PackWSSSInputs')"
            )
    lengths = {len(sample.get(FIELD)) for sample in data_samples}
    if len(lengths) != 1:
        raise ValueError(
            'the image labels of one batch have different lengths '
            f'{sorted(lengths)}: do the mixed data sets have the same classes?'
        )
    return torch.stack([sample.get(FIELD) for sample in data_samples])


def common_background_index(data_samples: Sequence) -> int | None:
    """Return the background index that the samples of a batch share.

    Args:
        data_samples (Sequence[SegDataSample]): N samples with image labels.

    Raises:
        ValueError: If they differ.
    """
    indices = {s.metainfo.get(BACKGROUND, 0) for s in data_samples}
    if len(indices) > 1:
        raise ValueError(
            f'the samples of one batch have different background_index '
            f'{sorted(indices, key=str)}: do the mixed data sets have the '
            'same classes, and the same background_index in LoadImageLabels?'
        )
    return indices.pop() if indices else 0


def background_in_use(
    index: int | None, label_map: Mapping[int, int] | None
) -> int | None:
    """Return the background's index among the classes in use.

    Args:
        index: Its index in all classes of the data set, None if there is
            none.
        label_map: That of the data set, None where it uses all classes.

    Returns:
        int | None: None where the data set does not use the background.
    """
    if label_map is None:
        return index
    used = label_map.get(index)
    return None if used in UNUSED else used


def foreground_indices(
    num_classes: int, background_index: int | None
) -> list[int]:
    """List the class indices without the background, in their order.

    Args:
        num_classes: C, the number of all classes.
        background_index: Index of the background, None if there is none.

    Returns:
        list[int]: C - 1 indices, or C where there is no background.

    Raises:
        ValueError: If ``background_index`` is not in [0, C).
    """
    if background_index is not None and not (
        0 <= background_index < num_classes
    ):
        raise ValueError(
            f'background_index must be None or in [0, {num_classes}), got '
            f'{background_index}'
        )
    return [k for k in range(num_classes) if k != background_index]


def labels_from_mask(seg_label: Tensor, num_classes: int) -> Tensor:
    """Return the classes that occur in each label map as image labels.

    This is a stand-in: after a crop, or where a pseudo label misses a class,
    classes that are present in the image come out as absent.

    Args:
        seg_label: Integer labels (N, ...); values outside [0, C) are ignored.
        num_classes: C.

    Returns:
        Tensor: Multi-hot labels (N, C), float32.
    """
    flat = seg_label.flatten(1).long()
    known = (flat >= 0) & (flat < num_classes)
    labels = torch.zeros(len(flat), num_classes + 1, device=seg_label.device)
    labels.scatter_(1, flat.where(known, num_classes), 1.0)
    return labels[:, :num_classes]
