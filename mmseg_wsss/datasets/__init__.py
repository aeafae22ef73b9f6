"""Image-label files, data sets and pipeline steps."""

from .coco import COCO2014Dataset
from .csd_dataset import CSDDataset
from .image_labels import cooccurrence, load_image_labels, save_image_labels
from .partners import Partners, partner_prior
from .scenes import ScenesDataset
from .seeded_sampler import SeededSampler
from .split_lists import read_split_list, write_split_list
from .training_labels import LabelStatistics, label_statistics
from .transforms import (
    AddBackground,
    CSDCopyPaste,
    DenseCRFRefine,
    IRNConfidentLabels,
    LoadCAM,
    LoadImageLabels,
    NormaliseScores,
    PackWSSSInputs,
    PixelAdaptiveRefine,
    PSAConfidentLabels,
    RandomWalk,
    ScoresToLabel,
)

__all__ = [
    'AddBackground',
    'COCO2014Dataset',
    'CSDCopyPaste',
    'CSDDataset',
    'DenseCRFRefine',
    'IRNConfidentLabels',
    'LabelStatistics',
    'LoadCAM',
    'LoadImageLabels',
    'NormaliseScores',
    'PSAConfidentLabels',
    'PackWSSSInputs',
    'Partners',
    'PixelAdaptiveRefine',
    'RandomWalk',
    'ScenesDataset',
    'ScoresToLabel',
    'SeededSampler',
    'cooccurrence',
    'label_statistics',
    'load_image_labels',
    'partner_prior',
    'read_split_list',
    'save_image_labels',
    'write_split_list',
]
