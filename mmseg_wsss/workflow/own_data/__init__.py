"""A folder of one's own photos: checked, and made ready for a pipeline."""

from .advice import (
    class_table,
    find_doubts,
    find_problems,
    label_matrix,
    method_lines,
)
from .collection import Collection, from_class_folders, from_label_file, some
from .configs import config_texts
from .files import check_folder, place_photo, prepare_folder
from .masks import find_masks, write_mask
from .photos import Look, find_files, look_at, open_upright, usual_side
from .settings import NETWORKS, batch_size, epochs_for, working_size
from .split import split_photos

__all__ = [
    'NETWORKS',
    'Collection',
    'Look',
    'batch_size',
    'check_folder',
    'class_table',
    'config_texts',
    'epochs_for',
    'find_doubts',
    'find_files',
    'find_masks',
    'find_problems',
    'from_class_folders',
    'from_label_file',
    'label_matrix',
    'look_at',
    'method_lines',
    'open_upright',
    'place_photo',
    'prepare_folder',
    'some',
    'split_photos',
    'usual_side',
    'working_size',
    'write_mask',
]
