"""The loop over this rank's images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from torch.utils.data import DataLoader, Subset

from .image_pipeline import ImagePipeline, Outcome
from .progress import Progress

T = TypeVar('T')


def rank_share(items: Sequence[T]) -> Sequence[T]:
    """Return this rank's items: every n-th one of n ranks."""
    return items[get_rank() :: get_world_size()]


def gather_errors(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Run through this rank's outcomes; return the errors of all ranks."""
    errors = {o.stem: o.error for o in outcomes if o.error is not None}
    merged: dict[str, str] = {}
    for of_rank in all_gather_object(errors):
        merged.update(of_rank)
    return dict(sorted(merged.items()))


def run_images(
    images: ImagePipeline, share: Sequence[int], num_workers: int = 0
) -> Iterator[Outcome]:
    """Run a pipeline on this rank's images and log the progress.

    Every process works on one thread, so that the results do not depend on
    the number of workers. For speed use more workers, not threads.

    Args:
        images: The images.
        share: Positions of this rank's images.
        num_workers: Worker processes of this rank; 0 works in this process.

    Yields:
        Outcome: One per image, in the order of ``share``.

    Raises:
        RuntimeError: If a worker process died.
    """
    torch.set_num_threads(1)
    loader = DataLoader(
        Subset(images, share),
        batch_size=None,
        num_workers=num_workers,
        # Tensors would come in shared memory, with an open file for each.
        collate_fn=_unchanged,
        # CUDA does not work in a forked process.
        multiprocessing_context=(
            'spawn' if num_workers and images.uses_gpu else None
        ),
    )
    errors: dict[str, str] = {}
    progress = Progress(len(share))
    try:
        for outcome in loader:
            if outcome.error is not None:
                errors[outcome.stem] = outcome.error
            progress.step(len(errors))
            yield outcome
    except RuntimeError as error:
        if not num_workers:
            raise
        ahead = share[progress.done :][: loader.prefetch_factor * num_workers]
        names = [images.stems[index] for index in ahead]
        raise RuntimeError(
            f'a worker process died ({error}). It was at one of the images '
            f'{", ".join(names)}; {progress.done} images of this rank were '
            f'looked at, failed among them: {errors}'
        ) from error
    progress.end(len(errors))


def _unchanged(outcome: Outcome) -> Outcome:
    return outcome
