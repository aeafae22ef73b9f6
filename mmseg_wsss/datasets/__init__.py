"""Image-label files, data sets and pipeline steps."""

from .coco import COCO2014Dataset
from .csd_dataset import CSDDataset
from .label_files.load import (
    cooccurrence,
    load_image_labels,
    save_image_labels,
)
from .label_files.split_lists import read_split_list, write_split_list
from .neighbour_pairs import NeighbourPairs
from .neighbours import load_neighbours, save_neighbours
from .partners import Partners, partner_prior
from .scenes.dataset import ScenesDataset
from .seeded_sampler import SeededSampler
from .training_labels import LabelStatistics, label_statistics
from .transforms import (
    AddBackground,
    CSDCopyPaste,
    DenseCRFRefine,
    IgnoreBiased,
    IRNConfidentLabels,
    LoadCAM,
    LoadFeatures,
    LoadImageLabels,
    LoadPseudoLabel,
    MARSDebias,
    NormaliseScores,
    PackWSSSInputs,
    PixelAdaptiveRefine,
    PSAConfidentLabels,
    RandomWalk,
    RegionCentroids,
    ScoresToLabel,
)

__all__ = [
    'AddBackground',
    'COCO2014Dataset',
    'CSDCopyPaste',
    'CSDDataset',
    'DenseCRFRefine',
    'IRNConfidentLabels',
    'IgnoreBiased',
    'LabelStatistics',
    'LoadCAM',
    'LoadFeatures',
    'LoadImageLabels',
    'LoadPseudoLabel',
    'MARSDebias',
    'NeighbourPairs',
    'NormaliseScores',
    'PSAConfidentLabels',
    'PackWSSSInputs',
    'Partners',
    'PixelAdaptiveRefine',
    'RandomWalk',
    'RegionCentroids',
    'ScenesDataset',
    'ScoresToLabel',
    'SeededSampler',
    'cooccurrence',
    'label_statistics',
    'load_image_labels',
    'load_neighbours',
    'partner_prior',
    'read_split_list',
    'save_image_labels',
    'save_neighbours',
    'write_split_list',
]
