"""Algorithms on arrays and tensors: no registry, no files."""

from .cam import background_score, label_from_scores, normalise_cam

__all__ = ['background_score', 'label_from_scores', 'normalise_cam']
