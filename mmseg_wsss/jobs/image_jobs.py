"""Running a refinement pipeline over the images of a data set."""

from __future__ import annotations

import time
import traceback
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.logging import print_log
from mmseg.registry import TRANSFORMS
from torch.utils.data import DataLoader, Dataset, Subset

from ..io.cam import write_cam_file
from ..io.labels import write_label_file


class Outcome(NamedTuple):
    """What became of one image: ``error`` is None if all is well."""

    stem: str
    error: str | None
    value: Any = None


class ImagePipeline(Dataset):
    """A data set whose items run a pipeline on an image and make use of it.

    The work is done where an item is fetched, in a worker process if there
    are any. An image that fails costs nothing but itself.

    Args:
        dataset: An MMSeg data set without a pipeline.
        stems: The images' names, in its order.
        pipeline: MMSeg transforms. What they ``prepare()`` is prepared once.

    Raises:
        ValueError, OSError, ImportError: If a transform cannot work at all.
    """

    def __init__(
        self, dataset, stems: Sequence[str], pipeline: Sequence[dict]
    ):
        self.dataset = dataset
        self.stems = stems
        self.refine = Compose([TRANSFORMS.build(step) for step in pipeline])
        for step in self.refine.transforms:
            if hasattr(step, 'prepare'):
                step.prepare()

    @abstractmethod
    def finish(self, stem: str, results: dict | None) -> Any:
        """Use what the pipeline made of an image, None if it dropped it."""

    def __len__(self) -> int:
        return len(self.stems)

    @property
    def uses_gpu(self) -> bool:
        """Whether a transform works on a GPU."""
        devices = [getattr(t, 'device', 'cpu') for t in self.refine.transforms]
        return any(str(device).startswith('cuda') for device in devices)

    def __getitem__(self, index: int) -> Outcome:
        """Run the pipeline on an image and finish it.

        Args:
            index: Position of the image.

        Returns:
            Outcome: Its name, and the error if it failed.
        """
        stem = self.stems[index]
        record = {}
        try:
            record = self._record(index)
            value = self.finish(stem, self.refine(record))
        except OSError as error:  # these seldom say of which file
            return Outcome(stem, f'{record.get("img_path", stem)}: {error}')
        except ValueError as error:
            return Outcome(stem, str(error))
        except Exception:
            # Whatever it was, the other images must not be lost.
            return Outcome(stem, traceback.format_exc())
        return Outcome(stem, None, value)

    def _record(self, index: int) -> dict:
        record = self.dataset.get_data_info(index)
        record.pop('seg_map_path', None)  # weak methods read no mask
        return record


class Refinement(ImagePipeline):
    """A data set whose items refine an image and write its files.

    Args:
        dataset: An MMSeg data set without a pipeline.
        stems: The images' names, in its order.
        pipeline: Refiners, as MMSeg transforms; they end in a
            ``pseudo_label``.
        label_dir: Folder of the labels ``<stem>.png``.
        score_dir: Folder of the refined foreground scores ``<stem>.npz``, in
            the format of CAMs; None writes none.
        score_stride: They are stored at 1 / score_stride of the image's size.

    Raises:
        ValueError, OSError, ImportError: If a refiner cannot work at all.
    """

    def __init__(
        self,
        dataset,
        stems: Sequence[str],
        pipeline: Sequence[dict],
        label_dir: Path,
        score_dir: Path | None = None,
        score_stride: int = 4,
    ):
        super().__init__(dataset, stems, pipeline)
        self.label_dir = label_dir
        self.score_dir = score_dir
        self.score_stride = score_stride

    def finish(self, stem: str, results: dict | None) -> None:
        """Write an image's files."""
        label = None if results is None else results.get('pseudo_label')
        if label is None:
            raise ValueError(
                'the pipeline made no pseudo_label: end it with '
                "dict(type='mmseg_wsss.ScoresToLabel')"
            )
        if self.score_dir is not None:
            self._write_scores(stem, results)
        # The label comes last: where it is, the image is done.
        write_label_file(
            self.label_dir / f'{stem}.png', label, self.dataset.metainfo
        )

    def _write_scores(self, stem: str, results: dict) -> None:
        if 'scores' not in results:
            raise ValueError(
                'the pipeline left no scores to write: run without '
                '--save-scores'
            )
        classes = results['score_classes']
        rows = np.flatnonzero(classes != results.get('background_index'))
        write_cam_file(
            self.score_dir / f'{stem}.npz',
            classes[rows],
            torch.from_numpy(results['scores'][rows]).clamp(0, 1),
            self.dataset.metainfo,
            self.score_stride,
        )


def refine_images(
    refinement: Refinement, todo: Sequence[int], num_workers: int = 0
) -> dict[str, str]:
    """Refine images, this rank its share of them.

    Args:
        refinement: The images.
        todo: Positions of the images to refine, the same on all ranks.
        num_workers: Worker processes of each rank; 0 works in this process.

    Returns:
        dict[str, str]: The errors of all ranks by image name.
    """
    share = list(todo)[get_rank() :: get_world_size()]
    return gather_errors(run_images(refinement, share, num_workers))


def gather_errors(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Go through this rank's outcomes; returns the errors of all ranks."""
    errors = {o.stem: o.error for o in outcomes if o.error is not None}
    merged: dict[str, str] = {}
    for part in all_gather_object(errors):
        merged.update(part)
    return dict(sorted(merged.items()))


def run_images(
    images: ImagePipeline, share: Sequence[int], num_workers: int = 0
) -> Iterator[Outcome]:
    """Run a pipeline on this rank's images, and log how far it is.

    Every process works on one thread, so that files do not depend on the
    number of workers; take more workers rather than threads.

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


class Progress:
    """Lines in the log of rank 0: how much is done, how fast, what is left.

    Args:
        total: Number of images of this rank.
        interval: Seconds between two lines.
    """

    def __init__(self, total: int, interval: float = 10.0):
        self.total = total
        self.interval = interval
        self.done = 0
        self.start = self.told = time.monotonic()

    def step(self, failed: int) -> None:
        """Count an image; log a line if it is time."""
        self.done += 1
        now = time.monotonic()
        if now - self.told >= self.interval and self.done < self.total:
            self.told = now
            self._log(failed)

    def end(self, failed: int) -> None:
        """Log the last line."""
        if self.total:
            self._log(failed)

    def _log(self, failed: int) -> None:
        if get_rank() != 0:
            return
        seconds = max(time.monotonic() - self.start, 1e-9)
        left = seconds / max(self.done, 1) * (self.total - self.done)
        ranks = get_world_size()
        print_log(
            f'{self.done} of {self.total} images'
            + (' of this rank' if ranks > 1 else '')
            + f', {60 * self.done * ranks / seconds:.0f} per minute'
            + (f', {failed} failed' if failed else '')
            + (f', {_clock(left)} left' if self.done < self.total else ''),
            logger='current',
        )


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f'{minutes // 60}:{minutes % 60:02}:{seconds:02}'
