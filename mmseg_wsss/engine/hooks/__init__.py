"""Hooks of MMEngine's Runner."""

from .channels_last_hook import ChannelsLastHook
from .checkpoint_check_hook import CheckpointCheckHook
from .clip_labels_hook import CLIPLabelsHook
from .complement_hook import ComplementHook
from .dense_crf_hook import DenseCRFHook
from .epoch_seed_hook import EpochSeedHook
from .online_labels_hook import OnlineLabelsHook
from .resumed_validation_hook import ResumedValidationHook
from .stop_on_nan_hook import StopOnNaNHook
from .weak_supervision_hook import WeakSupervisionHook

__all__ = [
    'CLIPLabelsHook',
    'ChannelsLastHook',
    'CheckpointCheckHook',
    'ComplementHook',
    'DenseCRFHook',
    'EpochSeedHook',
    'OnlineLabelsHook',
    'ResumedValidationHook',
    'StopOnNaNHook',
    'WeakSupervisionHook',
]
