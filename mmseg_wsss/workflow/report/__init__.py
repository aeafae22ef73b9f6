"""The report on a pipeline: one HTML file."""

from .collect import Content, collect
from .page import render, write_report

__all__ = ['Content', 'collect', 'render', 'write_report']
