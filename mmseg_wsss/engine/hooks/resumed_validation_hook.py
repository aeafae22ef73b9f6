"""A hook that makes up for a validation in which a training was stopped."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class ResumedValidationHook(Hook):
    """Validate at the start of a resumed run where a validation was due.

    MMEngine writes a checkpoint before the validation of the same epoch, and
    a run that goes on from there begins with the next epoch: if it was
    stopped in a validation, that one is never made up for, and if it was the
    last, the run ends without figures. A checkpoint does not tell whether
    its validation was finished, so at most one is done twice. It changes
    no weight.

    ``tools/train.py`` adds this hook to a run that resumes.
    """

    priority = 'LOWEST'  # behind hooks that make themselves ready

    def before_train(self, runner: Runner) -> None:
        """Validate, if the run is behind an epoch or iteration with one.

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
