"""Pipeline steps."""

from .confident_labels import IRNConfidentLabels, PSAConfidentLabels
from .copy_paste import CSDCopyPaste
from .formatting import PackWSSSInputs
from .ignore_biased import IgnoreBiased
from .load_cam import LoadCAM
from .load_features import LoadFeatures
from .load_pseudo_label import LoadPseudoLabel
from .loading import LoadImageLabels
from .mars_debias import MARSDebias
from .proportional_masks import ProportionalMasks, SmoothScores
from .random_walk import RandomWalk
from .refine_crf import DenseCRFRefine, PixelAdaptiveRefine
from .refine_scores import (
    AddBackground,
    NormaliseScores,
    PowerScores,
    ScoresToLabel,
)
from .region_centroids import RegionCentroids

__all__ = [
    'AddBackground',
    'CSDCopyPaste',
    'DenseCRFRefine',
    'IRNConfidentLabels',
    'IgnoreBiased',
    'LoadCAM',
    'LoadFeatures',
    'LoadImageLabels',
    'LoadPseudoLabel',
    'MARSDebias',
    'NormaliseScores',
    'PSAConfidentLabels',
    'PackWSSSInputs',
    'PixelAdaptiveRefine',
    'PowerScores',
    'ProportionalMasks',
    'RandomWalk',
    'RegionCentroids',
    'ScoresToLabel',
    'SmoothScores',
]
