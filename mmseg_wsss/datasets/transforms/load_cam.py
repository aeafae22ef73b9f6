"""Pipeline step that loads an image's CAMs from disk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...io.cam import load_cam
from ...io.folders import require_folder
from ...structures import foreground_indices
from .grid import check_grid
from .keys import background_of, class_ids, require, require_image


@TRANSFORMS.register_module()
class LoadCAM(BaseTransform):
    """Load the CAMs that ``tools/make_cams.py`` wrote, at the image's size.

    Required keys: ``img``, ``img_path``, ``image_labels``. Added keys:
    ``scores``, float32 (K, H, W) in [0, 1], and ``score_classes``, int64
    (K,), rising, one row per foreground label of the image, and one of the
    background where the file has it (SIPE);
    see :mod:`mmseg_wsss.datasets.transforms.keys`.

    Args:
        cam_dir: Folder of the files ``<stem>.npz``.

    Raises:
        ValueError: If there is no such folder.
    """

    def __init__(self, cam_dir: str | os.PathLike) -> None:
        self.cam_dir = require_folder(
            cam_dir,
            'CAMs',
            'write them with tools/make_cams.py, or set cam_dir',
        )

    def transform(self, results: dict) -> dict:
        """Add ``scores`` and ``score_classes``.

        Args:
            results: Result dict of the pipeline.

        Returns:
            dict: The same dict.

        Raises:
            ValueError: If the file is missing or damaged, its size is not
                that of the image, or its classes are not the image labels.
        """
        size = require_image(results, self).shape[:2]
        path = self.cam_dir / f'{Path(results["img_path"]).stem}.npz'
        try:
            on_disk, cam = load_cam(path)
        except FileNotFoundError as error:
            raise ValueError(f'the image has no CAM, {path}') from error
        check_grid(path, 'CAMs', cam.shape[1:], size)
        classes = self._classes(path, on_disk, results)
        order = classes.argsort()
        scores = np.zeros((0, *size), np.float32)
        if len(classes):
            maps = torch.from_numpy(cam[order].astype(np.float32))[None]
            scores = F.interpolate(
                maps, size, mode='bilinear', align_corners=False
            )[0].numpy()
        results['scores'] = scores
        results['score_classes'] = classes[order]
        return results

    def _classes(
        self, path: Path, on_disk: np.ndarray, results: dict
    ) -> np.ndarray:
        """Map the file's class indices to those in use, and check them."""
        labels = require(results, 'image_labels', self)
        ids = class_ids(results, self)
        in_use = {id_: k for k, id_ in enumerate(ids)}
        background = background_of(results)
        foreground = foreground_indices(len(labels), background)
        expected = [k for k in foreground if labels[k] > 0]
        found = [in_use.get(id_, -1) for id_ in on_disk.tolist()]
        if sorted(k for k in found if k != background) != expected:
            raise ValueError(
                f'{path} holds CAMs of the class indices '
                f'{sorted(on_disk.tolist())}, the image labels are '
                f'{[ids[k] for k in expected]}: the label file and the CAMs '
                'disagree; write the CAMs again, or fix the labels'
            )
        return np.array(found, dtype=np.int64)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(cam_dir='{self.cam_dir}')"
