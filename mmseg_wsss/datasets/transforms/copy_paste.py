"""Copy-paste between an image and its single-label partner (CSD).

Yang et al., "Cross-domain Semantic Decoupling for Weakly-Supervised Semantic
Segmentation", BMVC 2023, Section 3.2. A pair gives two views: the partner's
object pasted into the target (x_sm^fg), and the partner's background pasted
over the target's (x_sm^bg). Pseudo labels say what is object and what is
background.

The partner lies over the target pixel by pixel, at scale 1, so that the cells
of their CAMs correspond one to one. All objects of the partner are pasted,
with hard edges. Background replaces background only: the target's objects
stay, and its labels with them.
"""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...structures import foreground_indices
from ...structures.labels import IGNORE_LABEL

# Share of the image below which a mask counts as empty: a handful of cells.
MIN_AREA = 0.01


def fit(array: np.ndarray, size: tuple[int, int], fill: int) -> np.ndarray:
    """Crop or fill an array (h, w, ...) at its bottom and right."""
    height, width = size
    fitted = np.full((height, width, *array.shape[2:]), fill, array.dtype)
    part = array[:height, :width]
    fitted[: part.shape[0], : part.shape[1]] = part
    return fitted


def paste(
    target: np.ndarray, source: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """Return the target with the pixels in a mask taken from the source.

    Args:
        target: (H, W, 3).
        source: (H, W, 3).
        mask: Bool (H, W).

    Returns:
        np.ndarray: (H, W, 3), of the target's dtype.
    """
    return np.where(mask[..., None], source, target).astype(target.dtype)


@TRANSFORMS.register_module()
class CSDCopyPaste(BaseTransform):
    """Add CSD's two pasted views of an image and its partner.

    Required keys: ``img``, ``gt_seg_map`` (a pseudo label), ``image_labels``,
    and ``partner``, a dict with the same keys, from
    :class:`mmseg_wsss.CSDDataset`. Added key: ``paste_views``, which
    :class:`mmseg_wsss.PackWSSSInputs` packs. The image itself and its labels
    stay as they are. An image without a partner, or whose masks are both
    smaller than a hundredth of the image, gets no views.

    ``background_index`` comes with the image labels. Without a background
    class no pixel is known to be background, and only the object is pasted.

    ``paste_views`` holds ``source``, the partner's image; ``foreground`` and
    ``background``, the pasted views, of the target's size;
    ``foreground_mask`` and ``background_mask`` (H, W), bool, the pasted
    pixels; ``labels`` (C,), the union of both images' labels, for the
    foreground view, or the target's if no object was pasted;
    ``target_labels`` (C,), for the background view; ``source_labels`` (C,);
    and ``background_index``.
    """

    def transform(self, results: dict) -> dict:
        """Add the views and remove the partner.

        Args:
            results: Result dict of the pipeline.

        Returns:
            dict: The same dict.

        Raises:
            ValueError: If a mask or labels are missing, or the partner has
                not exactly one class.
        """
        partner = results.pop('partner', None)
        if partner is None:
            return results
        for side in (results, partner):
            _check_keys(side)
        background = results.get('background_index', 0)
        size = results['img'].shape[:2]
        image = fit(partner['img'], size, 0)
        source = fit(partner['gt_seg_map'], size, IGNORE_LABEL)
        objects = _large_enough(source == _single_class(partner, background))
        both = np.zeros(size, bool)
        if background is not None:
            both = (source == background) & (
                results['gt_seg_map'] == background
            )
        both = _large_enough(both)
        if objects.any() or both.any():
            labels = results['image_labels']
            if objects.any():
                labels = np.maximum(labels, partner['image_labels'])
            results['paste_views'] = dict(
                source=partner['img'],
                foreground=paste(results['img'], image, objects),
                background=paste(results['img'], image, both),
                foreground_mask=objects,
                background_mask=both,
                labels=labels,
                target_labels=results['image_labels'],
                source_labels=partner['image_labels'],
                background_index=background,
            )
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


def _large_enough(mask: np.ndarray) -> np.ndarray:
    """Return the mask, or an empty one if it is too small."""
    return mask & (mask.mean() >= MIN_AREA)


def _single_class(partner: dict, background_index: int | None) -> int:
    labels = np.asarray(partner['image_labels'])
    foreground = foreground_indices(len(labels), background_index)
    classes = [k for k in foreground if labels[k] > 0]
    if len(classes) != 1:
        raise ValueError(
            'CSDCopyPaste needs a partner of one class, '
            f'{partner.get("img_path", "an image")} has {len(classes)}: take '
            'partners from CSDDataset'
        )
    return classes[0]


def _check_keys(results: dict) -> None:
    """Raise a ValueError that names the transform to add."""
    for key, step in (
        (
            'gt_seg_map',
            "dict(type='LoadAnnotations'), with pseudo labels in "
            'data_prefix.seg_map_path,',
        ),
        ('image_labels', "dict(type='mmseg_wsss.LoadImageLabels', ...)"),
    ):
        if key not in results:
            raise ValueError(
                f'CSDCopyPaste needs {key} of '
                f'{results.get("img_path", "an image")}: put {step} into the '
                "pipeline of CSDDataset's inner dataset"
            )
