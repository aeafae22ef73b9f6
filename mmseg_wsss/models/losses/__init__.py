"""Losses: one paper, one file."""

from .affinity_loss import AffinityLoss
from .balanced_ce import BalancedCrossEntropy, balanced_mean
from .base import ClassLogits, ImageLevelLoss, LossInputs
from .csd_loss import CSDLoss, background_consistency, foreground_consistency
from .displacement_loss import DisplacementLoss
from .fsl import FSL, feature_similarity_loss
from .isl import BinomialISL, importance_sampling_loss
from .ocr_loss import OCRLoss, ocr_loss, prior_correlation
from .pair_affinity import PairAffinityLoss, pair_affinity_loss
from .pooling_loss import GAPLoss, GWRPLoss, pooling_loss
from .seam_loss import SEAMLoss
from .sipe_loss import SIPELoss, prototype_consistency
from .spatial_bce import SpatialBCE
from .stego_loss import STEGOLoss, correspondence_loss
from .token_contrast import TokenContrastLoss, token_contrast
from .token_loss import FusedCAMLoss, TokenLoss
from .under_fitting import UnderFittingCrossEntropy, under_fitting_loss

__all__ = [
    'FSL',
    'AffinityLoss',
    'BalancedCrossEntropy',
    'BinomialISL',
    'CSDLoss',
    'ClassLogits',
    'DisplacementLoss',
    'FusedCAMLoss',
    'GAPLoss',
    'GWRPLoss',
    'ImageLevelLoss',
    'LossInputs',
    'OCRLoss',
    'PairAffinityLoss',
    'SEAMLoss',
    'SIPELoss',
    'STEGOLoss',
    'SpatialBCE',
    'TokenContrastLoss',
    'TokenLoss',
    'UnderFittingCrossEntropy',
    'background_consistency',
    'balanced_mean',
    'correspondence_loss',
    'feature_similarity_loss',
    'foreground_consistency',
    'importance_sampling_loss',
    'ocr_loss',
    'pair_affinity_loss',
    'pooling_loss',
    'prior_correlation',
    'prototype_consistency',
    'token_contrast',
    'under_fitting_loss',
]
