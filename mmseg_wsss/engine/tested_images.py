"""The images that a config tests on, as a data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS


def flatten(pipeline: Sequence[dict]) -> Iterator[dict]:
    """Yield a pipeline's transforms, those in TestTimeAug included."""
    for step in pipeline:
        yield step
        if step['type'].endswith('TestTimeAug'):
            for options in step['transforms']:
                yield from flatten(options)


def label_loader(pipeline: Sequence[dict]) -> dict | None:
    """Find the transform of a pipeline that loads image labels."""
    for transform in flatten(pipeline):
        if transform['type'].endswith('LoadImageLabels'):
            return transform
    return None


def build_test_images(cfg: Config) -> tuple[BaseSegDataset, int | None]:
    """Build the test data set of a config without its pipeline.

    Args:
        cfg: The config; its test pipeline is emptied.

    Returns:
        tuple: The data set, and the index of its background as
        LoadImageLabels has it (0 without that transform), or None.

    Raises:
        ValueError: If the data set is wrapped, cannot be read or is empty.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    settings = cfg.test_dataloader.dataset
    if 'pipeline' not in settings:
        raise ValueError(
            'test_dataloader.dataset must be one plain data set, not wrapped'
        )
    loader = label_loader(settings.pipeline) or {}
    settings.pipeline = []
    try:
        dataset = DATASETS.build(settings)
    except (AssertionError, ValueError, OSError) as error:
        raise ValueError(
            'test_dataloader.dataset cannot be read or lists no image, look '
            f'at ann_file {settings.get("ann_file")} and data_prefix: {error}'
        ) from error
    if not len(dataset):
        raise ValueError(
            'the data set lists no image: look at ann_file and data_prefix of '
            f'test_dataloader.dataset ({dataset.ann_file})'
        )
    return dataset, loader.get('background_index', 0)
