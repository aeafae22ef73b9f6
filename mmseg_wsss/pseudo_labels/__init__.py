"""Algorithms on arrays and tensors: no registry, no files."""

from .adversarial_climbing import ascend, climb, climbing_objective
from .affinity import (
    WalkGraph,
    boundary_affinity,
    embedding_affinity,
    pair_offsets,
)
from .affinity_product import affinity_product
from .cam import (
    background_score,
    label_from_scores,
    normalise_cam,
    winning_scores,
)
from .confident import irn_confident_label, psa_confident_label
from .crf_params import CRF_PRESETS, CRFParams, crf_params
from .dense_crf import (
    DenseCRF,
    crf_from_scores,
    require_pydensecrf,
)
from .kmeans import Clusters, kmeans
from .label_errors import LabelDoubts, doubts_by_scores, label_doubts
from .label_shares import label_shares
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
from .proportional import proportional_label, smooth_cam
from .random_walk import random_walk, transition_matrix, walk_cells
from .structure_seeds import initial_scores, prototype_maps, structure_seeds
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
    'LabelDoubts',
    'RegionClusters',
    'Selection',
    'WalkGraph',
    'affinity_product',
    'ascend',
    'attention_affinity',
    'background_distance',
    'background_score',
    'boundary_affinity',
    'certain_mask',
    'climb',
    'climbing_objective',
    'complement_batch',
    'complement_label',
    'crf_from_scores',
    'crf_params',
    'debiased_label',
    'doubts_by_scores',
    'embedding_affinity',
    'gradient_maps',
    'initial_scores',
    'irn_confident_label',
    'kmeans',
    'label_doubts',
    'label_from_scores',
    'label_shares',
    'nearest_background_distance',
    'normalise_cam',
    'pair_labels',
    'pair_offsets',
    'pixel_adaptive_refine',
    'propagate_maps',
    'proportional_label',
    'prototype_maps',
    'psa_confident_label',
    'random_walk',
    'reduce_label',
    'region_clusters',
    'require_pydensecrf',
    'select_debiased',
    'similarity_map',
    'smooth_cam',
    'structure_seeds',
    'teacher_label',
    'text_logits',
    'top_fraction',
    'transition_matrix',
    'walk_cells',
    'winning_scores',
]
