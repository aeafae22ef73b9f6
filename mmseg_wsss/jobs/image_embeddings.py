"""One vector per image: the mean of its dense features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.dist import all_gather_object
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from .image_loop import rank_share
from .image_pipeline import ImagePipeline
from .progress import Progress


class PackedImages(ImagePipeline):
    """A data set whose items are images as PackSegInputs packs them."""

    def finish(self, stem: str, results: dict | None) -> Tensor:
        """Return the image (3, H, W), 0 to 255."""
        if results is None or 'inputs' not in results:
            raise ValueError(
                "the pipeline packed no image: end it with dict(type='"
                "PackSegInputs')"
            )
        return results['inputs']


def pooled_features(
    extractor: nn.Module,
    preprocessor: nn.Module,
    images: PackedImages,
    batch_size: int = 16,
    num_workers: int = 0,
) -> tuple[Tensor, dict[str, str]]:
    """Compute each image's mean feature.

    Batches are distributed over the ranks and are the same on any number.

    Args:
        extractor: A FeatureExtractor.
        preprocessor: Stacks images, moves them to the extractor's device
            and scales them to [0, 1], as PairPreprocessor does.
        images: Images of one size.
        batch_size: Images at a time.
        num_workers: Processes of each rank that load images.

    Returns:
        tuple: Means (N, D), float32 on the CPU, the same on all ranks; and
        the errors by image name. Images with an error have NaN.

    Raises:
        ValueError: If images differ in size or do not fit the extractor.
    """
    batches = torch.arange(len(images)).split(batch_size)
    share = torch.cat(
        [torch.empty(0, dtype=torch.long)] + list(rank_share(batches))
    ).tolist()
    # Only the last batch of all may be short, and it is its rank's last.
    loader = DataLoader(
        Subset(images, share),
        batch_size=batch_size,
        num_workers=num_workers,
        collate_fn=list,
    )
    found, errors = {}, {}
    progress = Progress(len(share))
    for batch in loader:
        errors.update({o.stem: o.error for o in batch if o.error is not None})
        good = [o for o in batch if o.error is None]
        if good:
            means = _means(extractor, preprocessor, [o.value for o in good])
            found.update(zip((o.stem for o in good), means, strict=True))
        for _ in batch:
            progress.step(len(errors))
    progress.end(len(errors))
    return _gather(images.stems, extractor.channels, found, errors)


@torch.no_grad()
def _means(
    extractor: nn.Module, preprocessor: nn.Module, images: Sequence[Tensor]
) -> Tensor:
    inputs = preprocessor({'inputs': images})['inputs']
    return extractor(inputs).float().mean((2, 3)).cpu()


def _gather(
    stems: Sequence[str],
    channels: int,
    found: dict[str, Tensor],
    errors: dict[str, str],
) -> tuple[Tensor, dict[str, str]]:
    """Gather the ranks' vectors, in the order of the images."""
    vectors = torch.full((len(stems), channels), torch.nan)
    rows = {stem: row for row, stem in enumerate(stems)}
    every_error: dict[str, str] = {}
    for part, failed in all_gather_object((found, errors)):
        every_error.update(failed)
        for stem, mean in part.items():
            vectors[rows[stem]] = mean
    return vectors, dict(sorted(every_error.items()))
