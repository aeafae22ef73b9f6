"""A sampler that gives each item of each epoch its own random seed.

MMEngine seeds the random generators of every worker, so which random numbers
an image gets depends on the number of workers. With this sampler they depend
on the run's seed, the epoch and the image alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from mmengine.dataset import DefaultSampler
from mmseg.registry import DATA_SAMPLERS


class SeededIndex(int):
    """The index of an item, with the seed that its random numbers take.

    Args:
        index: The index.
        seed: In [0, 2**32).
    """

    seed: int

    @classmethod
    def of(cls, index: int, seed: int, epoch: int = 0) -> SeededIndex:
        """Derive an item's seed from the run's, the epoch and the index."""
        words = np.random.SeedSequence((seed, epoch, index))
        return cls(index, int(words.generate_state(1)[0]))

    def __new__(cls, index: int, seed: int) -> SeededIndex:
        """Make an int that has a seed."""
        made = super().__new__(cls, index)
        made.seed = seed
        return made

    def __getnewargs__(self) -> tuple[int, int]:
        """Let it travel to a worker."""
        return int(self), self.seed


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """MMEngine's DefaultSampler that yields :class:`SeededIndex`.

    For data sets that draw under ``item_seed``: those of ours, and any with
    the mixin :class:`SeededItems`::

        train_dataloader = dict(
            sampler=dict(type='mmseg_wsss.SeededSampler', shuffle=True), ...)

    The seed follows from the sampler's seed (the run's), the epoch that
    ``DistSamplerSeedHook`` sets, and the index. The data set must be the
    outermost one: a wrapper that computes other indices loses the seeds, and
    draws follow the workers' generators again.
    """

    def __iter__(self) -> Iterator[SeededIndex]:
        """Yield this rank's indices with their seeds."""
        for index in super().__iter__():
            yield SeededIndex.of(index, self.seed, self.epoch)


@contextmanager
def item_seed(index: int) -> Iterator[None]:
    """Seed Python, NumPy and PyTorch (CPU) for one item, and restore them.

    Args:
        index: A :class:`SeededIndex`. A plain int changes nothing: the draws
            then follow the worker's generators.
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


class SeededItems:
    """Mixin of data sets whose items are drawn under ``item_seed``.

    With :class:`SeededSampler` the augmentation of an image follows from the
    run's seed, the epoch and the image alone: the number of workers makes no
    difference, and a run that was stopped draws on as if it had not been.
    """

    def __getitem__(self, idx: int) -> dict:
        """Return an item of the pipeline, drawn under the index's seed."""
        with item_seed(idx):
            return super().__getitem__(idx)
