"""Backbones, decode heads, losses and segmentors."""

from . import backbones, decode_heads, feature_extractors, losses, segmentors
from .attention_maps import record_attention
from .backbones import *
from .clip_maps import CLIPMaps
from .decode_heads import *
from .extra_views import owning_head, run_view, view_statistics
from .feature_extractors import *
from .losses import *
from .pixel_weight_sampler import PixelWeightSampler
from .segmentors import *

__all__ = [
    *backbones.__all__,
    *decode_heads.__all__,
    *feature_extractors.__all__,
    *losses.__all__,
    *segmentors.__all__,
    'CLIPMaps',
    'PixelWeightSampler',
    'owning_head',
    'record_attention',
    'run_view',
    'view_statistics',
]
