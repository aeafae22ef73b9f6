"""A sampler that seeds each item by the run's seed, the epoch and its index.

MMEngine seeds the random generators of every worker, so the random numbers of
an image depend on the number of workers, and a resumed run draws others. With
:class:`SeededSampler` they depend on the run's seed, the epoch and the index.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from mmengine.dataset import DefaultSampler
from mmseg.registry import DATA_SAMPLERS


class SeededIndex(int):
    """The index of an item, and the seed of its random numbers.

    Args:
        index: The index.
        seed: In [0, 2**32).
    """

    seed: int

    @classmethod
    def of(cls, index: int, seed: int, epoch: int = 0) -> SeededIndex:
        """Derive an item's seed from the run's seed, the epoch and the index.

        Args:
            index: The index.
            seed: The run's seed.
            epoch: The epoch.
        """
        words = np.random.SeedSequence((seed, epoch, index))
        return cls(index, int(words.generate_state(1)[0]))

    def __new__(cls, index: int, seed: int) -> SeededIndex:
        """Create the int, and store its seed."""
        created = super().__new__(cls, index)
        created.seed = seed
        return created

    def __getnewargs__(self) -> tuple[int, int]:
        """Support pickling to worker processes."""
        return int(self), self.seed


@contextmanager
def item_seed(index: int) -> Iterator[None]:
    """Seed Python, NumPy and PyTorch (CPU) for one item, then restore them.

    Args:
        index: A :class:`SeededIndex`. A plain int changes nothing.
    """
    seed = getattr(index, 'seed', None)
    if seed is None:
        yield
        return
    states = random.getstate(), np.random.get_state()
    torch_state = torch.get_rng_state()
    try:
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(torch_state)


class SeededFetch:
    """Load the items of a batch, each under the seed of its index.

    Args:
        dataset: Any data set with ``__getitem__``.
    """

    def __init__(self, dataset):
        self.dataset = dataset

    def __call__(self, indices: Sequence[int]) -> list:
        """Return the items of :class:`SeededIndex` or plain indices."""
        items = []
        for index in indices:
            with item_seed(index):
                items.append(self.dataset[index])
        return items


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """MMEngine's DefaultSampler, with a random seed for each item.

    Each item's seed follows from the run's seed, the epoch and the index::

        train_dataloader = dict(
            sampler=dict(type='mmseg_wsss.SeededSampler', shuffle=True),
            dataset=dict(type='PascalVOCDataset', ...), ...)

    It works with any data set, also a concatenated, repeated or mixing one:
    the sampler sets ``__getitems__`` of the data set's instance, which
    PyTorch's DataLoader calls with the indices of a batch.

    Args:
        dataset: The data set that the DataLoader is given.
        **kwargs: See :class:`mmengine.dataset.DefaultSampler`.
    """

    def __init__(self, dataset, **kwargs):
        super().__init__(dataset, **kwargs)
        dataset.__getitems__ = SeededFetch(dataset)

    def __iter__(self) -> Iterator[SeededIndex]:
        """Yield this rank's indices with their seeds."""
        for index in super().__iter__():
            yield SeededIndex.of(index, self.seed, self.epoch)
