from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModule
from torch import nn

from mmseg_wsss import PriorEncoderDecoder
from mmseg_wsss.engine.hooks.checkpoint_check_hook import (
    CheckpointCheckHook,
    check_schedule,
)
from mmseg_wsss.io.checkpoints import check_classes, compare_weights


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        self.decode_head = nn.Conv2d(4, 2, 1)
        self.auxiliary_head = nn.Conv2d(4, 2, 1)


def runner(classes=('background', 'cat')):
    dataset = SimpleNamespace(metainfo=dict(classes=classes))
    return SimpleNamespace(
        model=Model(), test_dataloader=SimpleNamespace(dataset=dataset)
    )


def state(drop='', **changes):
    weights = {
        k: v for k, v in Model().state_dict().items() if not k.startswith('-')
    }
    if drop:
        weights = {k: v for k, v in weights.items() if drop not in k}
    return {**weights, **changes}


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_a_checkpoint_that_fits(prefix):
    weights = state(drop='auxiliary_head')
    weights = {prefix + k: v for k, v in weights.items()}
    weights['decode_head.displacement.weight'] = torch.zeros(1)  # of 0.1
    CheckpointCheckHook().after_load_checkpoint(
        runner(), dict(state_dict=weights)
    )


@pytest.mark.parametrize(
    ('weights', 'message'),
    [
        ({'fc.weight': torch.zeros(3)}, r'8 tensors are missing.*backbone'),
        (state(drop='decode_head'), r'2 tensors are missing.*decode_head'),
        (
            state(**{'decode_head.weight': torch.zeros(3, 4, 1, 1)}),
            r'1 tensors have another shape.*decode_head.weight',
        ),
        (
            state(**{'backbone.0.bias': torch.full((4,), torch.nan)}),
            'NaN or infinite.*backbone.0.bias',
        ),
    ],
)
def test_a_checkpoint_of_something_else(weights, message):
    with pytest.raises(ValueError, match=message):
        CheckpointCheckHook().after_load_checkpoint(
            runner(), dict(state_dict=weights)
        )


@pytest.mark.parametrize(
    'stored', [('cat', 'background'), ('background', 'cat', 'dog')]
)
def test_other_classes(stored):
    checkpoint = dict(
        state_dict=state(), meta=dict(dataset_meta=dict(classes=stored))
    )
    with pytest.raises(ValueError, match='in the same order'):
        CheckpointCheckHook().after_load_checkpoint(runner(), checkpoint)


def test_classes_under_other_names_pass():
    metainfo = dict(classes=('Hintergrund', 'Katze'))
    stored = dict(classes=('background', 'cat'))
    check_classes(dict(meta=dict(dataset_meta=stored)), metainfo, 'x')
    check_classes(dict(meta=None), metainfo, 'x')


def test_training_reports_and_loads():
    CheckpointCheckHook(strict=False).after_load_checkpoint(
        runner(), dict(state_dict={})
    )
    missing, other, broken = compare_weights(Model(), {})
    assert len(missing) == 8 and not other and not broken


def test_an_auxiliary_head_that_predicts_is_compared():
    """As that of PriorEncoderDecoder; others only train."""
    assert PriorEncoderDecoder.predicts_with_auxiliary
    model = nn.ModuleDict(dict(auxiliary_head=nn.Conv2d(1, 1, 1)))
    assert compare_weights(model, {})[0] == []
    model.predicts_with_auxiliary = True
    assert len(compare_weights(model, {})[0]) == 2


class Pretrained(BaseModule):
    def __init__(self, **init_cfg):
        super().__init__(dict(type='Pretrained', **init_cfg))
        self.conv = nn.Conv2d(3, 4, 1)


@pytest.mark.parametrize(
    ('names', 'prefix', 'fits'),
    [
        ('conv', None, True),
        ('backbone.conv', 'backbone.', True),
        ('backbone.conv', 'backbone', True),
        ('backbone.conv', None, False),
        ('layer1.0', None, False),
    ],
)
def test_weights_of_a_part(tmp_path, names, prefix, fits):
    file = str(tmp_path / 'w.pth')
    stored = nn.Conv2d(3, 4, 1).state_dict()
    torch.save({f'{names}.{k}': x for k, x in stored.items()}, file)
    model = nn.ModuleDict(
        dict(backbone=Pretrained(checkpoint=file, prefix=prefix))
    )
    run = SimpleNamespace(model=model, _resume=False)
    hook = CheckpointCheckHook(strict=False)
    if fits:
        hook.before_train(run)
        return
    with pytest.raises(
        ValueError, match=f'0 of 2 tensors of backbone .*{names}'
    ):
        hook.before_train(run)
    # The weights are those of another checkpoint.
    for name in ('_resume', '_load_from'):
        hook.before_train(SimpleNamespace(model=model, **{name: 'x.pth'}))


@pytest.mark.parametrize(('stored', 'fits'), [(1, False), (2, True)])
def test_weights_of_another_network(tmp_path, stored, fits):
    """Of a network with 8 tensors a quarter must fit."""
    file = str(tmp_path / 'w.pth')
    part = Pretrained(checkpoint=file)
    part.others = nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(3)))
    names = list(part.state_dict())[:stored]
    torch.save({k: part.state_dict()[k] for k in names}, file)
    run = SimpleNamespace(model=nn.ModuleDict(dict(backbone=part)))
    hook = CheckpointCheckHook(strict=False)
    if fits:
        hook.before_train(run)
        return
    with pytest.raises(ValueError, match='1 of 8 tensors of backbone are in'):
        hook.before_train(run)


def scheduled(end=4, by_epoch=True, epochs=4, iterations=40):
    schedulers = [SimpleNamespace(end=end, by_epoch=by_epoch)]
    return SimpleNamespace(
        param_schedulers=schedulers, max_epochs=epochs, max_iters=iterations
    )


@pytest.mark.parametrize('stored', [2, 40])
def test_a_resumed_schedule_of_another_length(stored):
    run = scheduled()
    check_schedule(run, dict(param_schedulers=[dict(end=4)]))
    check_schedule(run, dict())
    said = rf'ends at {stored}, .* at 4.*number of ranks'
    with pytest.raises(ValueError, match=said):
        check_schedule(run, dict(param_schedulers=[dict(end=stored)]))


@pytest.mark.parametrize(
    ('end', 'by_epoch', 'fits'),
    [
        (4, True, False),
        (40, False, False),
        (8, True, True),
        (80, False, True),
        (10**9, True, True),  # never ends
        (2, True, True),  # a warm-up
    ],
)
def test_a_resumed_run_that_outlasts_its_schedule(end, by_epoch, fits):
    stored = dict(
        param_schedulers=[dict(end=end)],
        message_hub=dict(runtime_info=dict(max_epochs=4, max_iters=40)),
    )
    check_schedule(scheduled(end, by_epoch), stored)
    longer = scheduled(end, by_epoch, 8, 80)
    if fits:
        check_schedule(longer, stored)
    else:
        with pytest.raises(ValueError, match=r'for 40 iterations, .* 80, and'):
            check_schedule(longer, stored)
