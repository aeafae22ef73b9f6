"""Views that a loss runs: the batch that the head sees, norms, the head."""

import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from mmseg_wsss import (
    batch_context,
    current_data_samples,
    current_images,
    current_segmentor,
    network_inputs,
    owning_head,
    run_view,
    view_statistics,
)
from tests import tiny


def segmentor(norm=None):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            data_preprocessor=dict(
                type='SegDataPreProcessor',
                mean=[127.5] * 3,
                std=[60.0] * 3,
                bgr_to_rgb=True,
            ),
            backbone=dict(type='TinyBackbone'),
            decode_head=tiny.cam_head(dropout_ratio=0.0),
            auxiliary_head=tiny.cam_head(),
            train_cfg=dict(),
            test_cfg=dict(mode='whole'),
        )
    )
    if norm is not None:
        model.backbone.conv = nn.Sequential(model.backbone.conv, norm)
    return model.train()


def test_a_view_is_the_current_batch_while_it_runs():
    model, seen = segmentor(), []

    def record(head, args):
        seen.append((current_images('x'), current_data_samples()))
        assert current_segmentor('x') is model

    model.decode_head.register_forward_pre_hook(record)
    large, small = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 8, 8)
    inputs = network_inputs(small, model.data_preprocessor)
    with batch_context([1], lambda: large, model):
        logits = run_view(model, model.decode_head, inputs, [2])
        assert current_images('x') is large
    assert torch.allclose(seen[0][0], small, atol=1e-6)
    assert seen[0][1] == [2]
    assert torch.equal(logits, model(inputs, mode='tensor'))


@pytest.mark.parametrize('norm', ['batch', 'running'])
def test_running_statistics_stay(norm):
    layer = nn.BatchNorm2d(8)
    model = segmentor(layer)
    with torch.no_grad():
        layer.running_mean.fill_(0.3)
    state = {k: v.clone() for k, v in layer.state_dict().items()}
    inputs = torch.randn(2, 3, 16, 16)
    with view_statistics(model, 'MyLoss', norm):
        run_view(model, model.decode_head, inputs).sum().backward()
        maps = model.backbone(inputs)[0]
    for name, value in layer.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert layer.training and layer.momentum == 0.1
    # Which statistics were used, says the mean before the ReLU.
    expected = layer(model.backbone.conv[0](inputs))
    if norm == 'running':
        layer.load_state_dict(state)
        expected = layer.eval()(model.backbone.conv[0](inputs))
    assert torch.allclose(maps, expected.relu(), atol=1e-6)


def test_checkpointed_activations_are_refused():
    model = segmentor(nn.BatchNorm2d(8))
    model.backbone.with_cp = True
    with (
        pytest.raises(ValueError, match='MyLoss does not work with with_cp'),
        view_statistics(model, 'MyLoss'),
    ):
        pass
    model.backbone.conv[1].eval()
    with view_statistics(model, 'MyLoss'):
        pass


def test_the_head_that_has_a_loss():
    model = segmentor()
    for head in (model.decode_head, model.auxiliary_head):
        assert owning_head(model, head.loss_decode) is head
    with pytest.raises(ValueError, match='Identity is in no decode head'):
        owning_head(model, nn.Identity())
