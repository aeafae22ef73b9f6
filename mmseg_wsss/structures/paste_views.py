"""The views that copy-paste made of an image, on its data sample.

They are an ordinary data field, so they move to the device with the sample.
An image into which nothing was pasted has none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import BaseDataElement

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
    placement: Sequence[float] | None = None,
) -> None:
    """Put an image's pasted views on its data sample.

    Args:
        data_sample (SegDataSample): The sample; changed in place.
        source: The partner's picture (h, w, 3), as the data set loads it.
        foreground: View with the partner's object (H, W, 3).
        background: View with the partner's background (H, W, 3).
        foreground_mask: What was pasted (H, W), bool.
        background_mask: What was pasted (H, W), bool.
        labels: Multi-hot union of both images' labels (C,), those of the
            foreground view.
        target_labels: Multi-hot labels of the image (C,), those of the
            background view.
        source_labels: Multi-hot labels of the partner (C,).
        placement: Scale along y and x of the foreground, and the place (y, x)
            of the partner's top left corner, in pixels; None for an overlay.
    """
    views = BaseDataElement()
    for name, picture in (
        ('source', source),
        ('foreground', foreground),
        ('background', background),
    ):
        channels_first = np.ascontiguousarray(picture.transpose(2, 0, 1))
        views.set_data({name: torch.from_numpy(channels_first)})
    views.foreground_mask = torch.from_numpy(foreground_mask)
    views.background_mask = torch.from_numpy(background_mask)
    views.labels = torch.as_tensor(labels).float()
    views.target_labels = torch.as_tensor(target_labels).float()
    views.source_labels = torch.as_tensor(source_labels).float()
    if placement is not None:
        views.placement = torch.tensor(placement, dtype=torch.float32)
    data_sample.set_field(views, FIELD, dtype=BaseDataElement)


def find_paste_views(data_samples: Sequence | None) -> list[BaseDataElement]:
    """Collect the views of the samples that have some.

    Args:
        data_samples: A batch of data samples.

    Returns:
        list[BaseDataElement]: With the fields of :func:`set_paste_views`, all
        tensors; pictures are (3, H, W), ``placement`` is there for moved
        objects only.
    """
    return [s.get(FIELD) for s in data_samples or () if FIELD in s]
