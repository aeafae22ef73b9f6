"""Hooks of MMEngine's Runner."""

from .channels_last_hook import ChannelsLastHook
from .complement_hook import ComplementHook
from .dense_crf_hook import DenseCRFHook
from .epoch_seed_hook import EpochSeedHook
from .resumed_validation_hook import ResumedValidationHook
from .weak_supervision_hook import WeakSupervisionHook

__all__ = [
    'ChannelsLastHook',
    'ComplementHook',
    'DenseCRFHook',
    'EpochSeedHook',
    'ResumedValidationHook',
    'WeakSupervisionHook',
]
