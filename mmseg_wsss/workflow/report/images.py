"""The images that a stage worked on: photos, masks, image labels."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmseg.registry import TRANSFORMS

from ...datasets.palette import voc_palette
from ...io.labels import label_reader, read_label
from ...io.photos import read_photo
from ...jobs.test_dataset import (
    build_test_images,
    label_loader,
    read_background,
)

# What reading a picture that is missing or damaged raises.
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError)


class Images:
    """The images of a config's ``test_dataloader``.

    Args:
        cfg: The config; it is not changed.

    Attributes:
        classes: Names of the C classes in use.
        palette: An RGB triple of 0 to 255 for each.
        background: Index of the background, or None.
        stems: Names of the images, in the data set's order.

    Raises:
        ValueError: If the data set cannot be built or read, or two images
            share a stem.
    """

    def __init__(self, cfg: Config):
        found = build_test_images(copy.deepcopy(cfg))
        dataset, self.stems, self.background = found
        loader = label_loader(cfg.to_dict())
        if loader is not None:
            self.background = read_background(loader, dataset.metainfo)
            loader = TRANSFORMS.build({**loader, 'allow_empty': True})
        self._load_labels = loader
        self.classes = list(dataset.metainfo['classes'])
        palette = list(dataset.metainfo.get('palette') or [])
        if len(palette) < len(self.classes):
            palette = voc_palette(len(self.classes))
        self.palette = palette
        self._shift = bool(dataset.reduce_zero_label)
        self._read = label_reader(dataset)
        infos = map(dataset.get_data_info, range(len(dataset)))
        self._infos = dict(zip(self.stems, infos, strict=True))
        self._candidates: dict[str, np.ndarray | None] = {}

    @property
    def key(self) -> tuple:
        """Equal for two of the same images, masks and classes."""
        files = (
            (info['img_path'], info.get('seg_map_path'))
            for info in self._infos.values()
        )
        return (*self.classes, *files)

    def has_mask(self, stem: str) -> bool:
        """Return whether an image has a mask."""
        path = self._infos[stem].get('seg_map_path')
        return bool(path) and Path(path).is_file()

    def read_mask(self, stem: str) -> np.ndarray:
        """Read an image's mask, (H, W) uint8 over the classes in use."""
        return self._read(self._infos[stem]['seg_map_path'])

    def read_label(self, path: Path, predicted: bool) -> np.ndarray:
        """Read a label map, (H, W) uint8 over the classes in use.

        Args:
            path: The file.
            predicted: Whether MMSeg's IoUMetric wrote it: it writes the
                classes in use, from 1 on with ``reduce_zero_label``. The
                label files of mmseg_wsss hold the ids of the masks.

        Raises:
            ValueError: If it has colours.
        """
        label = read_label(path) if predicted else self._read(path)
        if label.ndim != 2:
            raise ValueError(f'{path} is no label map: {label.shape}')
        # 0 becomes 255, ignored.
        return label - np.uint8(1) if predicted and self._shift else label

    def read_photo(self, stem: str, side: int) -> np.ndarray:
        """Read a photo, upright, its longer side at most ``side`` pixels.

        Returns:
            np.ndarray: (h, w, 3) uint8, RGB.
        """
        return read_photo(self._infos[stem]['img_path'], side)

    def candidates(self, stem: str) -> np.ndarray | None:
        """Return which classes an image may hold, by its image labels.

        Returns:
            np.ndarray | None: Bool (C,), the background included; None for
            an image without image labels.
        """
        if stem not in self._candidates:
            self._candidates[stem] = self._labels(stem)
        return self._candidates[stem]

    def _labels(self, stem: str) -> np.ndarray | None:
        if self._load_labels is None:
            return None
        try:
            labels = self._load_labels(dict(self._infos[stem]))
        except (OSError, ValueError):
            return None
        vector = labels.get('image_labels')  # none if they are not required
        if vector is None or len(vector) != len(self.classes):
            return None
        return vector > 0
