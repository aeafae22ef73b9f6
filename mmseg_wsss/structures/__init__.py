"""What a data sample carries, and the current batch losses can ask for."""

from .current_batch import (
    batch_context,
    current_background_index,
    current_data_samples,
    current_image_labels,
    current_images,
    current_segmentor,
    enter_batch,
    find_image_labels,
    forward_context,
    leave_batch,
    no_batch,
)
from .image_labels import (
    background_in_use,
    common_background_index,
    foreground_indices,
    has_image_labels,
    labels_from_mask,
    set_image_labels,
    stack_image_labels,
)
from .images import network_inputs, rgb_images
from .padding import check_unpadded, unpadded_cells
from .paste_views import find_paste_views, set_paste_views
from .pixel_weights import set_pixel_weights, stack_pixel_weights

__all__ = [
    'background_in_use',
    'batch_context',
    'check_unpadded',
    'common_background_index',
    'current_background_index',
    'current_data_samples',
    'current_image_labels',
    'current_images',
    'current_segmentor',
    'enter_batch',
    'find_image_labels',
    'find_paste_views',
    'foreground_indices',
    'forward_context',
    'has_image_labels',
    'labels_from_mask',
    'leave_batch',
    'network_inputs',
    'no_batch',
    'rgb_images',
    'set_image_labels',
    'set_paste_views',
    'set_pixel_weights',
    'stack_image_labels',
    'stack_pixel_weights',
    'unpadded_cells',
]
