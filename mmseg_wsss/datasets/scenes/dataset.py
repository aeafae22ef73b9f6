"""The built-in synthetic data set "scenes"."""

from __future__ import annotations

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from .plan import CLASSES, PALETTE


@DATASETS.register_module()
class ScenesDataset(BaseSegDataset):
    """Little drawn scenes in VOC's layout: background and six classes.

    ``tools/dataset_converters/make_scenes.py`` draws them in seconds, see
    :mod:`mmseg_wsss.datasets.scenes.plan`. The masks are exact and meant for
    evaluation.

    Args:
        **kwargs: See :class:`mmseg.datasets.BaseSegDataset`.
    """

    METAINFO = {
        'classes': CLASSES,
        'palette': [list(colour) for colour in PALETTE],
    }
