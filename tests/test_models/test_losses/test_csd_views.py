"""The pasted views' forward: teacher, students, norms; and their cells."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_wsss import batch_context, set_image_labels
from mmseg_wsss.models.losses import csd_views
from mmseg_wsss.models.losses.csd_views import (
    full_cells,
    run_current_views,
    view_logits,
)
from mmseg_wsss.structures import find_paste_views, set_paste_views
from tests import tiny


def sample(seed=0, size=(32, 32), source_size=(32, 32), **options):
    rng = np.random.default_rng(seed)
    pictures = {
        name: rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        for name, shape in (
            ('source', source_size),
            ('foreground', size),
            ('background', size),
        )
    }
    half = np.zeros(size, bool)
    half[:, : size[1] // 2] = True
    made = SegDataSample()
    set_image_labels(made, np.array([1, 1, 1, 0]))
    set_paste_views(
        made,
        **pictures,
        foreground_mask=half,
        background_mask=~half,
        labels=np.array([1, 1, 1, 1]),
        target_labels=np.array([1, 1, 1, 0]),
        source_labels=np.array([1, 0, 0, 1]),
        **options,
    )
    return made


def segmentor(norm=None, dropout=0.0, **loss):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    losses = [
        dict(type='mmseg_wsss.GAPLoss'),
        dict(type='mmseg_wsss.CSDLoss', **loss),
    ]
    head = tiny.cam_head(loss_decode=losses, dropout_ratio=dropout)
    model = MODELS.build(
        dict(
            type='mmseg_wsss.WSSSEncoderDecoder',
            data_preprocessor=dict(
                type='SegDataPreProcessor',
                mean=[127.5] * 3,
                std=[127.5] * 3,
                bgr_to_rgb=True,
                size=(32, 32),
            ),
            backbone=dict(type='TinyBackbone'),
            decode_head=head,
            train_cfg=dict(),
            test_cfg=dict(mode='whole'),
        )
    )
    if norm is not None:
        model.backbone.conv = nn.Sequential(model.backbone.conv, norm)
    return model.train()


def run(model, *samples, **options):
    views = find_paste_views(samples)
    return view_logits(model, model.decode_head, views, **options)


def test_views_see_what_the_network_would_alone():
    model, one = segmentor(), sample()
    pairs = run(model, one, sample(1))
    views = one.paste_views
    for kind in ('foreground', 'background'):
        alone = model.data_preprocessor(
            dict(
                inputs=[views.source, views.get(kind)],
                data_samples=[SegDataSample(), SegDataSample()],
            ),
            True,
        )
        expected = model(alone['inputs'], mode='tensor')
        pair = pairs[kind]
        assert torch.allclose(pair.teacher[:1], expected[:1], atol=1e-6)
        assert torch.allclose(pair.student[:1], expected[1:], atol=1e-6)
        assert torch.equal(pair.mask[0], views.get(f'{kind}_mask'))
        assert not pair.teacher.requires_grad
        assert pair.student.requires_grad
    assert pairs['foreground'].labels[0].tolist() == [1, 1, 1, 1]
    assert pairs['background'].labels[0].tolist() == [1, 1, 1, 0]
    assert pairs['background'].source_labels[0].tolist() == [1, 0, 0, 1]
    assert pairs['background'].background_index == 0


def test_the_background_index_comes_with_the_views():
    pairs = run(segmentor(), sample(background_index=None))
    assert pairs['foreground'].background_index is None
    model = segmentor()
    one = sample(background_index=3)
    with batch_context([one], segmentor=model):
        loss = model.decode_head.loss_decode[1](torch.zeros(1, 3, 8, 8))
    assert loss > 0
    with pytest.raises(ValueError, match='different background_index'):
        run(segmentor(), sample(), one)


def test_full_cells():
    mask = torch.zeros(1, 16, 20, dtype=torch.bool)
    mask[:, 3:13, 4:19] = True
    cells = full_cells(mask, (4, 5))
    assert cells[0].int().tolist() == [
        [0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0],
    ]
    assert torch.equal(full_cells(cells, (4, 5)), cells)
    assert full_cells(torch.ones(1, 33, 33), (5, 5)).all()


def test_padding_is_no_part_of_the_masks():
    pairs = run(segmentor(), sample(size=(24, 20), source_size=(16, 32)))
    mask = pairs['background'].mask
    assert mask.shape == (1, 32, 32)
    assert not mask[:, 24:].any() and not mask[:, :, 20:].any()
    assert mask[:, :24, 10:20].all()


def test_running_statistics():
    norm = nn.BatchNorm2d(8)
    model = segmentor(norm)
    with torch.no_grad():
        norm.running_mean.fill_(0.3)
    before = norm.running_mean.clone()
    together = run(model, sample(), sample(1), norm='running')
    alone = run(model, sample(), norm='running')
    for got, expected in zip(
        together['foreground'][:2], alone['foreground'][:2], strict=True
    ):
        assert torch.allclose(got[:1], expected, atol=1e-6)
    assert torch.equal(norm.running_mean, before)
    assert norm.training and norm.num_batches_tracked == 0


def test_statistics_of_the_views_are_not_kept():
    norm = nn.BatchNorm2d(8)
    model = segmentor(norm)
    before = norm.running_mean.clone(), norm.running_var.clone()
    pair = run(model, sample(), sample(1), norm='batch')['foreground']
    assert torch.equal(norm.running_mean, before[0])
    assert torch.equal(norm.running_var, before[1])
    assert norm.training and norm.momentum == 0.1
    # Under momentum=None it is what the average divides by.
    assert norm.num_batches_tracked == 0
    alone = run(model, sample(), norm='batch')['foreground']
    for together, other in zip(pair[:2], alone[:2], strict=True):
        assert not torch.allclose(together[:1], other, atol=1e-4)
    # Equal pictures give equal maps: teacher and student are normalised alike.
    twin = sample()
    for kind in ('foreground', 'background'):
        twin.paste_views.set_data({kind: twin.paste_views.source})
    pair = run(model, twin, norm='batch')['foreground']
    assert torch.allclose(pair.teacher, pair.student, atol=1e-5)


def test_layers_in_eval_mode_stay_so():
    norm = nn.BatchNorm2d(8)
    model = segmentor(norm)
    norm.eval()
    results = [
        run(model, sample(), norm=kind)['foreground'].student
        for kind in ('batch', 'running')
    ]
    assert torch.equal(results[0], results[1])
    assert not norm.training and norm.num_batches_tracked == 0


def test_layers_that_learn_no_statistics_are_left_alone():
    frozen = nn.Module()
    frozen.register_buffer('running_mean', torch.zeros(8))
    frozen.forward = lambda x: x
    for norm in (nn.GroupNorm(2, 8), nn.InstanceNorm2d(8), frozen):
        model = segmentor(norm)
        together = run(model, sample(), sample(1))['foreground'].student
        alone = run(model, sample())['foreground'].student
        assert torch.allclose(together[:1], alone, atol=1e-6)


def test_teacher_has_no_dropout_and_modes_come_back():
    model = segmentor(dropout=0.5)
    modes = [module.training for module in model.modules()]
    first, second = (run(model, sample())['foreground'] for _ in range(2))
    assert torch.equal(first.teacher, second.teacher)
    assert not torch.equal(first.student, second.student)
    assert [module.training for module in model.modules()] == modes


def test_synchronised_statistics_are_refused_between_ranks(monkeypatch):
    model = segmentor(nn.SyncBatchNorm(8))
    monkeypatch.setattr(csd_views, 'get_world_size', lambda: 2)
    with pytest.raises(ValueError, match="='running'"):
        run(model, sample(), norm='batch')
    pairs = run(model, sample(), norm='running')
    assert pairs['foreground'].student.requires_grad


def test_checkpointed_activations_are_refused():
    # Their second forward, in the backward pass, comes after the modes.
    model = segmentor(nn.BatchNorm2d(8))
    model.backbone.with_cp = True
    for norm in ('batch', 'running'):
        with pytest.raises(ValueError, match='with_cp=True and batch norms'):
            run(model, sample(), norm=norm)
    model.backbone.conv[1].eval()
    assert run(model, sample(), norm='batch')


def test_the_loss_runs_its_own_head():
    model = segmentor()
    loss = model.decode_head.loss_decode[1]
    samples = [sample(), sample(1)]
    with batch_context(samples, segmentor=model):
        pairs = run_current_views(loss, ('background',), 'batch')
        with pytest.raises(ValueError, match='is in no decode head'):
            run_current_views(nn.Identity(), ('background',), 'batch')
    assert pairs.keys() == {'background'}
    batch = dict(
        inputs=[s.paste_views.foreground for s in samples],
        data_samples=samples,
    )
    batch = model.data_preprocessor(batch, True)
    losses = model(**batch, mode='loss')
    assert losses['decode.loss_csd'] > 0
    losses['decode.loss_csd'].backward()
    assert model.backbone.conv.weight.grad.abs().max() > 0
    for one in batch['data_samples']:
        del one.paste_views
    losses = model(**batch, mode='loss')
    assert losses['decode.loss_csd'] == 0


def test_only_the_views_with_a_weight_are_run(monkeypatch):
    model = segmentor(bg_weight=0)
    seen = []
    extract = model.extract_feat
    monkeypatch.setattr(
        model, 'extract_feat', lambda x: seen.append(len(x)) or extract(x)
    )
    samples = [sample(), sample(1)]
    with batch_context(samples, segmentor=model):
        model.decode_head.loss_decode[1](torch.zeros(2, 3, 8, 8))
    assert seen == [2, 2]
    model.decode_head.loss_decode[1].fg_weight = 0
    with batch_context(samples, segmentor=model):
        model.decode_head.loss_decode[1](torch.zeros(2, 3, 8, 8))
    assert seen == [2, 2]


def test_the_network_runs_under_autocast(monkeypatch):
    model, samples = segmentor(), [sample()]
    dtypes = []
    extract = model.extract_feat

    def record(inputs):
        features = extract(inputs)
        dtypes.append(features[0].dtype)
        return features

    monkeypatch.setattr(model, 'extract_feat', record)
    with (
        torch.autocast('cpu', torch.bfloat16),
        batch_context(samples, segmentor=model),
    ):
        loss = model.decode_head.loss_decode[1](torch.zeros(1, 3, 8, 8))
    assert dtypes == [torch.bfloat16] * 2
    assert loss.dtype == torch.float32


def test_weights_cast_by_autocast_keep_their_gradient():
    model, samples = segmentor(), [sample()]
    with (
        torch.autocast('cpu', torch.bfloat16),
        batch_context(samples, segmentor=model),
    ):
        loss = model.decode_head.loss_decode[1](torch.zeros(1, 3, 8, 8))
    loss.backward()
    assert model.backbone.conv.weight.grad.abs().max() > 0
