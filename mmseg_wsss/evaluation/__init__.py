"""Metrics, and writers that stand beside them in the test loop."""

from .anchor_metric import AnchorMetric
from .contour_metric import ContourMetric
from .false_rate_metric import FalseRateMetric
from .mean_loss_metric import MeanLossMetric
from .out_of_candidate_metric import OutOfCandidateMetric
from .pseudo_label_writer import PseudoLabelWriter

__all__ = [
    'AnchorMetric',
    'ContourMetric',
    'FalseRateMetric',
    'MeanLossMetric',
    'OutOfCandidateMetric',
    'PseudoLabelWriter',
]
