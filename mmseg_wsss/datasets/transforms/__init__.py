"""Pipeline steps."""

from .confident_labels import IRNConfidentLabels, PSAConfidentLabels
from .copy_paste import CSDCopyPaste
from .formatting import PackWSSSInputs
from .load_cam import LoadCAM
from .loading import LoadImageLabels
from .random_walk import RandomWalk
from .refine_crf import DenseCRFRefine, PixelAdaptiveRefine
from .refine_scores import AddBackground, NormaliseScores, ScoresToLabel

__all__ = ['CSDCopyPaste', 'LoadImageLabels', 'PackWSSSInputs']
__all__ = [
    'AddBackground',
    'DenseCRFRefine',
    'IRNConfidentLabels',
    'LoadCAM',
    'LoadImageLabels',
    'NormaliseScores',
    'PSAConfidentLabels',
    'PackWSSSInputs',
    'PixelAdaptiveRefine',
    'RandomWalk',
    'ScoresToLabel',
]
