"""Hooks of MMEngine's Runner."""

from .hooks import ChannelsLastHook, WeakSupervisionHook

__all__ = ['ChannelsLastHook', 'WeakSupervisionHook']
