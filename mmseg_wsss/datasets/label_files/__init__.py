"""Image-label files of every format, and lists of images."""

from .load import cooccurrence, load_image_labels, save_image_labels
from .split_lists import read_split_list, write_split_list

__all__ = [
    'cooccurrence',
    'load_image_labels',
    'read_split_list',
    'save_image_labels',
    'write_split_list',
]
