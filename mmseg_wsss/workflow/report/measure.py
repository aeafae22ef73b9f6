"""Label maps of a stage compared with masks, image by image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...evaluation.areas import area_rates, areas_of, confusion
from ...evaluation.contours import contour_counts, contour_scores, mean_score
from .images import UNREADABLE, Images


@dataclass
class Measured:
    """Comparison of the label maps of a stage with masks.

    Attributes:
        confusion: (C, C + 1) int64, the sum of
            :func:`~mmseg_wsss.evaluation.areas.confusion`.
        contours: (C, 4) int64, sums of
            :func:`~mmseg_wsss.evaluation.contours.contour_counts`.
        images: How many images were compared.
        out: How many of them have a pixel outside their candidate classes.
        miou: Mean IoU of each image in percent, by stem.
        errors: What is wrong with images that cannot be compared, by stem.
    """

    confusion: np.ndarray
    contours: np.ndarray
    images: int = 0
    out: int = 0
    miou: dict[str, float] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def rates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return IoU, FP and FN share of each class (C,) in percent."""
        return area_rates(areas_of(self.confusion))

    def no_mask(self) -> list[int]:
        """Return the indices of the classes that no mask shows."""
        return np.flatnonzero(self.confusion.sum(1) == 0).tolist()

    def num_counted(self) -> int:
        """Return the number of classes that mIoU is the mean over."""
        return int((~np.isnan(self.rates()[0])).sum())

    def figures(self) -> dict[str, float]:
        """Return the figures in percent; empty without images."""
        if not self.images:
            return {}
        iou, fp, fn = map(mean_score, self.rates())
        return {
            'mIoU': iou,
            'FP': fp,
            'FN': fn,
            'F': mean_score(contour_scores(self.contours)[2]),
            'OC_image_rate': 100 * self.out / self.images,
        }


def measure(
    images: Images, folder: Path, stems: Sequence[str], predicted: bool
) -> Measured:
    """Compare the label maps in a folder with the masks.

    Args:
        images: The images, their classes and masks.
        folder: Folder of ``<stem>.png``.
        stems: The images to compare; those without file or mask are left
            out.
        predicted: Whether the files are predictions as MMSeg's IoUMetric
            writes them, rather than label files of mmseg_wsss.

    Returns:
        Measured: Figures, and errors of images that cannot be compared.
    """
    count = len(images.classes)
    found = Measured(
        np.zeros((count, count + 1), np.int64), np.zeros((count, 4), np.int64)
    )
    for stem in stems:
        path = folder / f'{stem}.png'
        if not path.is_file() or not images.has_mask(stem):
            continue
        try:
            label = images.read_label(path, predicted)
            mask = images.read_mask(stem)
            part = confusion(label, mask, count)
            contours = contour_counts(
                label, mask, count, background_index=images.background
            )
        except UNREADABLE as error:
            found.errors[stem] = str(error)
            continue
        found.confusion += part
        found.contours += contours
        found.images += 1
        found.miou[stem] = mean_score(area_rates(areas_of(part))[0])
        candidate = images.candidates(stem)
        if candidate is None:
            candidate = part.any(1)
            if images.background is not None:
                candidate[images.background] = True
        found.out += bool(part[:, :count].any(0)[~candidate].any())
    return found
