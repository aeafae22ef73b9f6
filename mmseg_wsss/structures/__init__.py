"""Image labels on a data sample, and the current batch losses can ask for."""

from .current_batch import (
    batch_context,
    current_data_samples,
    current_image_labels,
    current_images,
    enter_batch,
    find_image_labels,
    leave_batch,
)
from .image_labels import (
    foreground_indices,
    has_image_labels,
    labels_from_mask,
    set_image_labels,
    stack_image_labels,
)
from .images import rgb_images

__all__ = [
    'batch_context',
    'current_data_samples',
    'current_image_labels',
    'current_images',
    'enter_batch',
    'find_image_labels',
    'foreground_indices',
    'has_image_labels',
    'labels_from_mask',
    'leave_batch',
    'rgb_images',
    'set_image_labels',
    'stack_image_labels',
]
