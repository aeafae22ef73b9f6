"""Hooks of MMEngine's Runner."""

from .hooks import (
    ChannelsLastHook,
    DenseCRFHook,
    WeakSupervisionHook,
)

__all__ = [
    'ChannelsLastHook',
    'DenseCRFHook',
    'WeakSupervisionHook',
]
