"""A folder of photos: checked, and converted to a data set for a pipeline."""

from .advice import find_errors, find_warnings, label_matrix
from .collection import Collection
from .configs import config_texts, set_values
from .dataset import write_dataset
from .files import check_folder, check_sources, place_for_old, whole_folder
from .labels import read_labels
from .masks import evaluation_notes, find_masks, write_mask
from .names import is_utf8, summarise
from .photos import (
    ImageInfo,
    find_files,
    inspect_image,
    inspect_photos,
    open_upright,
    usual_side,
)
from .report import (
    label_lines,
    photo_lines,
    training_lines,
    warning_lines,
    wrapped,
)
from .settings import (
    NETWORKS,
    batch_size,
    check_clip,
    epochs_for,
)
from .split import split_lists, split_photos
from .weights import starting_weights

__all__ = [
    'NETWORKS',
    'Collection',
    'ImageInfo',
    'batch_size',
    'check_clip',
    'check_folder',
    'check_sources',
    'config_texts',
    'epochs_for',
    'evaluation_notes',
    'find_errors',
    'find_files',
    'find_masks',
    'find_warnings',
    'inspect_image',
    'inspect_photos',
    'is_utf8',
    'label_lines',
    'label_matrix',
    'open_upright',
    'photo_lines',
    'place_for_old',
    'read_labels',
    'set_values',
    'split_lists',
    'split_photos',
    'starting_weights',
    'summarise',
    'training_lines',
    'usual_side',
    'warning_lines',
    'whole_folder',
    'wrapped',
    'write_dataset',
    'write_mask',
]
