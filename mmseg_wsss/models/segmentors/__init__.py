"""Segmentors."""

from .adversarial_cam import AdversarialCAMTTAModel
from .cam_tta import CAMTTAModel
from .clip_seeds import CLIPSeedSegmentor
from .score_tta import ScoreTTAModel
from .weak_supervision import (
    WeakSupervisionMixin,
    WSSSCascadeEncoderDecoder,
    WSSSEncoderDecoder,
)

__all__ = [
    'AdversarialCAMTTAModel',
    'CAMTTAModel',
    'CLIPSeedSegmentor',
    'ScoreTTAModel',
    'WSSSCascadeEncoderDecoder',
    'WSSSEncoderDecoder',
    'WeakSupervisionMixin',
]
