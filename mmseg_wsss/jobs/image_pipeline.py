"""A data set that runs a pipeline on each of its images."""

from __future__ import annotations

import traceback
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from mmcv.transforms import Compose
from mmseg.registry import TRANSFORMS
from torch.utils.data import Dataset


class Outcome(NamedTuple):
    """The result of one image; ``error`` is None if there was none."""

    stem: str
    error: str | None
    value: Any = None


class ImagePipeline(Dataset):
    """A data set that runs a pipeline on an image and uses the results.

    The work is done where an item is fetched, in a worker process if there
    are any. A failing image does not affect the others.

    Args:
        dataset: An MMSeg data set without a pipeline.
        stems: The images' names, in its order.
        pipeline: MMSeg transforms. Those with a method
            ``prepare(metainfo)`` are prepared here, once.

    Raises:
        ValueError, OSError, ImportError: If a transform cannot work at all.
    """

    def __init__(
        self, dataset, stems: Sequence[str], pipeline: Sequence[dict]
    ):
        self.dataset = dataset
        self.stems = stems
        self.pipeline = Compose([TRANSFORMS.build(step) for step in pipeline])
        for step in self.pipeline.transforms:
            if hasattr(step, 'prepare'):
                step.prepare(getattr(dataset, 'metainfo', {}))

    @abstractmethod
    def finish(self, stem: str, results: dict | None) -> Any:
        """Use the pipeline's results, None if it dropped the image."""

    def __len__(self) -> int:
        return len(self.stems)

    @property
    def uses_gpu(self) -> bool:
        """Whether a transform works on a GPU."""
        transforms = self.pipeline.transforms
        devices = [getattr(step, 'device', 'cpu') for step in transforms]
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
            record = self.load_record(index)
            value = self.finish(stem, self.pipeline(record))
        except OSError as error:  # seldom names the file
            return Outcome(stem, f'{record.get("img_path", stem)}: {error}')
        except ValueError as error:
            return Outcome(stem, str(error))
        except Exception:  # no error may stop the other images
            return Outcome(stem, traceback.format_exc())
        return Outcome(stem, None, value)

    def load_record(self, index: int) -> dict:
        """Return the pipeline's input: an image's paths, but not its mask."""
        record = self.dataset.get_data_info(index)
        record.pop('seg_map_path', None)
        return record
