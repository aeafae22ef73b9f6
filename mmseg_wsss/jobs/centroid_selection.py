"""Selecting the debiased centroids among those of all images (MARS)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.logging import print_log

from ..io.centroid_shards import load_shards
from ..io.centroids import DebiasedCentroids
from ..io.class_ids import original_class_ids
from ..pseudo_labels.mars_selection import select_debiased


def selection_options(cfg: Config) -> dict:
    """Return a config's options of the selection: alpha and distance.

    Raises:
        ValueError: If there is another one, or alpha is no number.
    """
    options = dict(cfg.get('selection') or {})
    unknown = sorted(set(options) - {'alpha', 'distance'})
    if unknown or isinstance(options.get('alpha'), str):
        raise ValueError(
            f"selection takes dict(alpha=0.4, distance='mean'), got {options}"
        )
    return options


def select_centroids(
    shard_dir: Path,
    meta: Mapping,
    background_index: int,
    feature_origin: str,
    **options,
) -> DebiasedCentroids:
    """Select the debiased centroids and log how many each class has.

    Args:
        shard_dir: Folder of the shards.
        meta: The data set's ``metainfo``.
        background_index: Index of the background among the classes in use.
        feature_origin: Where the features come from, see
            :func:`folder_origin`.
        **options: See :func:`selection_options`.

    Returns:
        DebiasedCentroids: One centroid per foreground class that occurs.

    Raises:
        ValueError: If an option is out of range, or a shard is damaged.
    """
    selection = select_debiased(
        lambda: ((c, k) for c, k, _ in load_shards(shard_dir)),
        background_index=background_index,
        **options,
    )
    classes = selection.classes.tolist()
    ids, names = original_class_ids(meta), meta['classes']
    result = DebiasedCentroids(
        class_ids=np.array([ids[k] for k in classes], np.int64),
        centroids=selection.centroids.numpy(),
        found=selection.found.numpy(),
        kept=np.array([len(rows) for rows in selection.chosen], np.int64),
        feature_origin=np.array(feature_origin),
    )
    for k, kept, found in zip(classes, result.kept, result.found, strict=True):
        print_log(
            f'  {names[k]:<14} {kept:6} of {found:6} centroids',
            logger='current',
        )
    absent = set(range(len(names))) - {background_index, *classes}
    if absent:
        print_log(
            'no region to cluster has the class '
            f'{", ".join(names[k] for k in sorted(absent))}: its pixels will '
            'not change',
            logger='current',
        )
    return result
