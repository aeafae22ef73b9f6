import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mmseg_wsss.engine.teacher import Teacher
from tests import tiny  # noqa: F401  registers the backbone

EMA = dict(type='ExponentialMovingAverage', momentum=0.25, update_buffers=True)


def head(kind='FCNHead', **options):
    base = dict(
        type=kind,
        in_channels=8,
        in_index=0,
        channels=8,
        num_classes=4,
        norm_cfg=dict(type='BN'),
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
    if kind == 'FCNHead':
        base['num_convs'] = 1
    return {**base, **options}


def segmentor(decode_head, kind='EncoderDecoder', **more):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type=kind,
            backbone=dict(type='TinyBackbone'),
            decode_head=decode_head,
            train_cfg={},
            # The teacher sees a crop whole, whatever the test does.
            test_cfg=dict(mode='slide', crop_size=(8, 8), stride=(4, 4)),
            **more,
        )
    )


def test_it_is_the_moving_average_of_parameters_and_buffers():
    student = segmentor(head())
    teacher = Teacher(EMA, student)
    history = []
    for step in range(5):
        with torch.no_grad():
            for parameter in student.parameters():
                parameter.add_(torch.randn_like(parameter))
            student(torch.randn(2, 3, 16, 16) + step)  # moves the statistics
        teacher.update(student)
        state = student.state_dict()
        history.append({k: v.clone() for k, v in state.items()})
    # T_1 = theta_1, T_k = 3/4 T_(k-1) + 1/4 theta_k
    weights = [0.75**4] + [0.25 * 0.75 ** (4 - k) for k in range(1, 5)]
    assert sum(weights) == pytest.approx(1)
    checked = 0
    for name, value in teacher.module.state_dict().items():
        if not value.is_floating_point():
            continue
        expected = sum(
            w * state[name] for w, state in zip(weights, history, strict=True)
        )
        assert torch.allclose(value, expected, atol=1e-5), name
        checked += 'running' in name
    assert checked == 4  # mean and variance of two batch norms
    assert not any(p.requires_grad for p in teacher.average.parameters())
    assert not teacher.module.training


def test_restart_and_state():
    student = segmentor(head())
    teacher = Teacher(EMA, student)
    for _ in range(3):
        with torch.no_grad():
            student.decode_head.conv_seg.weight.add_(1)
        teacher.update(student)
    twin = Teacher(EMA, segmentor(head()))
    twin.load_state_dict(teacher.state_dict())
    with torch.no_grad():
        student.decode_head.conv_seg.weight.add_(1)
    teacher.update(student)
    twin.update(student)
    for name, value in teacher.state_dict().items():
        assert torch.equal(value, twin.state_dict()[name]), name
    twin.copy_from(student)
    for name, value in twin.module.state_dict().items():
        assert torch.equal(value, student.state_dict()[name]), name
    assert twin.average.steps == 0
    other = Teacher(EMA, segmentor(head(num_classes=3)))
    with pytest.raises(RuntimeError, match='size mismatch'):
        other.load_state_dict(teacher.state_dict())


def test_probabilities_of_a_batch_of_its_own_size():
    student = segmentor(head())
    student.train()
    images = torch.randn(3, 3, 24, 20, requires_grad=True)
    probabilities = Teacher(EMA, student).probabilities(images)
    assert probabilities.shape == (3, 4, 24, 20)
    assert torch.allclose(probabilities.sum(1), torch.ones(3, 24, 20))
    assert not probabilities.requires_grad
    assert student.training
    # Pictures of a batch do not see each other.
    alone = Teacher(EMA, student).probabilities(images[1:2])
    assert torch.allclose(probabilities[1:2], alone, atol=1e-6)


def test_one_channel_and_cascade():
    binary = segmentor(head(num_classes=2, out_channels=1, threshold=0.3))
    probabilities = Teacher(EMA, binary).probabilities(torch.randn(1, 3, 8, 8))
    assert probabilities.shape == (1, 2, 8, 8)
    assert torch.allclose(probabilities.sum(1), torch.ones(1, 8, 8))
    stages = [head(), head('OCRHead', ocr_channels=8)]
    cascade = segmentor(stages, 'CascadeEncoderDecoder', num_stages=2)
    probabilities = Teacher(EMA, cascade).probabilities(
        torch.randn(2, 3, 12, 8)
    )
    assert probabilities.shape == (2, 4, 12, 8)


def test_under_autocast_probabilities_are_float32():
    teacher = Teacher(EMA, segmentor(head()))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        probabilities = teacher.probabilities(torch.randn(1, 3, 8, 8))
    assert probabilities.dtype == torch.float32


def test_something_else_is_no_teacher():
    MODELS.register_module(
        'NoAverage', module=type('NoAverage', (nn.Identity,), {}), force=True
    )
    with pytest.raises(ValueError, match='averaged model'):
        Teacher(dict(type='NoAverage'), segmentor(head()))
