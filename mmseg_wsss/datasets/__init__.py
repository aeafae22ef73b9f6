"""Image-label files, data sets and pipeline steps."""

from .coco import COCO2014Dataset
from .image_labels import cooccurrence, load_image_labels, save_image_labels
from .scenes import ScenesDataset
from .split_lists import read_split_list, write_split_list
from .training_labels import LabelStatistics, label_statistics
from .transforms import (
    AddBackground,
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
    'DenseCRFRefine',
    'IRNConfidentLabels',
    'LabelStatistics',
    'LoadCAM',
    'LoadImageLabels',
    'NormaliseScores',
    'PSAConfidentLabels',
    'PackWSSSInputs',
    'PixelAdaptiveRefine',
    'RandomWalk',
    'ScenesDataset',
    'ScoresToLabel',
    'cooccurrence',
    'label_statistics',
    'load_image_labels',
    'read_split_list',
    'save_image_labels',
    'write_split_list',
]
