"""False positive and false negative rates (SEAM, CVPR 2020; MARS)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS

from ..structures.image_labels import BACKGROUND
from .areas import area_counts, area_rates, label_pair, pack_counts, sum_counts
from .contours import mean_score


@METRICS.register_module()
class FalseRateMetric(BaseMetric):
    """``FP`` and ``FN``: how much of the classes is false, how much missed.

    Over the whole data set and class by class, FP / U and FN / U with
    U = TP + FP + FN; then the mean over the classes, in percent. The mean
    takes in every class that mIoU does, the background's included, so that
    mIoU + FP + FN = 100.

    MARS (ICCV 2023, Table 6) gives the means over the foreground classes, as
    fractions, beside mIoU over all: ``skip_background=True``. The evaluator
    of RS+EPM, by its first author, computes them so. SEAM's paper gives the
    ratios FP / TP and FN / TP over the foreground.

    Args:
        skip_background (bool): Whether the mean leaves the background out.
            Defaults to False.
        background_index (int, optional): Index of the background of samples
            that LoadImageLabels gave none, None if there is none. Defaults
            to 0.
        ignore_index (int): Ground-truth label of pixels that do not count.
            Defaults to 255.
        **kwargs: As for MMEngine's ``BaseMetric``.
    """

    def __init__(
        self,
        skip_background: bool = False,
        background_index: int | None = 0,
        ignore_index: int = 255,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.skip_background = skip_background
        self.background_index = self._background = background_index
        self.ignore_index = ignore_index

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the areas of each image.

        Args:
            data_batch: Unused.
            data_samples: Predictions as dicts, with ``pred_sem_seg`` and
                ``gt_sem_seg``, (1, H, W) or (H, W).

        Raises:
            ValueError: If a mask is missing, or does not fit.
        """
        count = len(self.dataset_meta['classes'])
        for sample in data_samples:
            self._background = sample.get(BACKGROUND, self.background_index)
            pair = label_pair(sample)
            name = f'the mask of {sample.get("img_path")}'
            areas = area_counts(*pair, count, self.ignore_index, name)
            self.results.append(pack_counts(areas))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Reduce the counts of all images.

        Args:
            results: One array of counts per image.

        Returns:
            dict[str, float]: ``FP`` and ``FN``; NaN where no class occurs.
        """
        areas = sum_counts(results, (len(self.dataset_meta['classes']), 3))
        if self.skip_background and self._background is not None:
            areas = np.delete(areas, self._background, axis=0)
        _, fp, fn = area_rates(areas)
        return {
            'FP': round(mean_score(fp), 2),
            'FN': round(mean_score(fn), 2),
        }
