"""Overlays and contact sheets."""

from .contact_sheet import colorize, contact_sheet
from .overlay import cam_overlay, label_overlay

__all__ = ['cam_overlay', 'colorize', 'contact_sheet', 'label_overlay']
