"""Backbones that MMSegmentation lacks."""

from .clip_tower import CLIPTower
from .efficientnet_lite import EfficientNetLite
from .frozen_clip import FrozenCLIP
from .pypi_weights import load_from_pypi
from .resnet38 import ResNet38
from .resnet_stem import StemResNet

__all__ = [
    'CLIPTower',
    'EfficientNetLite',
    'FrozenCLIP',
    'ResNet38',
    'StemResNet',
    'load_from_pypi',
]
