"""Backbones, decode heads, losses and segmentors."""

from .backbones import ResNet38
from .decode_heads import CAMHead, LargeFOVHead
from .losses import (
    FSL,
    BinomialISL,
    CSDLoss,
    GAPLoss,
    OCRLoss,
    background_consistency,
    feature_similarity_loss,
    foreground_consistency,
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
    'CSDLoss',
    'GAPLoss',
    'LargeFOVHead',
    'OCRLoss',
    'ResNet38',
    'WSSSCascadeEncoderDecoder',
    'WSSSEncoderDecoder',
    'WeakSupervisionMixin',
    'background_consistency',
    'feature_similarity_loss',
    'foreground_consistency',
    'importance_sampling_loss',
    'ocr_loss',
    'pooling_loss',
    'prior_correlation',
]
