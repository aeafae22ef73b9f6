"""The name under which 0.1 had :func:`label_areas`; see :mod:`.areas`."""

from .areas import label_areas

__all__ = ['label_areas']
