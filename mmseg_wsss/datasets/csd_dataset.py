"""The data set wrapper that gives an image its single-label partner."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence

from mmengine.dataset import Compose
from mmengine.logging import print_log
from mmseg.registry import DATASETS

from ..structures import foreground_indices
from ..utils import check_option
from .partners import Partners
from .seeded_sampler import item_seed
from .training_labels import load_label_matrix

TARGETS = ('multi', 'all')


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
    partners before the transform sees the image whose partners they are, so
    a draw cannot depend on the image's labels; and it loads a partner for
    images that need none.

    All labels are read once, when the data set is built.

    Args:
        dataset (dict | object): The data set of single images; its pipeline
            has LoadImageLabels. Several may be concatenated; what repeats
            or resamples images goes around this data set.
        pipeline (Sequence[dict]): Transforms of the pair.
        resampling (str): 'cooccurrence' (Eq. 1) or 'uniform'. Defaults to
            'cooccurrence'.
        targets (str): Images that get a partner: 'multi'-label ones (paper),
            or 'all' (the author's snapshot), which costs more. Defaults to
            'multi'.
        min_partners (int): Classes with fewer single-label images are never
            pasted. Defaults to 1.
        form (str): 'linear' or 'softmax', see
            :func:`~mmseg_wsss.datasets.partners.partner_prior`. Defaults to
            'linear'.
        diagonal (str): 'single', 'all' or 'zero'. Defaults to 'single'.
        smoothing (float): Start of all counts. Defaults to 1.0.
        background_index (int, optional): The data set's background class,
            None if there is none. Defaults to 0.

    Attributes:
        foreground (list[int]): Indices of the foreground classes.
        partners (Partners): Labels over these classes, and the draw.

    Raises:
        ValueError: If an option is out of range, the labels cannot be read
            or are not those of the items, or there is no single-label image.
    """

    def __init__(
        self,
        dataset: dict | object,
        pipeline: Sequence[dict],
        resampling: str = 'cooccurrence',
        targets: str = 'multi',
        min_partners: int = 1,
        form: str = 'linear',
        diagonal: str = 'single',
        smoothing: float = 1.0,
        background_index: int | None = 0,
    ):
        check_option('targets', targets, TARGETS)
        if isinstance(dataset, dict):
            dataset = DATASETS.build(dataset)
        self.dataset = dataset
        self.pipeline = Compose(pipeline)
        self.targets = targets
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
                'what repeats or resamples images around CSDDataset, not into '
                'it'
            )
        self.foreground = foreground_indices(len(classes), background_index)
        self.partners = Partners(
            labels[:, self.foreground],
            resampling,
            min_partners,
            form=form,
            diagonal=diagonal,
            smoothing=smoothing,
        )
        self._report([classes[k] for k in self.foreground], min_partners)

    def _report(self, names: list[str], min_partners: int) -> None:
        """Log the two domains, and the classes that cannot be pasted."""
        counts = dict(zip(names, self.partners.counts.tolist(), strict=True))
        single = sum(counts.values())
        several = int((self.partners.num_labels > 1).sum())
        fewest = min(counts, key=counts.get)
        print_log(
            f'CSD: {single} single-label and {several} multi-label images; '
            f"fewest single-label images: '{fewest}', {counts[fewest]}",
            logger='current',
        )
        rare = [
            f'{name} ({count})'
            for name, count in counts.items()
            if count < min_partners
        ]
        if rare:
            print_log(
                f'CSD never pastes {", ".join(rare)}: fewer than '
                f'min_partners={min_partners} single-label images',
                logger='current',
                level=logging.WARNING,
            )
        if self.targets == 'multi' and not several:
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
        """Load an image and, if it is a target, its partner."""
        with item_seed(index):
            results = self.dataset[index]
        with item_seed(index):  # again, whatever the image has drawn
            if self.targets == 'all' or self.partners.num_labels[index] > 1:
                partner = self.partners.draw(index)
                results['partner'] = self.dataset[partner]
            return self.pipeline(results)
