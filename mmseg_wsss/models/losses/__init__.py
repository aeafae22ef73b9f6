"""Losses: one paper, one file."""

from .fsl import FSL, feature_similarity_loss
from .isl import BinomialISL, importance_sampling_loss
from .ocr_loss import OCRLoss, ocr_loss
from .pooling_loss import GAPLoss, pooling_loss
from .prior import prior_correlation

__all__ = [
    'FSL',
    'BinomialISL',
    'GAPLoss',
    'OCRLoss',
    'feature_similarity_loss',
    'importance_sampling_loss',
    'ocr_loss',
    'pooling_loss',
    'prior_correlation',
]
