"""The data set wrapper that adds a nearest neighbour to an image."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from mmseg.registry import DATASETS

from ..io.stems import unique_stems
from ..utils import check_option
from .neighbours import load_neighbours, usable_neighbours
from .seeded_sampler import SeededIndex, item_seed

PARTS = ('train', 'held_out')
EVERY = 20  # the first of so many images is held out


@DATASETS.register_module()
class NeighbourPairs:
    """Pair each image with one of its k nearest neighbours (STEGO).

    ``dataset`` loads, augments and packs each image alone::

        train_dataloader = dict(
            sampler=dict(type='mmseg_wsss.SeededSampler', shuffle=True),
            dataset=dict(
                type='mmseg_wsss.NeighbourPairs',
                neighbours='neighbours.npz',
                part='train',
                dataset=dict(type=..., pipeline=[
                    dict(type='LoadImageFromFile'),
                    dict(type='ResizeShortestEdge', ...),
                    dict(type='RandomCrop', crop_size=...),
                    dict(type='PackSegInputs')])))

    The published code cuts every image into five crops of half its size on
    disk, once, and finds the neighbours among the crops. Here the pipeline
    crops at random in each epoch, and neighbours are those of whole images.

    One image in twenty is held out for choosing a checkpoint; the training
    part contains it neither as an image nor as a neighbour. A
    held-out image is paired with its nearest neighbour among all images, with
    the same random numbers each time.

    With :class:`SeededSampler` an item of the training part depends on the
    run's seed, the epoch and its index, not on the workers.

    Args:
        dataset (dict | object): The data set of single images; its pipeline
            ends in PackSegInputs.
        neighbours (str): File of tools/make_neighbours.py.
        part (str): 'train' or 'held_out'.
        k (int): Number of nearest neighbours to draw from, at most as many as
            the file has. Defaults to 7.

    Attributes:
        indices (list[int]): Positions of the part's images in ``dataset``.

    Raises:
        FileNotFoundError: If there is no file of neighbours.
        ValueError: If an option is out of range, the file is of other images,
            or the part is empty.
    """

    def __init__(
        self, dataset: dict | object, neighbours: str, part: str, k: int = 7
    ):
        check_option('part', part, PARTS)
        if k < 1:
            raise ValueError(f'k must be >= 1, got {k}')
        if isinstance(dataset, dict):
            dataset = DATASETS.build(dataset)
        self.dataset = dataset
        self.part = part
        images = range(len(dataset))
        stems = unique_stems(
            dataset.get_data_info(index)['img_path'] for index in images
        )
        stored, _ = load_neighbours(neighbours)
        known = [i for i in images if part != 'train' or i % EVERY]
        near = usable_neighbours(stored, [stems[i] for i in known], k)
        self.indices = [i for i in known if part == 'train' or i % EVERY == 0]
        if not self.indices:
            raise ValueError(
                f'there is no image in the part {part!r} of {len(dataset)} '
                'images'
            )
        row = {image: position for position, image in enumerate(known)}
        self._near = [
            [known[position] for position in near[row[i]]]
            for i in self.indices
        ]

    @property
    def metainfo(self) -> dict:
        """Meta information of the inner data set."""
        return copy.deepcopy(self.dataset.metainfo)

    def full_init(self) -> None:
        """Do nothing: everything was loaded when this was built."""

    def get_data_info(self, index: int) -> dict:
        """Return the annotation of one image."""
        return self.dataset.get_data_info(self.indices[index])

    def neighbours_of(self, index: int) -> Sequence[int]:
        """Return the positions in ``dataset`` that an image is paired with.

        Args:
            index: Position in this data set.
        """
        near = self._near[index]
        return near[:1] if self.part == 'held_out' else near

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> dict:
        """Load an image and a neighbour.

        Args:
            index: Position in this data set.

        Returns:
            dict: The inner data set's item of the image, and the neighbour's
            image as ``neighbours``.

        Raises:
            ValueError: If the inner pipeline does not pack its images.
        """
        if self.part == 'held_out':
            index = SeededIndex.of(index, 0)
        near = self.neighbours_of(index)
        with item_seed(index):
            partner = near[np.random.randint(len(near))]
            results = self.dataset[self.indices[index]]
            if 'inputs' not in results:
                raise ValueError(
                    'NeighbourPairs needs packed images: end the pipeline of '
                    "its inner data set with dict(type='PackSegInputs')"
                )
            results['neighbours'] = self.dataset[partner]['inputs']
            return results
