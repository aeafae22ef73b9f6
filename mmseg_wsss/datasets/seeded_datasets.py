"""MMSeg's data sets, with draws that do not depend on workers or stops."""

from __future__ import annotations

from mmseg.datasets import BaseSegDataset, PascalVOCDataset
from mmseg.registry import DATASETS

from .seeded_sampler import SeededItems


@DATASETS.register_module()
class SeededSegDataset(SeededItems, BaseSegDataset):
    """MMSeg's BaseSegDataset, for :class:`SeededSampler`.

    Options are those of :class:`mmseg.datasets.BaseSegDataset`.
    """


@DATASETS.register_module()
class SeededVOCDataset(SeededItems, PascalVOCDataset):
    """MMSeg's PascalVOCDataset, for :class:`SeededSampler`.

    Options are those of :class:`mmseg.datasets.PascalVOCDataset`.
    """
