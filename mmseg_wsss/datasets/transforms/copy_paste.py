"""Copy-paste between an image and its single-label partner (CSD, BMVC 2023).

Yang et al., "Cross-domain Semantic Decoupling for Weakly-Supervised Semantic
Segmentation", Section 3.2. Two views come out of a pair: the partner's object
pasted into the target (x_sm^fg), and the partner's background pasted in place
of the target's (x_sm^bg). What object and background are, pseudo labels say.

Where the paper says nothing, or the author's snapshot differs:

* Placement: the paper has "random blending", the snapshot lays the partner
  over the target pixel by pixel, at scale 1. The overlay is the default: the
  cells of the CAMs then correspond one to one. 'random' moves the object by
  multiples of the network's stride and shrinks it (0.6 to 1, which the
  snapshot has but does not use); the teacher's map is moved likewise.
* Background goes over background only, as in the snapshot: the target's
  objects stay, and its labels with them. It is never moved.
* Edges are hard. All objects of the partner are pasted.
* A mask smaller than ``min_area``, also an empty one where the crop or the
  pseudo label misses the object, pastes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...structures import foreground_indices
from ...utils import check_option

PLACEMENTS = ('overlay', 'random')


def fit(array: np.ndarray, size: tuple[int, int], fill: int) -> np.ndarray:
    """Cut or fill an array (h, w, ...) at its bottom and right to ``size``."""
    height, width = size
    fitted = np.full((height, width, *array.shape[2:]), fill, array.dtype)
    part = array[:height, :width]
    fitted[: part.shape[0], : part.shape[1]] = part
    return fitted


def paste(
    target: np.ndarray, source: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """Take the pixels in ``mask`` (H, W) from ``source``, others from target.

    Args:
        target: (H, W, 3).
        source: (H, W, 3).
        mask: Bool (H, W).

    Returns:
        np.ndarray: (H, W, 3), of the target's dtype.
    """
    return np.where(mask[..., None], source, target).astype(target.dtype)


def place_object(
    image: np.ndarray,
    mask: np.ndarray,
    size: tuple[int, int],
    scale: float,
    stride: int,
) -> tuple[np.ndarray, np.ndarray, tuple[float, float, int, int]]:
    """Shrink an object and move it to a random place of another image.

    The object stays inside as far as it fits. Uses NumPy's global generator.

    Args:
        image: Picture with the object (h, w, 3).
        mask: Its object (h, w), bool, with at least one pixel.
        size: Height and width of the other image.
        scale: Factor of the object's size.
        stride: Its picture moves by multiples of this many pixels.

    Returns:
        tuple: The moved picture (H, W, 3), the moved mask (H, W), and the
        placement: scale along y and x, and where the picture's top left
        corner went (y, x). A point p of the picture lies at scale * p + that.
    """
    sides = [max(1, round(side * scale)) for side in mask.shape]
    image = mmcv.imresize(image, sides[::-1])
    small = mmcv.imresize(
        mask.astype(np.uint8), sides[::-1], interpolation='nearest'
    ).astype(bool)
    corner = []
    for axis in (0, 1):
        there = np.flatnonzero(small.any(1 - axis))
        first, last = (there[0], there[-1]) if there.size else (0, 0)
        lowest = -(first // stride)
        highest = max(lowest, (size[axis] - 1 - last) // stride)
        corner.append(int(np.random.randint(lowest, highest + 1)) * stride)
    moved = [np.zeros((*size, 3), image.dtype), np.zeros(size, bool)]
    inside, outside = [], []
    for side, start, limit in zip(sides, corner, size, strict=True):
        inside.append(slice(max(0, -start), min(side, limit - start)))
        outside.append(slice(max(0, start), min(side + start, limit)))
    for canvas, array in zip(moved, (image, small), strict=True):
        canvas[tuple(outside)] = array[tuple(inside)]
    scales = [a / b for a, b in zip(sides, mask.shape, strict=True)]
    return *moved, (*scales, *corner)


@TRANSFORMS.register_module()
class CSDCopyPaste(BaseTransform):
    """Make CSD's two pasted views of an image and its partner.

    Required keys: ``img``, ``gt_seg_map`` (a pseudo label), ``image_labels``,
    and ``partner``, a dict with the same keys, from
    :class:`mmseg_wsss.CSDDataset`. Added key: ``paste_views``, which
    :class:`mmseg_wsss.PackWSSSInputs` packs. The image itself and its labels
    stay as they are. An image without a partner, or from which neither view
    can be made, gets no views.

    ``paste_views`` holds ``source``, the partner's picture; ``foreground``
    and ``background``, the pasted views, of the target's size;
    ``foreground_mask`` and ``background_mask`` (H, W), bool, what was pasted;
    ``labels`` (C,), the union of both images' labels, for the foreground
    view, or the target's where no object was pasted; ``target_labels`` (C,),
    for the background view; ``source_labels`` (C,); and ``placement`` where
    it is not the overlay.

    Args:
        placement (str): 'overlay' or 'random'. Defaults to 'overlay'.
        scale_range (Sequence[float]): Smallest and largest factor of the
            object's size under 'random'. Defaults to (0.6, 1.0).
        stride (int): Stride of the CAM, in pixels, for 'random'. Defaults to
            16.
        min_area (float): Share of the image below which a mask counts as
            empty, in [0, 1]. Defaults to 0.01: less is a handful of cells.
        background_index (int, optional): The data set's background class;
            None if there is none: nothing is known to be background then,
            and only the foreground is pasted. Defaults to 0.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        placement: str = 'overlay',
        scale_range: Sequence[float] = (0.6, 1.0),
        stride: int = 16,
        min_area: float = 0.01,
        background_index: int | None = 0,
    ) -> None:
        check_option('placement', placement, PLACEMENTS)
        low, high = scale_range
        if not 0 < low <= high:
            raise ValueError(
                'scale_range must be two factors, 0 < low <= high, got '
                f'{scale_range}'
            )
        if stride < 1 or not 0 <= min_area <= 1:
            raise ValueError(
                'stride must be >= 1 and min_area in [0, 1], got '
                f'{stride} and {min_area}'
            )
        self.placement = placement
        self.scale_range = float(low), float(high)
        self.stride = stride
        self.min_area = min_area
        self.background_index = background_index

    def transform(self, results: dict) -> dict:
        """Add the views, and drop the partner.

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
        size = results['img'].shape[:2]
        own_class = self._single_class(partner)
        picture = fit(partner['img'], size, 0)
        source = fit(partner['gt_seg_map'], size, 255)
        mask = self._large_enough(source == own_class)
        placement = None
        pasted = picture
        if self.placement == 'random' and mask.any():
            scale = float(np.random.uniform(*self.scale_range))
            pasted, mask, placement = place_object(
                partner['img'],
                partner['gt_seg_map'] == own_class,
                size,
                scale,
                self.stride,
            )
            mask = self._large_enough(mask)
        both = np.zeros(size, bool)
        if self.background_index is not None:
            both = source == self.background_index
            both &= results['gt_seg_map'] == self.background_index
        both = self._large_enough(both)
        if mask.any() or both.any():
            labels = results['image_labels']
            if mask.any():
                labels = np.maximum(labels, partner['image_labels'])
            results['paste_views'] = dict(
                source=partner['img'],
                foreground=paste(results['img'], pasted, mask),
                background=paste(results['img'], picture, both),
                foreground_mask=mask,
                background_mask=both,
                labels=labels,
                target_labels=results['image_labels'],
                source_labels=partner['image_labels'],
                placement=placement,
            )
        return results

    def _large_enough(self, mask: np.ndarray) -> np.ndarray:
        """Return the mask, or an empty one where it is too small."""
        return mask & (mask.mean() >= self.min_area)

    def _single_class(self, partner: dict) -> int:
        labels = np.asarray(partner['image_labels'])
        foreground = foreground_indices(len(labels), self.background_index)
        classes = [k for k in foreground if labels[k] > 0]
        if len(classes) != 1:
            raise ValueError(
                f'CSDCopyPaste needs a partner of one class, '
                f'{partner.get("img_path", "an image")} has {len(classes)}: '
                'do background_index of CSDDataset and CSDCopyPaste agree?'
            )
        return classes[0]

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(placement='{self.placement}', "
            f'scale_range={self.scale_range}, stride={self.stride}, '
            f'min_area={self.min_area}, '
            f'background_index={self.background_index})'
        )


def _check_keys(results: dict) -> None:
    """Raise a ValueError that names the transform to add."""
    for key, step in (
        ('gt_seg_map', "dict(type='LoadAnnotations')"),
        ('image_labels', "dict(type='mmseg_wsss.LoadImageLabels', ...)"),
    ):
        if key not in results:
            raise ValueError(
                f'CSDCopyPaste needs {key} of '
                f'{results.get("img_path", "an image")}: put {step} into the '
                "pipeline of CSDDataset's inner dataset"
                + (
                    ', with pseudo labels in data_prefix.seg_map_path'
                    if key == 'gt_seg_map'
                    else ''
                )
            )
