"""Refining a data set's images to pseudo labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ..io.cam import write_cam_file
from ..io.labels import write_label_file
from .image_loop import gather_errors, rank_share, run_images
from .image_pipeline import ImagePipeline


class Refinement(ImagePipeline):
    """A data set that refines an image and writes its files.

    Args:
        dataset: An MMSeg data set without a pipeline.
        stems: The images' names, in its order.
        pipeline: Refiners, as MMSeg transforms; they end in a
            ``pseudo_label``.
        label_dir: Folder of the labels ``<stem>.png``.
        score_dir: Folder of the refined foreground scores ``<stem>.npz``, in
            the format of CAMs, at a quarter of the image's size; None writes
            none.

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
    ):
        super().__init__(dataset, stems, pipeline)
        self.label_dir = label_dir
        self.score_dir = score_dir

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
        # The label comes last: if it exists, the image is done.
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
        )


def refine_images(
    refinement: Refinement, todo: Sequence[int], num_workers: int = 0
) -> dict[str, str]:
    """Refine images, distributed over the ranks.

    Args:
        refinement: The images.
        todo: Positions of the images to refine, the same on all ranks.
        num_workers: Worker processes of each rank; 0 works in this process.

    Returns:
        dict[str, str]: The errors of all ranks by image name.
    """
    return gather_errors(run_images(refinement, rank_share(todo), num_workers))
