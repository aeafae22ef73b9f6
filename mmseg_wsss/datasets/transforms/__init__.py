"""Pipeline steps."""

from .formatting import PackWSSSInputs
from .loading import LoadImageLabels

__all__ = ['LoadImageLabels', 'PackWSSSInputs']
