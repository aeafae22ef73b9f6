"""Decode heads."""

from .cam_head import CAMHead
from .large_fov_head import LargeFOVHead

__all__ = ['CAMHead', 'LargeFOVHead']
