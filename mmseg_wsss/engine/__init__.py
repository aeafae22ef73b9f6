"""Hooks of MMEngine's Runner, and a model wrapper."""

from . import hooks
from .hooks import *
from .not_wrapped import NotWrapped

__all__ = [*hooks.__all__, 'NotWrapped']
