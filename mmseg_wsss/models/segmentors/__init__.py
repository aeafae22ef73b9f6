"""Segmentors."""

from .adversarial_cam import AdversarialCAMTTAModel
from .cam_tta import CAMTTAModel
from .clip_seeds import CLIPSeedSegmentor
from .image_level_prior import PriorEncoderDecoder
from .score_tta import ScoreTTAModel
from .weak_supervision import (
    WeakSupervisionMixin,
    WSSSEncoderDecoder,
)

__all__ = [
    'AdversarialCAMTTAModel',
    'CAMTTAModel',
    'CLIPSeedSegmentor',
    'PriorEncoderDecoder',
    'ScoreTTAModel',
    'WSSSEncoderDecoder',
    'WeakSupervisionMixin',
]
