"""File formats of the package, and how files are written."""

from .atomic import atomic_write
from .cam import load_cam, save_cam, write_cam_file
from .centroid_shards import load_shards, save_shard
from .centroids import (
    DebiasedCentroids,
    load_centroids,
    save_centroids,
    update_centroids,
)
from .class_ids import original_class_ids
from .features import load_features, save_features
from .labels import label_reader, read_label, save_label, write_label_file
from .photos import read_photo
from .provenance import check_source, folder_origin, save_source
from .stems import file_stem, image_stem, unique_stems
from .text_embeddings import (
    TextEmbeddings,
    load_text_embeddings,
    save_text_embeddings,
)

__all__ = [
    'DebiasedCentroids',
    'TextEmbeddings',
    'atomic_write',
    'check_source',
    'file_stem',
    'folder_origin',
    'image_stem',
    'label_reader',
    'load_cam',
    'load_centroids',
    'load_features',
    'load_shards',
    'load_text_embeddings',
    'original_class_ids',
    'read_label',
    'read_photo',
    'save_cam',
    'save_centroids',
    'save_features',
    'save_label',
    'save_shard',
    'save_source',
    'save_text_embeddings',
    'unique_stems',
    'update_centroids',
    'write_cam_file',
    'write_label_file',
]
