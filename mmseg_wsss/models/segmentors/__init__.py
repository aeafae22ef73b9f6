"""Segmentors."""

from .cam_tta import CAMTTAModel
from .score_tta import ScoreTTAModel
from .weak_supervision import (
    WeakSupervisionMixin,
    WSSSCascadeEncoderDecoder,
    WSSSEncoderDecoder,
)

__all__ = [
    'CAMTTAModel',
    'ScoreTTAModel',
    'WSSSCascadeEncoderDecoder',
    'WSSSEncoderDecoder',
    'WeakSupervisionMixin',
]
