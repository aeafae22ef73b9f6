"""Contour quality F, region similarity J and their mean (HFPL, Sec. 5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS

from ..structures.image_labels import BACKGROUND
from ..utils import check_option
from .areas import area_counts, area_rates, label_pair, pack_counts, sum_counts
from .contours import IGNORE_RULES, contour_counts, contour_scores, mean_score


@METRICS.register_module()
class ContourMetric(BaseMetric):
    """``F``, ``J`` and ``J&F`` in percent, as HFPL (WACV 2024) reports them.

    F is the contour quality of DAVIS, whose contours match within 0.8 % of the
    image diagonal, with HFPL's averages: contour pixels
    and matches are counted over the whole data set, class by class, and F is
    the mean over the foreground classes with a contour, in predictions or
    masks. J is the mIoU over all classes, the background's included, as
    MMSeg's IoUMetric takes it.

    Args:
        background_index (int, optional): Index of the background, whose
            contour does not count, of samples that LoadImageLabels gave none;
            None if there is none. Defaults to 0.
        ignore_index (int): Ground-truth label of pixels to ignore. Defaults
            to 255.
        ignore (str): What these are to the contours: 'background' in the
            ground truth (HFPL's code), or 'mask', background in the
            prediction too (DAVIS), see :mod:`mmseg_wsss.evaluation.contours`.
            J leaves them out. Defaults to 'background'.
        **kwargs: As for MMEngine's ``BaseMetric``.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        background_index: int | None = 0,
        ignore_index: int = 255,
        ignore: str = 'background',
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_option('ignore', ignore, IGNORE_RULES)
        self.background_index = background_index
        self.ignore_index = ignore_index
        self.ignore = ignore

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the areas and contour pixels of each image.

        Args:
            data_batch: Unused.
            data_samples: Predictions as dicts, with ``pred_sem_seg`` and
                ``gt_sem_seg``, (1, H, W) or (H, W).

        Raises:
            ValueError: If a mask is missing, or does not fit.
        """
        count = len(self.dataset_meta['classes'])
        for sample in data_samples:
            pair = label_pair(sample)
            name = f'the mask of {sample.get("img_path")}'
            areas = area_counts(*pair, count, self.ignore_index, name)
            contours = contour_counts(
                *pair,
                count,
                background_index=sample.get(BACKGROUND, self.background_index),
                ignore_index=self.ignore_index,
                ignore=self.ignore,
            )
            self.results.append(pack_counts(np.hstack([areas, contours])))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Reduce the counts of all images.

        Args:
            results: One array of counts per image.

        Returns:
            dict[str, float]: ``F``, ``J`` and ``J&F`` in percent; NaN where
            no class occurs.
        """
        counts = sum_counts(results, (len(self.dataset_meta['classes']), 7))
        j = mean_score(area_rates(counts[:, :3])[0])
        f = mean_score(contour_scores(counts[:, 3:])[2])
        return {
            'F': round(f, 2),
            'J': round(j, 2),
            'J&F': round((j + f) / 2, 2),
        }
