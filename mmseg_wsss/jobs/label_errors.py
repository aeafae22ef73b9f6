"""The most doubted image labels of a config's images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmseg.registry import TRANSFORMS

from ..datasets.label_files.label_changes import LabelChange
from ..pseudo_labels.label_errors import label_doubts
from ..structures import foreground_indices
from .test_dataset import build_test_images, label_loader, without_masks

# Rows of a table, but for very few and for many images.
ROWS = 50


class LabelledImages:
    """The images of a config's ``test_dataloader``, and their labels.

    Args:
        cfg: The config; its test pipeline is emptied.

    Attributes:
        dataset: The data set, without pipeline.
        stems: Names of the N images.
        files: Names of their files.
        pipeline: The transforms that load and pack an image, without its
            mask.
        classes: Names of the K foreground classes.
        labels: Multi-hot labels (N, K), bool.

    Raises:
        ValueError: If the test pipeline loads no image labels, or they do
            not fit the images.
    """

    def __init__(self, cfg: Config) -> None:
        steps = list(cfg.test_dataloader.dataset.get('pipeline') or [])
        loader = label_loader(steps)
        if loader is None:
            raise ValueError(
                f'the test pipeline of {cfg.filename} loads no image labels: '
                "add dict(type='mmseg_wsss.LoadImageLabels', ann_file=..., "
                'classes=...) to it'
            )
        self.pipeline = without_masks(steps)
        self.dataset, self.stems, _ = build_test_images(cfg)
        load = TRANSFORMS.build({**loader, 'required': True})
        infos = map(self.dataset.get_data_info, range(len(self.stems)))
        loaded = [load.transform(info) for info in infos]
        # With suffix, as spreadsheets turn 0001 into a number.
        self.files = [Path(info['img_path']).name for info in loaded]
        vectors = np.stack([info['image_labels'] for info in loaded])
        kept = foreground_indices(
            vectors.shape[1], loaded[0]['background_index']
        )
        names = self.dataset.metainfo['classes']
        self.classes = [names[k] for k in kept]
        self.labels = vectors[:, kept] > 0


def doubted_labels(
    features: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    classes: Sequence[str],
) -> list[LabelChange]:
    """Return the most doubted labels as rows of a table, all to be kept.

    Args:
        features: One vector per image (N, D).
        labels: Multi-hot labels (N, K), bool.
        names: Names of the N images.
        classes: Names of the K classes.

    Returns:
        list[LabelChange]: One row for each image and class, the most doubted
        first: 50, or N / 10 where that is more, or N / 2 where that is less.

    Raises:
        ValueError: See :func:`label_doubts`.
    """
    found = label_doubts(features, labels)
    limit = max(len(names) // 10, min(ROWS, len(names) // 2))
    return [
        LabelChange(
            names[i], classes[k], bool(labels[i, k]), float(found.scores[i, k])
        )
        for i, k in found.ranked()[:limit]
    ]
