"""Clustering the regions of a data set's images, in parts on disk (MARS).

A part holds the centroids of some hundred images in turn, so that a stopped
run goes on and any number of ranks writes the same files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import broadcast_object_list, get_rank, get_world_size
from torch import Tensor

from ..io.atomic import atomic_write
from .image_jobs import ImagePipeline, Outcome, gather_errors, run_images

FIELDS = ('centroids', 'classes', 'image')


class Clustering(ImagePipeline):
    """A data set whose items are the centroids and classes of an image."""

    def finish(
        self, stem: str, results: dict | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Take the centroids off an image's results."""
        if results is None or 'centroids' not in results:
            raise ValueError(
                'the pipeline made no centroids: end it with '
                "dict(type='mmseg_wsss.RegionCentroids')"
            )
        return results['centroids'], results['centroid_classes']


def background_of(pipeline: Sequence[dict]) -> int:
    """Read the background's index off LoadImageLabels.

    Raises:
        ValueError: If the pipeline does not end in RegionCentroids.
    """
    if not pipeline[-1]['type'].endswith('RegionCentroids'):
        raise ValueError(
            'a pipeline that clusters ends in '
            "dict(type='mmseg_wsss.RegionCentroids'), this one in "
            f'{pipeline[-1]["type"]}'
        )
    loaders = [s for s in pipeline if s['type'].endswith('LoadImageLabels')]
    return loaders[0].get('background_index', 0) if loaders else 0


def selection_options(cfg: Config) -> dict:
    """Read the options of the selection: alpha and distance.

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


def part_file(folder: Path, number: int) -> Path:
    """Name the file of a part."""
    return folder / f'{number:06}.npz'


def missing_parts(folder: Path, images: int, size: int) -> list[int]:
    """List the numbers of the parts that are not there."""
    numbers = range(-(-images // size))
    return [k for k in numbers if not part_file(folder, k).is_file()]


def cluster_images(
    images: Clustering, folder: Path, size: int, num_workers: int = 0
) -> dict[str, str]:
    """Cluster all images whose part is missing, this rank its share of parts.

    A part with an image that fails is not written.

    Args:
        images: The images.
        folder: Where the parts are written.
        size: Images of a part.
        num_workers: Worker processes of each rank.

    Returns:
        dict[str, str]: The errors of all ranks by image name.
    """
    # One look for all ranks: another may have written its first part already.
    missing = [missing_parts(folder, len(images), size)]
    broadcast_object_list(missing)
    share = [
        index
        for number in missing[0][get_rank() :: get_world_size()]
        for index in range(len(images))[number * size : (number + 1) * size]
    ]
    outcomes = run_images(images, share, num_workers)
    return gather_errors(_written(outcomes, share, folder, size))


def _written(
    outcomes: Iterator[Outcome],
    share: Sequence[int],
    folder: Path,
    size: int,
) -> Iterator[Outcome]:
    """Pass outcomes on, and write each part when its last one has come."""
    part: list[tuple[int, Outcome]] = []
    channels = None
    for position, outcome in enumerate(outcomes):
        index = share[position]
        if outcome.error is None:
            width = outcome.value[0].shape[1]
            channels = channels or width
            if width != channels:
                error = (
                    f'its features have {width} channels, those of other '
                    f'images {channels}: extract them anew'
                )
                outcome = outcome._replace(error=error)
        part.append((index, outcome))
        yield outcome
        last = position + 1 == len(share)
        if last or share[position + 1] // size != index // size:
            if all(o.error is None for _, o in part):
                _write(part_file(folder, index // size), part)
            part = []


def _write(path: Path, part: Sequence[tuple[int, Outcome]]) -> None:
    found = [(index, *outcome.value) for index, outcome in part]
    owners = [np.full(len(k), index) for index, _, k in found]
    with atomic_write(path) as temporary:
        np.savez(
            temporary,
            centroids=np.concatenate([c for _, c, _ in found]),
            classes=np.concatenate([k for _, _, k in found]),
            image=np.concatenate(owners),
        )


def read_parts(folder: Path) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Go through the parts of a folder in their order.

    Yields:
        tuple: ``centroids`` float32 (n, D), ``classes`` int64 (n,) over the
        classes in use, and ``image`` int64 (n,), the image's position in the
        data set. Parts without a centroid are skipped.

    Raises:
        ValueError: If a file is damaged, or parts are of different features.
    """
    channels = None
    for path in sorted(folder.glob('[0-9]*.npz')):
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = [torch.from_numpy(stored[name]) for name in FIELDS]
        except Exception as error:
            raise ValueError(
                f'{path} is damaged ({error}): remove it and run again'
            ) from error
        width = arrays[0].shape[1]
        channels = channels or width
        if width != channels:
            raise ValueError(
                f'{path} has {width} channels, other parts {channels}: '
                'extract the features anew and run with --overwrite'
            )
        if len(arrays[0]):
            yield tuple(arrays)
