"""Segmentors."""

from .cam_tta import CAMTTAModel
from .weak_supervision import (
    WeakSupervisionMixin,
    WSSSCascadeEncoderDecoder,
    WSSSEncoderDecoder,
)

__all__ = [
    'CAMTTAModel',
    'WSSSCascadeEncoderDecoder',
    'WSSSEncoderDecoder',
    'WeakSupervisionMixin',
]
