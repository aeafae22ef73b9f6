"""Backbones, decode heads, losses and segmentors."""

from .backbones import ResNet38
from .decode_heads import CAMHead, LargeFOVHead
from .losses import (
    GAPLoss,
    OCRLoss,
    gap_loss,
    ocr_loss,
    prior_correlation,
)
from .segmentors import (
    WeakSupervisionMixin,
    WSSSCascadeEncoderDecoder,
    WSSSEncoderDecoder,
)

__all__ = [
    'CAMHead',
    'GAPLoss',
    'LargeFOVHead',
    'OCRLoss',
    'ResNet38',
    'WSSSCascadeEncoderDecoder',
    'WSSSEncoderDecoder',
    'WeakSupervisionMixin',
    'gap_loss',
    'ocr_loss',
    'prior_correlation',
]
