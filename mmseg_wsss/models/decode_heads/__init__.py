"""Decode heads."""

from .affinity_head import AffinityHead
from .attention_fusion import WeakTrHead
from .cam_head import CAMHead
from .deeplabv2_head import DeepLabV2Head
from .irn_displacement import IRNDisplacementHead
from .irn_head import IRNHead
from .large_fov_head import LargeFOVHead
from .polar_head import PolarHead, PolarMaps
from .seam_head import SEAMHead, SEAMMaps
from .sipe_head import SIPEHead, SIPEMaps
from .token_cam_head import TokenCAMHead, TokenFeatures, TokenMaps
from .token_fusion_head import TokenFusionHead

__all__ = [
    'AffinityHead',
    'CAMHead',
    'DeepLabV2Head',
    'IRNDisplacementHead',
    'IRNHead',
    'LargeFOVHead',
    'PolarHead',
    'PolarMaps',
    'SEAMHead',
    'SEAMMaps',
    'SIPEHead',
    'SIPEMaps',
    'TokenCAMHead',
    'TokenFeatures',
    'TokenFusionHead',
    'TokenMaps',
    'WeakTrHead',
]
