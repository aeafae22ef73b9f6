"""Backbones that MMSegmentation lacks."""

from .resnet38 import ResNet38
from .resnet_stem import StemResNet

__all__ = [
    'ResNet38',
    'StemResNet',
]
