"""A hook that gives each epoch its own random numbers."""

from __future__ import annotations

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed the random generators anew at the beginning of each epoch.

    MMEngine seeds them once, and a checkpoint does not hold their states: a
    run that goes on draws other numbers (dropout, ISL's samples) than one
    that was never stopped. With this hook they follow from the run's seed,
    the epoch and the rank alone. The draws of the images are the workers'
    own: for those the sampler is ``SeededSampler`` and the data set one that
    draws under ``item_seed``, such as SeededSegDataset and CSDDataset.

    A run that is stopped goes on from the end of an epoch. For loops that
    count iterations it seeds once, at the start: a resumed run draws the first
    numbers again.
    """

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed Python, NumPy and PyTorch on all devices.

        Args:
            runner: The runner; ``seed`` and ``epoch`` are read.
        """
        words = np.random.SeedSequence((runner.seed, runner.epoch, get_rank()))
        seed = int(words.generate_state(1)[0])
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None
    ) -> None:
        """Seed again behind the start of the workers.

        A loader whose workers persist takes a number from PyTorch when it
        starts them, in the first epoch of a process only.
        """
        if batch_idx == 0:
            self.before_train_epoch(runner)
