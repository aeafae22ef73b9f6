"""A folder of one's own photos: checked, and made ready for a pipeline."""

from .advice import (
    class_table,
    find_errors,
    find_warnings,
    label_matrix,
)
from .collection import (
    Collection,
    from_class_folders,
    from_label_file,
    summarise,
)
from .configs import config_texts
from .files import check_folder, place_photo, prepare_folder
from .masks import find_masks, write_mask
from .photos import (
    ImageInfo,
    find_files,
    inspect_image,
    open_upright,
    usual_side,
)
from .settings import NETWORKS, batch_size, epochs_for, working_size
from .split import split_photos

__all__ = [
    'NETWORKS',
    'Collection',
    'ImageInfo',
    'batch_size',
    'check_folder',
    'class_table',
    'config_texts',
    'epochs_for',
    'find_errors',
    'find_files',
    'find_masks',
    'find_warnings',
    'from_class_folders',
    'from_label_file',
    'inspect_image',
    'label_matrix',
    'open_upright',
    'place_photo',
    'prepare_folder',
    'split_photos',
    'summarise',
    'usual_side',
    'working_size',
    'write_mask',
]
