"""Losses: one paper, one file."""

from .gap_loss import GAPLoss, gap_loss
from .ocr_loss import OCRLoss, ocr_loss
from .prior import prior_correlation

__all__ = ['GAPLoss', 'OCRLoss', 'gap_loss', 'ocr_loss', 'prior_correlation']
