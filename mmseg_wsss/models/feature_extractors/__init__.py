"""Frozen networks that give dense features, e.g. for MARS."""

from .backbone import BackboneFeatures
from .base import FeatureExtractor
from .colour_texture import ColourTextureFeatures
from .multi_scale import dense_features, feature_grid
from .stego import STEGOFeatures, STEGOHead
from .stego_model import STEGO, PairPreprocessor
from .timm_vit import TimmFeatures

__all__ = [
    'STEGO',
    'BackboneFeatures',
    'ColourTextureFeatures',
    'FeatureExtractor',
    'PairPreprocessor',
    'STEGOFeatures',
    'STEGOHead',
    'TimmFeatures',
    'dense_features',
    'feature_grid',
]
