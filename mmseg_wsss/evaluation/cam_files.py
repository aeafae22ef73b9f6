"""CAM files: written out of scores, and read beside a data set's masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..io.cam import load_cam
from ..io.class_ids import original_class_ids
from ..io.folders import require_folder
from ..io.labels import label_reader
from ..structures.labels import IGNORE_LABEL
from .cam_sweep import drop_background


def read_cam(
    path: Path, ids: Sequence[int], size: tuple[int, int], background: int
) -> tuple[np.ndarray, np.ndarray]:
    """Read an image's CAMs over the classes in use.

    Args:
        path: File of :func:`~mmseg_wsss.io.save_cam`.
        ids: Class index in the file of each class in use.
        size: Height and width of the image.
        background: Index of the background among the classes in use.

    Returns:
        tuple: Foreground classes (K,) int64 and CAMs (K, h, w) in [0, 1],
        relative to a background map where the file has one
        (:func:`drop_background`; then (K, H, W)).

    Raises:
        ValueError: If the file is damaged or holds an unknown class.
    """
    found, cam = load_cam(path)
    in_use = {id_: k for k, id_ in enumerate(ids)}
    unknown = sorted(set(found.tolist()) - set(in_use))
    if unknown:
        raise ValueError(
            f'{path} holds class index {unknown[0]}, the data set knows '
            f'{sorted(in_use)}: was it written with the classes of this '
            'config?'
        )
    classes = np.array([in_use[k] for k in found.tolist()], np.int64)
    return drop_background(classes, cam, size, background)


class CAMFiles:
    """A sequence of the images of a data set: CAMs and mask.

    Everything is checked, and each message names the file.

    Args:
        dataset: An MMSeg data set with masks.
        cam_dir: Folder of ``<stem>.npz``, see :func:`~mmseg_wsss.io.save_cam`;
            class indices are those of the mask files.
        background_index: Index of the background among the classes in use.

    Raises:
        ValueError: If an image's CAM file or mask is missing.
    """

    def __init__(self, dataset, cam_dir: Path, background_index: int = 0):
        self.cam_dir = require_folder(
            cam_dir, 'CAMs', 'write them with tools/make_cams.py'
        )
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
        self.stems = [Path(info['img_path']).stem for info in infos]
        self.masks = [info.get('seg_map_path') for info in infos]
        self._check_files()
        self._read_mask = label_reader(dataset)
        self._count = len(dataset.metainfo['classes'])
        self._background = background_index
        self._ids = original_class_ids(dataset.metainfo)

    def _check_files(self) -> None:
        stored = {path.name for path in self.cam_dir.glob('*.npz')}
        lacking = [s for s in self.stems if f'{s}.npz' not in stored]
        if lacking:
            raise ValueError(
                f'{len(lacking)} of {len(self.stems)} images have no CAM, '
                f'e.g. {self.cam_dir / lacking[0]}.npz: write them with '
                'tools/make_cams.py, on the same test_dataloader'
            )
        lacking = [
            m or f'of {s}'
            for s, m in zip(self.stems, self.masks, strict=True)
            if not m or not Path(m).is_file()
        ]
        if lacking:
            raise ValueError(
                f'{len(lacking)} of {len(self.stems)} images have no mask, '
                f'e.g. {lacking[0]}: set data_prefix.seg_map_path of '
                'test_dataloader.dataset'
            )

    def __len__(self) -> int:
        return len(self.stems)

    def __getitem__(
        self, index: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Read an image's files.

        Args:
            index: Position of the image.

        Returns:
            tuple: Classes and CAMs of :func:`read_cam`, and mask (H, W)
            uint8.

        Raises:
            ValueError: If a file is damaged or holds an unknown class.
        """
        try:
            mask = self._read_mask(self.masks[index])
        except OSError as error:
            raise ValueError(
                f'{self.masks[index]} is not a mask: {error}'
            ) from error
        odd = np.setdiff1d(mask, [*range(self._count), IGNORE_LABEL])
        if mask.ndim != 2 or odd.size:
            raise ValueError(
                f'{self.masks[index]} has shape {mask.shape} and labels '
                f'{odd.tolist()[:5]} beyond the {self._count} classes and '
                f'{IGNORE_LABEL}: a mask holds class indices (H, W)'
            )
        path = self.cam_dir / f'{self.stems[index]}.npz'
        return *read_cam(path, self._ids, mask.shape, self._background), mask
