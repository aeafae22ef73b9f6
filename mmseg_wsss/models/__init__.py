"""Backbones, decode heads, losses and segmentors."""

from .backbones import ResNet38
from .decode_heads import CAMHead, LargeFOVHead
from .losses import (
    FSL,
    BinomialISL,
    GAPLoss,
    OCRLoss,
    feature_similarity_loss,
    importance_sampling_loss,
    ocr_loss,
    pooling_loss,
    prior_correlation,
)
from .segmentors import (
    CAMTTAModel,
    WeakSupervisionMixin,
    WSSSCascadeEncoderDecoder,
    WSSSEncoderDecoder,
)

__all__ = [
    'FSL',
    'BinomialISL',
    'CAMHead',
    'CAMTTAModel',
    'GAPLoss',
    'LargeFOVHead',
    'OCRLoss',
    'ResNet38',
    'WSSSCascadeEncoderDecoder',
    'WSSSEncoderDecoder',
    'WeakSupervisionMixin',
    'feature_similarity_loss',
    'importance_sampling_loss',
    'ocr_loss',
    'pooling_loss',
    'prior_correlation',
]
