"""Decode heads."""

from .affinity_head import AffinityHead
from .cam_head import CAMHead
from .irn_head import IRNHead
from .large_fov_head import LargeFOVHead

__all__ = [
    'AffinityHead',
    'CAMHead',
    'IRNHead',
    'LargeFOVHead',
]
