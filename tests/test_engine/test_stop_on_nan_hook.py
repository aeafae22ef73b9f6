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
    losses = [1.0, 2.0, NAN, float('inf'), NAN, NAN]
    run(StopOnNaNHook(), *losses)
    with pytest.raises(DivergedError, match=r'last 5 iterations up to .* 7'):
        run(StopOnNaNHook(), *losses, NAN)


def test_single_ones_pass():
    hook = StopOnNaNHook()
    last = run(hook, *[NAN, NAN, NAN, 1.0] * 2)
    hook.after_train_epoch(last)
    hook.after_train(last)


def test_a_run_that_ends_with_nan():
    hook = StopOnNaNHook()
    last = run(hook, 1.0, NAN)
    hook.after_train_epoch(last)
    with pytest.raises(DivergedError, match='learning rate'):
        hook.after_train(last)


def test_outputs_without_a_loss():
    StopOnNaNHook().after_train_iter(SimpleNamespace(iter=0), 0, outputs={})
