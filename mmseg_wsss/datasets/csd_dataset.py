"""The data set wrapper that adds a single-label partner to an image."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence

from mmengine.dataset import Compose
from mmengine.logging import print_log
from mmseg.registry import DATASETS

from ..structures import background_in_use, foreground_indices
from .partners import Partners
from .seeded_sampler import item_seed
from .training_labels import (
    find_transform,
    leaf_datasets,
    load_label_matrix,
    wrapper_transforms,
)


@DATASETS.register_module()
class CSDDataset:
    """Draw a single-label partner for each multi-label image (CSD).

    ``dataset`` loads and augments each image alone, with its pseudo label and
    its image labels; ``pipeline`` continues with the pair, the partner's
    results in ``results['partner']``::

        train_dataloader = dict(
            sampler=dict(type='mmseg_wsss.SeededSampler', shuffle=True),
            dataset=dict(
                type='mmseg_wsss.CSDDataset',
                dataset=dict(type=..., pipeline=[
                    dict(type='LoadImageFromFile'),
                    dict(type='LoadAnnotations'),
                    dict(type='mmseg_wsss.LoadImageLabels', ...),
                    ...]),
                pipeline=[
                    dict(type='mmseg_wsss.CSDCopyPaste'),
                    dict(type='mmseg_wsss.PackWSSSInputs')]))

    MMSeg's MultiImageMixDataset does not fit: it asks a transform for
    partners before the transform sees the target, so that a draw cannot
    depend on the target's labels; and it loads a partner for images that need
    none.

    All labels are read once, when the data set is built.

    Args:
        dataset (dict | object): The data set of single images; its pipeline
            has LoadImageLabels. Several may be concatenated; wrappers that
            repeat or resample images belong around this data set.
        pipeline (Sequence[dict]): Transforms of the pair.
        resampling (str): 'cooccurrence' (Eq. 1) or 'uniform'. Defaults to
            'cooccurrence'.

    Attributes:
        foreground (list[int]): Indices of the foreground classes.
        partners (Partners): Labels over these classes, and the draw.

    Raises:
        ValueError: If an option is out of range, the labels cannot be read
            or are not those of the items, there is no single-label image,
            or the inner data set packs its images.
    """

    def __init__(
        self,
        dataset: dict | object,
        pipeline: Sequence[dict],
        resampling: str = 'cooccurrence',
    ):
        if isinstance(dataset, dict):
            dataset = DATASETS.build(dataset)
        _check_unpacked(dataset)
        self.dataset = dataset
        self.pipeline = Compose(pipeline)
        loaded = load_label_matrix(dataset)
        if loaded is None:
            raise ValueError(
                'CSDDataset needs the image labels of its images: put '
                "dict(type='mmseg_wsss.LoadImageLabels', ann_file=..., "
                'classes=...) into the pipeline of its inner dataset'
            )
        classes, labels = loaded
        if len(labels) != len(dataset):
            raise ValueError(
                f'CSDDataset knows the labels of {len(labels)} images, but '
                f'its {type(dataset).__name__} has {len(dataset)} items: put '
                'wrappers that repeat or resample images around CSDDataset, '
                'not into it'
            )
        self.foreground = foreground_indices(
            len(classes), _background_index(dataset)
        )
        self.partners = Partners(labels[:, self.foreground], resampling)
        self._report([classes[k] for k in self.foreground])

    def _report(self, names: list[str]) -> None:
        """Log the two domains, and the classes that cannot be pasted."""
        counts = dict(zip(names, self.partners.counts.tolist(), strict=True))
        several = int((self.partners.num_labels > 1).sum())
        fewest = min(counts, key=counts.get)
        print_log(
            f'CSD: {sum(counts.values())} single-label and {several} '
            f"multi-label images; fewest single-label images: '{fewest}', "
            f'{counts[fewest]}',
            logger='current',
        )
        absent = [name for name, count in counts.items() if not count]
        if absent:
            print_log(
                f'CSD never pastes {", ".join(absent)}: there is no '
                'single-label image',
                logger='current',
                level=logging.WARNING,
            )
        if not several:
            print_log(
                'CSD has no multi-label image to paste into and does nothing',
                logger='current',
                level=logging.WARNING,
            )

    @property
    def metainfo(self) -> dict:
        """Meta information of the inner data set."""
        return copy.deepcopy(self.dataset.metainfo)

    def full_init(self) -> None:
        """Do nothing: the labels were read when this was built."""

    def get_data_info(self, index: int) -> dict:
        """Return the annotation of one image."""
        return self.dataset.get_data_info(index)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict:
        """Load an image and, if it has several classes, a partner."""
        with item_seed(index):
            results = self.dataset[index]
        with item_seed(index):  # again, whatever the image has drawn
            if self.partners.num_labels[index] > 1:
                partner = self.partners.draw(index)
                results['partner'] = self.dataset[partner]
            return self.pipeline(results)


def _check_unpacked(dataset) -> None:
    """Check that single images come as results, not as packed samples."""
    for step in wrapper_transforms(dataset):
        name = type(step).__name__
        if name in ('PackWSSSInputs', 'PackSegInputs'):
            raise ValueError(
                f'the data set inside CSDDataset ends with {name}: remove it '
                "there, and end CSDDataset's own pipeline with "
                "dict(type='mmseg_wsss.PackWSSSInputs')"
            )


def _background_index(dataset) -> int | None:
    """Return the index of the background among the classes in use."""
    leaf = next(leaf_datasets(dataset))
    load = find_transform(leaf, 'LoadImageLabels')
    label_map = leaf.metainfo.get('label_map')
    return background_in_use(load.background_index, label_map)
