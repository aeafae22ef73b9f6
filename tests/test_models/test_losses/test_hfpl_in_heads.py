"""ISL and FSL where MMSeg calls losses: heads, hooks, whole runs."""

import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS

from mmseg_wsss.structures import current_images, rgb_images
from tests import tiny
from tests.test_models.test_losses.test_ocr_in_heads import samples, segmentor

ISL = dict(type='mmseg_wsss.BinomialISL')
FSL = dict(type='mmseg_wsss.FSL')
BOTH = [ISL, FSL]


def steps(root, work_dir, head, **changes):
    """Train an epoch; the logged losses by name."""
    cfg = tiny.config(root, head, work_dir)
    cfg.merge_from_dict(changes)
    runner = Runner.from_cfg(cfg)
    runner.train()
    return {
        name.removeprefix('train/'): scalar.current()
        for name, scalar in runner.message_hub.log_scalars.items()
        if 'loss' in name
    }


def test_cam_head_in_a_runner(tiny_root, tmp_path):
    losses = steps(tiny_root, tmp_path, tiny.cam_head(loss_decode=BOTH))
    assert losses['decode.loss_isl'] > 0
    assert losses['decode.loss_fsl'] != 0


def test_a_seeded_run_repeats_its_losses(tiny_root, tmp_path):
    head = tiny.cam_head(loss_decode=BOTH)
    runs = [steps(tiny_root, tmp_path / name, head) for name in 'ab']
    assert runs[0] == runs[1]


def test_ordinary_head_with_a_background_channel(tiny_root, tmp_path):
    losses = steps(tiny_root, tmp_path, tiny.fcn_head(*BOTH))
    for name in ('loss_ce', 'loss_isl', 'loss_fsl'):
        assert torch.isfinite(torch.tensor(losses[f'decode.{name}']))


def test_auxiliary_cam_head_beside_a_segmentor(tiny_root, tmp_path):
    losses = steps(
        tiny_root,
        tmp_path,
        tiny.fcn_head(),
        **{'model.auxiliary_head': tiny.cam_head(loss_decode=BOTH)},
    )
    assert {'decode.loss_ce', 'aux.loss_isl', 'aux.loss_fsl'} <= set(losses)


def test_loss_sees_the_images_that_the_network_sees(monkeypatch):
    model = segmentor(
        dict(
            type='mmseg_wsss.CAMHead',
            in_channels=16,
            in_index=0,
            num_classes=5,
            loss_decode=[dict(type='mmseg_wsss.FSL', sigma=2.0)],
        )
    )
    torch.manual_seed(0)
    inputs = torch.rand(2, 3, 32, 32) * 2 - 1
    seen = []

    def spy(caller):
        seen.append(current_images(caller))
        return seen[-1]

    monkeypatch.setattr('mmseg_wsss.models.losses.fsl.current_images', spy)
    loss = model(inputs, samples(32), mode='loss')['decode.loss_fsl']
    expected = rgb_images(inputs, model.data_preprocessor)
    assert torch.equal(seen[0], expected)
    loss.backward()
    assert model.decode_head.conv_seg.weight.grad.abs().max() > 0


def test_registered_without_a_scope():
    init_default_scope('mmseg')
    assert MODELS.get('BinomialISL') and MODELS.get('FSL')
