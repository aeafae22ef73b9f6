from types import SimpleNamespace

import pytest
import torch

from mmseg_wsss.engine.hooks.stop_on_nan_hook import (
    DivergedError,
    StopOnNaNHook,
)

NAN = float('nan')


def run(hook, *losses):
    for k, value in enumerate(losses):
        runner = SimpleNamespace(iter=k)
        outputs = dict(loss=torch.tensor(value))
        hook.after_train_iter(runner, k, outputs=outputs)
    return SimpleNamespace(iter=len(losses))


def test_several_in_a_row_stop_the_run():
    with pytest.raises(DivergedError, match=r'last 3 iterations up to .* 5'):
        run(StopOnNaNHook(patience=3), 1.0, 2.0, NAN, float('inf'), NAN)


def test_single_ones_pass():
    hook = StopOnNaNHook(patience=2)
    last = run(hook, NAN, 1.0, NAN, 1.0)
    hook.after_train_epoch(last)
    hook.after_train(last)


def test_a_run_that_ends_with_nan():
    hook = StopOnNaNHook()
    last = run(hook, 1.0, NAN)
    hook.after_train_epoch(last)
    with pytest.raises(DivergedError, match='learning rate'):
        hook.after_train(last)


def test_outputs_without_a_loss_and_bad_options():
    StopOnNaNHook().after_train_iter(SimpleNamespace(iter=0), 0, outputs={})
    with pytest.raises(ValueError, match='patience'):
        StopOnNaNHook(patience=0)
