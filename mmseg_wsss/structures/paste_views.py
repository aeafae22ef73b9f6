"""The views that copy-paste made of an image, on its data sample.

They are an ordinary data field, so they move to the device with the sample.
An image into which nothing was pasted has none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import BaseDataElement

from .image_labels import BACKGROUND

FIELD = 'paste_views'


def set_paste_views(
    data_sample,
    source: np.ndarray,
    foreground: np.ndarray,
    background: np.ndarray,
    foreground_mask: np.ndarray,
    background_mask: np.ndarray,
    labels: np.ndarray,
    target_labels: np.ndarray,
    source_labels: np.ndarray,
    background_index: int | None = 0,
) -> None:
    """Store an image's pasted views on its data sample.

    Args:
        data_sample (SegDataSample): The sample; changed in place.
        source: The partner's image (h, w, 3), as the data set loads it.
        foreground: View with the partner's object (H, W, 3).
        background: View with the partner's background (H, W, 3).
        foreground_mask: Pixels (H, W) of the object, bool.
        background_mask: Pixels (H, W) of the background, bool.
        labels: Multi-hot labels (C,) of the foreground view, the union of
            both images' labels.
        target_labels: Multi-hot labels (C,) of the background view, those of
            the image.
        source_labels: Multi-hot labels (C,) of the partner.
        background_index: Index of the background in the labels, None without
            one. It is stored as meta information. Defaults to 0.
    """
    views = BaseDataElement(metainfo={BACKGROUND: background_index})
    for name, image in (
        ('source', source),
        ('foreground', foreground),
        ('background', background),
    ):
        channels_first = np.ascontiguousarray(image.transpose(2, 0, 1))
        views.set_data({name: torch.from_numpy(channels_first)})
    views.foreground_mask = torch.from_numpy(foreground_mask)
    views.background_mask = torch.from_numpy(background_mask)
    views.labels = torch.as_tensor(labels).float()
    views.target_labels = torch.as_tensor(target_labels).float()
    views.source_labels = torch.as_tensor(source_labels).float()
    data_sample.set_field(views, FIELD, dtype=BaseDataElement)


def find_paste_views(data_samples: Sequence | None) -> list[BaseDataElement]:
    """Return the views of the samples that have some.

    Args:
        data_samples: A batch of data samples.

    Returns:
        list[BaseDataElement]: With the fields of :func:`set_paste_views`, all
        tensors; images are (3, H, W).
    """
    return [s.get(FIELD) for s in data_samples or () if FIELD in s]
