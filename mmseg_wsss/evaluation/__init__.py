"""Metrics, and writers that stand beside them in the test loop."""

from .out_of_candidate_metric import OutOfCandidateMetric
from .pseudo_label_writer import PseudoLabelWriter

__all__ = ['OutOfCandidateMetric', 'PseudoLabelWriter']
