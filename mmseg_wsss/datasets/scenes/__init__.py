"""The scenes: drawn pictures with the difficulties of weak supervision."""

from .dataset import ScenesDataset

__all__ = ['ScenesDataset']
