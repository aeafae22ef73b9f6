"""Clustering the regions of a data set's images, in parts on disk (MARS).

A part holds the centroids of some hundred images in turn, so that a stopped
run goes on and any number of ranks writes the same files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import get_rank, get_world_size
from torch import Tensor

from ..fileio import whole_file
from .refinement import ImagePipeline, Outcome, gather_errors, run_images

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


def part_file(folder: Path, number: int) -> Path:
    """Name the file of a part."""
    return folder / f'{number:06}.npz'


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
    missing = [
        number
        for number in range(-(-len(images) // size))
        if not part_file(folder, number).is_file()
    ]
    share = [
        index
        for number in missing[get_rank() :: get_world_size()]
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
    for position, outcome in enumerate(outcomes):
        index = share[position]
        part.append((index, outcome))
        yield outcome
        last = position + 1 == len(share)
        if last or share[position + 1] // size != index // size:
            if all(o.error is None for _, o in part):
                _write(part_file(folder, index // size), part)
            part = []


def _write(path: Path, part: Sequence[tuple[int, Outcome]]) -> None:
    found = [(index, *outcome.value) for index, outcome in part]
    widths = {c.shape[1] for _, c, _ in found if len(c)}
    if len(widths) > 1:
        raise ValueError(
            f'the features of images {part[0][0]} to {part[-1][0]} have '
            f'different numbers of channels, {sorted(widths)}: extract them '
            'anew'
        )
    width = widths.pop() if widths else 0
    filled = [(index, c, k) for index, c, k in found if len(c)]
    centroids = [c for _, c, _ in filled] or [torch.zeros(0, width)]
    classes = [k for _, _, k in filled] or [torch.zeros(0, dtype=torch.int64)]
    owners = [torch.full((len(c),), index) for index, c, _ in filled]
    owners = owners or [torch.zeros(0, dtype=torch.int64)]
    with whole_file(path) as temporary:
        np.savez(
            temporary,
            centroids=torch.cat(centroids).numpy(),
            classes=torch.cat(classes).numpy(),
            image=torch.cat(owners).numpy(),
        )


def read_parts(folder: Path) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Go through the parts of a folder in their order.

    Yields:
        tuple: ``centroids`` float32 (n, D), ``classes`` int64 (n,) over the
        classes in use, and ``image`` int64 (n,), the image's position in the
        data set. Parts without a centroid are skipped.

    Raises:
        ValueError: If a file is damaged.
    """
    for path in sorted(folder.glob('[0-9]*.npz')):
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = [torch.from_numpy(stored[name]) for name in FIELDS]
        except Exception as error:
            raise ValueError(
                f'{path} is damaged ({error}): remove it and run again'
            ) from error
        if len(arrays[0]):
            yield tuple(arrays)
