"""Hooks of MMEngine's Runner."""

from .hooks import (
    ChannelsLastHook,
    ComplementHook,
    DenseCRFHook,
    EpochSeedHook,
    ResumedValidationHook,
    WeakSupervisionHook,
)

__all__ = [
    'ChannelsLastHook',
    'ComplementHook',
    'DenseCRFHook',
    'EpochSeedHook',
    'ResumedValidationHook',
    'WeakSupervisionHook',
]
