"""How often the anchor of OCR is the true class (OCR, App. A)."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from mmseg.registry import METRICS

from ..io.class_ids import original_class_ids
from ..io.folders import require_folder
from ..io.labels import read_pseudo_label
from ..structures.image_labels import BACKGROUND
from ..structures.labels import IGNORE_LABEL
from .areas import label_of
from .out_of_candidate_metric import OutOfCandidateMetric


@METRICS.register_module()
class AnchorMetric(OutOfCandidateMetric):
    """Shares of the out-of-candidate (OC) pixels, in percent.

    OCR moves an OC pixel to its anchor, the candidate with the highest score
    (Eq. 8); its appendix names the assumption that the anchor is the true
    class. True masks show how often that holds:

    - ``OC_anchor_right``: the anchor is the true class,
    - ``OC_anchor_background``: the anchor is the background,
    - ``OC_truth_background``: the true class is the background,
    - ``OC_label_right``: the pseudo label, towards which the cross-entropy
      moves the pixel, is the true class. Only with ``label_dir``.

    Without an OC pixel there are no shares. Pixels the mask ignores do not
    count. Masks are read by this evaluation and by no loss. To look at the
    images that OCR learned from, evaluate the training images that have
    masks, as ``configs/ocr/README.md`` says.

    Args:
        label_dir (str, optional): Folder of the pseudo labels
            ``<stem>.png`` that the segmentor learned from. Pixels without a
            pseudo label do not count then: OCR does not act there, but where
            a teacher of MARS fills the biased ones. Defaults to None.
        **kwargs: See :class:`OutOfCandidateMetric`.

    Raises:
        ValueError: If there is no folder ``label_dir``.
    """

    def __init__(
        self, label_dir: str | os.PathLike | None = None, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.label_dir = label_dir
        if label_dir is not None:
            self.label_dir = require_folder(
                label_dir,
                'pseudo labels',
                'set label_dir of AnchorMetric to the one that the segmentor '
                'learned from, or to None',
            )

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the OC pixels of each image.

        Args:
            data_batch: Unused.
            data_samples: Predictions as dicts, with ``seg_logits`` (C, H, W)
                and ``gt_sem_seg`` (1, H, W).

        Raises:
            ValueError: If an image has no scores, no mask or no pseudo label,
                or they do not fit.
        """
        for sample in data_samples:
            scores, truth = self._scores_and_truth(sample)
            known = truth != self.ignore_index
            candidate = self._candidates(sample, truth[known])
            anchor = np.where(candidate[:, None, None], scores, -np.inf)
            anchor = anchor.argmax(0)
            oc = known & ~candidate[scores.argmax(0)]
            right = 0
            if self.label_dir is not None:
                label = self._label(sample, truth.shape)
                oc &= label != IGNORE_LABEL
                right = (label == truth)[oc].sum()
            anchor, truth = anchor[oc], truth[oc]
            background = sample.get(BACKGROUND, self.background_index)
            counts = [
                oc.sum(),
                (anchor == truth).sum(),
                (anchor == background).sum(),
                (truth == background).sum(),
                right,
            ]
            self.results.append([int(count) for count in counts])

    def _scores_and_truth(self, sample: dict) -> tuple:
        """Return scores (C, H, W), float32, and the true mask (H, W)."""
        name = sample.get('img_path')
        count = len(self.dataset_meta['classes'])
        if 'gt_sem_seg' not in sample or 'seg_logits' not in sample:
            raise ValueError(
                f'{name}: AnchorMetric needs the scores of a segmentor and a '
                'mask: add LoadAnnotations to the test pipeline'
            )
        scores = sample['seg_logits']['data'].float().cpu().numpy()
        truth = label_of(sample, 'gt_sem_seg')
        if scores.shape != (count, *truth.shape):
            raise ValueError(
                f'{name}: AnchorMetric needs scores {(count, *truth.shape)} '
                f'of {count} classes at the size of the mask, got '
                f'{scores.shape}; in the test pipeline LoadAnnotations '
                'belongs after Resize'
            )
        return scores, truth

    def _label(self, sample: dict, size: tuple) -> np.ndarray:
        """Return the pseudo label (H, W), uint8, over the classes in use."""
        label = read_pseudo_label(self.label_dir, sample['img_path'], size)
        table = np.full(256, IGNORE_LABEL, np.uint8)
        ids = original_class_ids(self.dataset_meta)
        table[ids] = np.arange(len(ids))
        return table[label]

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Reduce the counts of all images.

        Args:
            results: Five counts per image.

        Returns:
            dict[str, float]: The shares, percent; empty without an OC pixel.
        """
        total, *counts = np.array(results, np.int64).reshape(-1, 5).sum(0)
        names = ['anchor_right', 'anchor_background', 'truth_background']
        names += [] if self.label_dir is None else ['label_right']
        return {
            f'OC_{name}': round(100 * float(count) / float(total), 2)
            for name, count in zip(names, counts, strict=False)
            if total
        }
