"""The images that a config tests on, as a data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from ..compat import find_steps, is_type
from ..datasets.training_labels import check_image_list
from ..io.stems import unique_stems
from ..structures import background_in_use


def flatten(pipeline: Sequence[dict]) -> Iterator[dict]:
    """Yield a pipeline's transforms, those in TestTimeAug included."""
    for step in pipeline:
        yield step
        if is_type(step, 'TestTimeAug'):
            for options in step['transforms']:
                yield from flatten(options)


def without_masks(pipeline: Sequence[dict]) -> list[dict]:
    """Return a pipeline's transforms without those that read masks."""
    kept = []
    for step in pipeline:
        if is_type(step, 'TestTimeAug'):
            choices = [without_masks(choice) for choice in step['transforms']]
            step = dict(step, transforms=[c for c in choices if c])
        if not is_type(step, 'LoadAnnotations'):
            kept.append(step)
    return kept


def label_loader(settings: Mapping | Sequence[Mapping]) -> dict | None:
    """Return the first transform that loads image labels.

    Args:
        settings: A pipeline, or any other part of a config.

    Returns:
        dict | None: The transform's settings, those in ``settings``.
    """
    return next(iter(find_steps(settings, 'LoadImageLabels')), None)


def read_background(loader: Mapping, metainfo: Mapping) -> int | None:
    """Return the background's index among the classes in use.

    Args:
        loader: Settings of LoadImageLabels; empty without that transform.
        metainfo: That of the data set.
    """
    return background_in_use(
        loader.get('background_index', 0), metainfo.get('label_map')
    )


def build_images(settings: Mapping) -> tuple[BaseSegDataset, list[str]]:
    """Build a data set and check that no two images share a name.

    Args:
        settings: The data set's.

    Returns:
        tuple: The data set, and its images' names, that their files have.

    Raises:
        ValueError: If the data set cannot be read or is empty, MMSeg reads
            other names from its list than it has, or two images share a
            name.
    """
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
    check_image_list(dataset)
    infos = (dataset.get_data_info(i) for i in range(len(dataset)))
    return dataset, unique_stems(info['img_path'] for info in infos)


def build_test_images(
    cfg: Config,
) -> tuple[BaseSegDataset, list[str], int | None]:
    """Build the test data set of a config without its pipeline.

    Args:
        cfg: The config; its test pipeline is emptied.

    Returns:
        tuple: The data set; its images' names, that their files have; and
        the index of its background among the classes in use, by
        LoadImageLabels (without that transform, the first of all classes is
        the background), or None.

    Raises:
        ValueError: If the data set is wrapped, and as :func:`build_images`.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    settings = cfg.test_dataloader.dataset
    if 'pipeline' not in settings:
        raise ValueError(
            'test_dataloader.dataset must be one plain data set, not wrapped'
        )
    loader = label_loader(settings.pipeline) or {}
    settings.pipeline = []
    dataset, stems = build_images(settings)
    return dataset, stems, read_background(loader, dataset.metainfo)
