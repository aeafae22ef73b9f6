"""A hook that repeats a validation in which a training was stopped."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class ResumedValidationHook(Hook):
    """Validate at the start of a resumed run if a validation was due.

    MMEngine writes a checkpoint before the validation of the same epoch, and
    a resumed run begins with the next epoch: a validation that was stopped is
    skipped, and if it was the last, the run ends without metrics. A
    checkpoint does not store whether its validation was finished, so at most
    one is done twice. It changes no weight.

    ``tools/train.py`` adds this hook to a run that resumes.
    """

    priority = 'LOWEST'  # after the before_train of all other hooks

    def before_train(self, runner: Runner) -> None:
        """Validate if the last epoch or iteration done has a validation.

        Args:
            runner: The runner, its checkpoint loaded.
        """
        loop = runner.train_loop
        if isinstance(loop, EpochBasedTrainLoop):
            done, last = loop.epoch, loop.max_epochs
        else:
            done, last = loop.iter, loop.max_iters
        if not done or runner.val_loop is None or done < loop.val_begin:
            return
        if done % loop.val_interval == 0 or done == last:
            runner.val_loop.run()
