"""Hooks of MMEngine's Runner."""

from .channels_last_hook import ChannelsLastHook
from .dense_crf_hook import DenseCRFHook
from .weak_supervision_hook import WeakSupervisionHook

__all__ = [
    'ChannelsLastHook',
    'DenseCRFHook',
    'WeakSupervisionHook',
]
