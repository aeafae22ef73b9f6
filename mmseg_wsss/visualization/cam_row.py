"""An image, the CAMs of several networks and its mask, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..evaluation.cam_files import read_cam
from ..evaluation.cam_sweep import label_from_cam
from ..io.class_ids import original_class_ids
from ..io.labels import label_reader
from ..io.photos import read_photo
from .overlay import cam_overlay, label_overlay


class CAMRow:
    """Draw a row of pictures per image.

    The row holds the image and, drawn over it, the seed label of the CAMs in
    each folder, and the mask if the image has one. The background stays
    transparent.

    Args:
        dataset: An MMSeg data set; its classes, palette and ``label_map``
            apply.
        folders: Folders of ``<stem>.npz`` by name; the files hold class
            indices as mask files do.
        scores: Background score of each folder by name, in [0, 1]. None: the
            largest CAM of the image's classes is drawn as a heat map instead.
        background_index: Index of the background, None if there is none.
    """

    def __init__(
        self,
        dataset,
        folders: Mapping[str, Path],
        scores: Mapping[str, float] | None,
        background_index: int | None = 0,
    ):
        self.names = dataset.metainfo['classes']
        self.palette = dataset.metainfo['palette']
        self.folders = folders
        self.scores = scores
        # Seeds have such pixels even if no class is the background.
        self._transparent = (
            -1 if background_index is None else background_index
        )
        self._read_mask = label_reader(dataset)
        self._ids = original_class_ids(dataset.metainfo)

    def __call__(self, info: Mapping) -> tuple[list[np.ndarray], str]:
        """Draw one image's row.

        Args:
            info: The data set's ``get_data_info``.

        Returns:
            tuple: Pictures (H, W, 3) uint8, RGB, and a title, the image's
            name and the classes of its CAMs.

        Raises:
            ValueError: If a CAM file is damaged or holds a class that the
                data set does not use, or the mask is not of the image's size.
        """
        stem = Path(info['img_path']).stem
        image = read_photo(info['img_path'])
        row, present = [image], set()
        for name, folder in self.folders.items():
            path, size = Path(folder) / f'{stem}.npz', image.shape[:2]
            classes, cam = read_cam(path, self._ids, size, self._transparent)
            present.update(classes.tolist())
            if self.scores is None:
                row.append(cam_overlay(image, cam.max(0, initial=0)))
                continue
            label = label_from_cam(
                classes, cam, size, self.scores[name], self._transparent
            )
            row.append(self._overlay(image, label))
        mask_path = info.get('seg_map_path')
        if mask_path and Path(mask_path).is_file():
            mask = self._read_mask(mask_path)
            if mask.shape != image.shape[:2]:
                raise ValueError(
                    f'{mask_path} has size {mask.shape}, its image '
                    f'{image.shape[:2]}'
                )
            row.append(self._overlay(image, mask))
        names = ', '.join(self.names[k] for k in sorted(present))
        return row, f'{stem}: {names}'

    def _overlay(self, image: np.ndarray, label: np.ndarray) -> np.ndarray:
        return label_overlay(
            image, label, self.palette, background_index=self._transparent
        )
