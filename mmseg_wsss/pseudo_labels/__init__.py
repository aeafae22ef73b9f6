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
from .pairs import pair_labels, reduce_label
from .pixel_adaptive import pixel_adaptive_refine
from .random_walk import random_walk, transition_matrix, walk_cells

__all__ = [
    'CRF_PRESETS',
    'CRFParams',
    'DenseCRF',
    'WalkGraph',
    'background_score',
    'boundary_affinity',
    'crf_from_labels',
    'crf_from_scores',
    'crf_params',
    'embedding_affinity',
    'irn_confident_label',
    'label_from_scores',
    'normalise_cam',
    'pair_labels',
    'pair_offsets',
    'pixel_adaptive_refine',
    'psa_confident_label',
    'random_walk',
    'reduce_label',
    'require_pydensecrf',
    'transition_matrix',
    'walk_cells',
]
