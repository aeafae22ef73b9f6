"""Algorithms on arrays and tensors: no registry, no files."""

from .affinity import (
    WalkGraph,
    boundary_affinity,
    embedding_affinity,
    pair_offsets,
)
from .cam import background_score, label_from_scores, normalise_cam
from .confident import irn_confident_label, psa_confident_label
from .crf_params import CRF_PRESETS, CRFParams, crf_params
from .dense_crf import (
    DenseCRF,
    crf_from_labels,
    crf_from_scores,
    require_pydensecrf,
)
from .kmeans import Clusters, kmeans
from .mars import (
    RegionClusters,
    background_distance,
    debiased_label,
    nearest_background_distance,
    region_clusters,
    similarity_map,
    top_fraction,
)
from .mars_complement import (
    certain_mask,
    complement_batch,
    complement_label,
    teacher_label,
)
from .mars_selection import Selection, select_debiased
from .pairs import pair_labels, reduce_label
from .pixel_adaptive import pixel_adaptive_refine
from .random_walk import random_walk, transition_matrix, walk_cells
from .text_cam import (
    attention_affinity,
    gradient_maps,
    propagate_maps,
    text_logits,
)

__all__ = [
    'CRF_PRESETS',
    'CRFParams',
    'Clusters',
    'DenseCRF',
    'RegionClusters',
    'Selection',
    'WalkGraph',
    'attention_affinity',
    'background_distance',
    'background_score',
    'boundary_affinity',
    'certain_mask',
    'complement_batch',
    'complement_label',
    'crf_from_labels',
    'crf_from_scores',
    'crf_params',
    'debiased_label',
    'embedding_affinity',
    'gradient_maps',
    'irn_confident_label',
    'kmeans',
    'label_from_scores',
    'nearest_background_distance',
    'normalise_cam',
    'pair_labels',
    'pair_offsets',
    'pixel_adaptive_refine',
    'propagate_maps',
    'psa_confident_label',
    'random_walk',
    'reduce_label',
    'region_clusters',
    'require_pydensecrf',
    'select_debiased',
    'similarity_map',
    'teacher_label',
    'text_logits',
    'top_fraction',
    'transition_matrix',
    'walk_cells',
]
