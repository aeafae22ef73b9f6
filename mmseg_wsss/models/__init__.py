"""Backbones, decode heads, losses and segmentors."""

from .backbones import (
    ResNet38,
    StemResNet,
)
from .decode_heads import (
    AffinityHead,
    CAMHead,
    IRNHead,
    LargeFOVHead,
)
from .losses import (
    FSL,
    AffinityLoss,
    BinomialISL,
    CSDLoss,
    DisplacementLoss,
    GAPLoss,
    OCRLoss,
    affinity_loss,
    background_consistency,
    displacement_loss,
    feature_similarity_loss,
    foreground_consistency,
    importance_sampling_loss,
    ocr_loss,
    pooling_loss,
    prior_correlation,
)
from .segmentors import (
    CAMTTAModel,
    ScoreTTAModel,
    WeakSupervisionMixin,
    WSSSCascadeEncoderDecoder,
    WSSSEncoderDecoder,
)

__all__ = [
    'FSL',
    'AffinityHead',
    'AffinityLoss',
    'BinomialISL',
    'CAMHead',
    'CAMTTAModel',
    'CSDLoss',
    'DisplacementLoss',
    'GAPLoss',
    'IRNHead',
    'LargeFOVHead',
    'OCRLoss',
    'ResNet38',
    'ScoreTTAModel',
    'StemResNet',
    'WSSSCascadeEncoderDecoder',
    'WSSSEncoderDecoder',
    'WeakSupervisionMixin',
    'affinity_loss',
    'background_consistency',
    'displacement_loss',
    'feature_similarity_loss',
    'foreground_consistency',
    'importance_sampling_loss',
    'ocr_loss',
    'pooling_loss',
    'prior_correlation',
]
