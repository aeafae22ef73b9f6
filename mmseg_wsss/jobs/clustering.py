"""Clustering the regions of a data set's images, in shards (MARS)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from ..compat import is_type
from ..io.centroid_shards import save_shard, shard_names
from .image_loop import gather_errors, rank_share, run_images
from .image_pipeline import ImagePipeline, Outcome
from .test_dataset import label_loader, read_background


class Clustering(ImagePipeline):
    """A data set whose items are the centroids and classes of an image."""

    def finish(
        self, stem: str, results: dict | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return an image's centroids (n, D) and their classes (n,)."""
        if results is None or 'centroids' not in results:
            raise ValueError(
                'the pipeline made no centroids: end it with '
                "dict(type='mmseg_wsss.RegionCentroids')"
            )
        return results['centroids'], results['centroid_classes']


def background_of(pipeline: Sequence[dict], metainfo: Mapping) -> int | None:
    """Return the background's index among the classes in use.

    Args:
        pipeline: Transforms with LoadImageLabels.
        metainfo: That of the data set.

    Raises:
        ValueError: If the pipeline does not end in RegionCentroids.
    """
    if not is_type(pipeline[-1], 'RegionCentroids'):
        raise ValueError(
            'a pipeline that clusters ends in '
            "dict(type='mmseg_wsss.RegionCentroids'), this one in "
            f'{pipeline[-1]["type"]}'
        )
    return read_background(label_loader(pipeline) or {}, metainfo)


def cluster_images(
    images: Clustering,
    todo: Sequence[int],
    folder: Path,
    size: int,
    num_workers: int = 0,
) -> dict[str, str]:
    """Cluster images and write shards, distributed over the ranks.

    A shard with a failing image is not written.

    Args:
        images: The images.
        todo: Numbers of the shards to write, the same on all ranks.
        folder: Folder of the shards.
        size: Images of a shard.
        num_workers: Worker processes of each rank.

    Returns:
        dict[str, str]: The errors of all ranks by image name.
    """
    names = shard_names(len(images), size)
    shards = {
        folder / f'{names[number]}.npz': range(
            number * size, min((number + 1) * size, len(images))
        )
        for number in rank_share(todo)
    }
    share = [index for positions in shards.values() for index in positions]
    outcomes = run_images(images, share, num_workers)
    return gather_errors(_save_shards(outcomes, shards))


def _save_shards(
    outcomes: Iterator[Outcome], shards: dict[Path, range]
) -> Iterator[Outcome]:
    """Yield the outcomes, and write each shard after its last image."""
    channels = None
    for path, positions in shards.items():
        shard = []
        for outcome in islice(outcomes, len(positions)):
            if outcome.error is None:
                channels = channels or outcome.value[0].shape[1]
                outcome = _check_channels(outcome, channels)
            shard.append(outcome)
            yield outcome
        if all(outcome.error is None for outcome in shard):
            save_shard(path, positions, [outcome.value for outcome in shard])
    yield from outcomes  # none are left; the loop logs its last line


def _check_channels(outcome: Outcome, channels: int) -> Outcome:
    width = outcome.value[0].shape[1]
    if width == channels:
        return outcome
    error = (
        f'its features have {width} channels, those of other images '
        f'{channels}: extract them again'
    )
    return outcome._replace(error=error)
