"""Losses: one paper, one file."""

from .affinity_loss import (
    AffinityLoss,
    DisplacementLoss,
    affinity_loss,
    displacement_loss,
)
from .fsl import FSL, feature_similarity_loss
from .isl import BinomialISL, importance_sampling_loss
from .ocr_loss import OCRLoss, ocr_loss
from .pooling_loss import GAPLoss, pooling_loss
from .prior import prior_correlation

__all__ = [
    'FSL',
    'AffinityLoss',
    'BinomialISL',
    'DisplacementLoss',
    'GAPLoss',
    'OCRLoss',
    'affinity_loss',
    'displacement_loss',
    'feature_similarity_loss',
    'importance_sampling_loss',
    'ocr_loss',
    'pooling_loss',
    'prior_correlation',
]
