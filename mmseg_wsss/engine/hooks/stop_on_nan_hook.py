"""A hook that stops a training whose loss is NaN or infinite."""

from __future__ import annotations

import torch
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

INTERVAL = 50  # iterations between two checks of a GPU's loss
PATIENCE = 5  # iterations in a row that stop the run


class DivergedError(RuntimeError):
    """The loss of a training is NaN or infinite."""


@HOOKS.register_module()
class StopOnNaNHook(Hook):
    """Stop a training whose loss is NaN or infinite 5 iterations in a row.

    MMEngine trains on and writes checkpoints of NaN. Single such losses occur
    in mixed precision and pass. On a GPU the loss is read every 50 iterations
    and at the end of an epoch only, without waiting in between.
    ``tools/train.py`` adds the hook to every run.
    """

    def __init__(self):
        self._count: torch.Tensor | None = None

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ) -> None:
        """Count such losses, and check the count from time to time."""
        loss = (outputs or {}).get('loss')
        if not isinstance(loss, torch.Tensor):
            return
        bad = ~torch.isfinite(loss.detach()).all()
        count = 0 if self._count is None else self._count
        self._count = (count + 1) * bad
        if not loss.is_cuda or self.every_n_train_iters(runner, INTERVAL):
            self._check(runner, PATIENCE)

    def after_train_epoch(self, runner) -> None:
        """Check the count."""
        self._check(runner, PATIENCE)

    def after_train(self, runner) -> None:
        """Check the last loss of the training."""
        self._check(runner, 1)

    def _check(self, runner, patience: int) -> None:
        count = 0 if self._count is None else int(self._count)
        if count >= patience:
            raise DivergedError(
                f'the loss was NaN or infinite in the last {count} iterations '
                f'up to iteration {runner.iter + 1}, and so may be the newest '
                'checkpoints: lower the learning rate, clip gradients '
                '(optim_wrapper.clip_grad), or look at the images'
            )
