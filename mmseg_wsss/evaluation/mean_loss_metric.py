"""The mean of what a model calls its loss, over a validation set."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS


@METRICS.register_module()
class MeanLossMetric(BaseMetric):
    """Average the scalars that a model predicts for each image.

    For models such as :class:`STEGO` that are validated by their loss on
    held-out images, without ground truth.

    Where the loss of an image depends on its batch, as STEGO's does, the
    figure depends on the batch size and on the number of ranks. Within a run
    both stay the same, which is all that choosing a checkpoint needs.

    Args:
        **kwargs: As for MMEngine's ``BaseMetric``.
    """

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Store the scalars of each image.

        Args:
            data_batch: Unused.
            data_samples: One dict of scalars per image.
        """
        for sample in data_samples:
            self.results.append({k: float(v) for k, v in sample.items()})

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Compute the averages.

        Args:
            results: One dict of numbers per image.

        Returns:
            dict[str, float]: Their means, in float64.
        """
        return {
            name: torch.tensor(
                [sample[name] for sample in results], dtype=torch.float64
            )
            .mean()
            .item()
            for name in results[0]
        }
