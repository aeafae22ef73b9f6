"""Image-label files, data sets and pipeline steps."""

from . import label_files, scenes, transforms
from .coco import COCO2014Dataset
from .csd_dataset import CSDDataset
from .label_files import *
from .neighbour_pairs import NeighbourPairs
from .neighbours import load_neighbours, save_neighbours
from .partners import Partners, partner_prior
from .scenes import *
from .seeded_sampler import SeededSampler
from .training_labels import LabelStatistics, label_statistics
from .transforms import *

__all__ = [
    *label_files.__all__,
    *scenes.__all__,
    *transforms.__all__,
    'COCO2014Dataset',
    'CSDDataset',
    'LabelStatistics',
    'NeighbourPairs',
    'Partners',
    'SeededSampler',
    'label_statistics',
    'load_neighbours',
    'partner_prior',
    'save_neighbours',
]
