"""A hook that seeds the random generators in each epoch."""

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
    """Seed the random generators at the beginning of each epoch.

    MMEngine seeds them once, and a checkpoint does not hold their states: a
    resumed run draws other numbers (dropout, ISL's samples) than an unbroken
    one. With this hook they depend on the run's seed, the epoch and the rank.
    Random numbers of the data set are drawn in the workers: use
    :class:`SeededSampler` for those.

    In loops that count iterations the hook seeds once, at the start: a
    resumed run draws the first numbers again.
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
        """Seed again after the workers have started.

        A loader with persistent workers draws a number from PyTorch when it
        starts them, in the first epoch of a process only.
        """
        if batch_idx == 0:
            self.before_train_epoch(runner)
