"""Pipeline steps."""

from .copy_paste import CSDCopyPaste
from .formatting import PackWSSSInputs
from .loading import LoadImageLabels

__all__ = ['CSDCopyPaste', 'LoadImageLabels', 'PackWSSSInputs']
