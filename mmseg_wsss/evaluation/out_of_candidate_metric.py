"""How often predictions leave an image's candidate classes (OCR, Fig. 6a)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS

from ..structures.image_labels import BACKGROUND
from ..utils import check_option
from .areas import check_classes, label_of, label_pair


@METRICS.register_module()
class OutOfCandidateMetric(BaseMetric):
    """Rates of out-of-candidate (OC) errors, in percent.

    A pixel is OC if its predicted class is not among the image's labels and
    is not the background. ``OC_image_rate`` is the share of images with an OC
    pixel, ``OC_image_rate_1pct`` that of images with more than 1 % of their
    area, ``OC_pixel_rate`` the share of OC pixels among all pixels. Pixels
    the ground truth ignores do not count.

    The paper reports a rate of images with OC errors and leaves the number of
    pixels open.

    Args:
        labels_from (str): 'image_labels' uses those the pipeline loaded,
            'auto' the classes of the ground-truth mask where there are none.
            Defaults to 'auto'.
        background_index (int, optional): Index of the background of samples
            that LoadImageLabels gave none, None if the data set has none.
            Defaults to 0.
        ignore_index (int): Ground-truth label that does not count. Defaults
            to 255.
        **kwargs: As for MMEngine's ``BaseMetric``.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        labels_from: str = 'auto',
        background_index: int | None = 0,
        ignore_index: int = 255,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_option('labels_from', labels_from, ('auto', 'image_labels'))
        self.labels_from = labels_from
        self.background_index = background_index
        self.ignore_index = ignore_index

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the OC pixels of each image.

        Args:
            data_batch: Unused.
            data_samples: Predictions as dicts, with ``pred_sem_seg`` (1, H, W)
                or (H, W).

        Raises:
            ValueError: If an image has no labels, or a mask does not fit.
        """
        for sample in data_samples:
            if 'gt_sem_seg' in sample:
                prediction, mask = label_pair(sample)
                valid = mask != self.ignore_index
                prediction, mask = prediction[valid], mask[valid]
            else:
                prediction, mask = label_of(sample, 'pred_sem_seg'), None
            out = ~self._candidates(sample, mask)[prediction]
            self.results.append((int(out.sum()), out.size))

    def _candidates(self, sample: dict, mask: np.ndarray | None) -> np.ndarray:
        """Return the classes that the image may hold, bool (C,).

        ``mask`` holds the labels (n,) of the pixels that count.
        """
        labels = sample.get('image_labels')
        if labels is not None:
            candidate = labels.cpu().numpy() > 0
        elif self.labels_from == 'auto':
            if mask is None:
                raise ValueError(
                    f'{sample.get("img_path")} has neither image labels nor a '
                    'mask: add LoadImageLabels or LoadAnnotations to the '
                    'pipeline'
                )
            count = len(self.dataset_meta['classes'])
            name = f'the mask of {sample.get("img_path")}'
            check_classes(mask, count, self.ignore_index, name)
            candidate = np.zeros(count, dtype=bool)
            candidate[mask] = True
        else:
            raise ValueError(
                f'{sample.get("img_path")} has no image labels: add '
                'LoadImageLabels to the pipeline, or see whether its label '
                'file is there and names the image'
            )
        background = sample.get(BACKGROUND, self.background_index)
        if background is not None:
            candidate[background] = True
        return candidate

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Reduce the counts of all images.

        Args:
            results: One (OC pixels, pixels) pair per image.

        Returns:
            dict[str, float]: ``OC_image_rate``, ``OC_image_rate_1pct`` and
            ``OC_pixel_rate``, percent.
        """
        out, area = np.array(results, dtype=np.int64).reshape(-1, 2).T
        return {
            'OC_image_rate': _percent((out > 0).mean(), 2),
            'OC_image_rate_1pct': _percent((100 * out > area).mean(), 2),
            'OC_pixel_rate': _percent(out.sum() / max(area.sum(), 1), 3),
        }


def _percent(share: float, digits: int) -> float:
    return round(float(share) * 100, digits)
