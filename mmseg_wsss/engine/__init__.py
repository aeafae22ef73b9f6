"""Hooks of MMEngine's Runner."""

from .hooks import (
    ChannelsLastHook,
    ComplementHook,
    DenseCRFHook,
    WeakSupervisionHook,
)

__all__ = [
    'ChannelsLastHook',
    'ComplementHook',
    'DenseCRFHook',
    'WeakSupervisionHook',
]
