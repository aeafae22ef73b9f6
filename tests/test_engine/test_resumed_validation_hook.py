from types import SimpleNamespace

import pytest
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner

from mmseg_wsss.engine.hooks import ResumedValidationHook
from tests import tiny


def validations(loop_type, count, last, done, interval=1, begin=1):
    """Count the validations that the hook runs before a training."""
    runs = []
    loop = loop_type.__new__(loop_type)
    word = 'epoch' if loop_type is EpochBasedTrainLoop else 'iter'
    setattr(loop, f'_{word}', done)
    setattr(loop, f'_max_{word}s', last)
    loop.val_interval, loop.val_begin = interval, begin
    val_loop = SimpleNamespace(run=lambda: runs.append(1)) if count else None
    runner = SimpleNamespace(train_loop=loop, val_loop=val_loop)
    ResumedValidationHook().before_train(runner)
    return len(runs)


@pytest.mark.parametrize('loop', [EpochBasedTrainLoop, IterBasedTrainLoop])
@pytest.mark.parametrize(
    ('expected', 'done', 'options'),
    [
        (0, 0, {}),  # not resumed
        (1, 1, {}),
        (0, 3, dict(interval=2)),
        (1, 4, dict(interval=2)),
        (0, 4, dict(interval=2, begin=5)),
        (1, 9, dict(interval=2)),  # the last is always validated
    ],
)
def test_validates_where_a_validation_was_due(loop, expected, done, options):
    assert validations(loop, 1, 9, done, **options) == expected


def test_a_training_without_validation():
    assert validations(EpochBasedTrainLoop, 0, 9, 9) == 0


def test_a_run_stopped_in_its_last_validation_gets_its_figures(
    tiny_root, tmp_path
):
    def run(work_dir, hooks, **changes):
        cfg = tiny.config(tiny_root, tiny.fcn_head(), work_dir)
        cfg.custom_hooks += hooks
        cfg.merge_from_dict(changes)
        runner = Runner.from_cfg(cfg)
        runner.train()
        return runner.message_hub.log_scalars

    whole = run(tmp_path / 'whole', [])
    resumed = run(
        tmp_path / 'resumed',
        [dict(type='mmseg_wsss.ResumedValidationHook')],
        resume=True,
        load_from=str(tmp_path / 'whole' / 'epoch_1.pth'),
    )
    figure = whole['val/mIoU'].current()
    assert resumed['val/mIoU'].current() == figure
    # The training itself was over.
    assert len(resumed['val/mIoU'].data[0]) == 1
