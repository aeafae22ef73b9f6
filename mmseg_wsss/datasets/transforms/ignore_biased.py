"""Pipeline step that ignores biased pixels in training."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...structures.labels import BIASED_LABEL, IGNORE_LABEL
from .keys import require


@TRANSFORMS.register_module()
class IgnoreBiased(BaseTransform):
    """Change biased pixels of debiased labels (254) to ignored ones (255).

    For training on MARS's debiased labels without complementing them, which
    :class:`mmseg_wsss.ComplementHook` would do. Use it after
    ``LoadAnnotations``.

    Changed key: ``gt_seg_map`` (H, W), in a new array.
    """

    def transform(self, results: dict) -> dict:
        """Change the label.

        Raises:
            ValueError: If there is no label.
        """
        label = require(results, 'gt_seg_map', self)
        if results.get('reduce_zero_label'):
            raise ValueError(
                'with reduce_zero_label=True LoadAnnotations turns 254 into '
                '253: debiased labels need a data set that keeps class 0'
            )
        biased = label == BIASED_LABEL
        results['gt_seg_map'] = np.where(
            biased, np.array(IGNORE_LABEL, label.dtype), label
        )
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
