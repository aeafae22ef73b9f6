"""SIPE's head: features, prediction with its own background, files."""

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from mmseg.structures import SegDataSample

from mmseg_wsss import SIPEHead, batch_context, set_image_labels
from mmseg_wsss.io.cam import load_cam
from mmseg_wsss.io.labels import read_label
from mmseg_wsss.models.segmentors import AdversarialCAMTTAModel
from mmseg_wsss.pseudo_labels import (
    initial_scores,
    prototype_maps,
    structure_seeds,
)
from tests import tiny

CHANNELS, SIDES, K = (6, 5, 8), (4, 3, 6), 3


def maps(height=5, width=6, n=2):
    sizes = (4 * height, 4 * width), (2 * height, 2 * width), (height, width)
    return [
        torch.randn(n, c, *size)
        for c, size in zip(CHANNELS, sizes, strict=True)
    ]


def head(**options):
    torch.manual_seed(0)
    options = {
        'num_classes': K + 1,
        'side_channels': SIDES,
        'in_index': (0, 1, 2),
        'dropout_ratio': 0.0,
        **options,
    }
    built = SIPEHead(CHANNELS, **options)
    built.init_weights()
    return built


def test_features():
    built, features = head(), maps()
    out = built(features)
    assert out.cam.shape == (2, K, 5, 6)
    assert torch.equal(out.cam, built.conv_seg(features[-1]))
    assert torch.equal(out.deep_features, features[-1])
    assert out.side_features.shape == (2, sum(SIDES), 5, 6)
    parts = out.side_features.split(SIDES, 1)
    for part, conv, x in zip(parts, built.sides, features, strict=True):
        reduced = torch.nn.functional.conv2d(x, conv.weight)
        reduced = reduced / reduced.norm(dim=1, keepdim=True)
        assert torch.allclose(part, built.upsample(reduced, (5, 6)), atol=1e-4)
    assert torch.allclose(parts[-1].norm(dim=1), torch.ones(()), atol=1e-4)


def test_gradient_routes():
    built = head()
    features = [x.requires_grad_() for x in maps()]
    out = built(features)
    out.side_features.square().sum().backward()
    assert all(x.grad is None for x in features)
    assert built.conv_seg.weight.grad is None
    assert not out.deep_features.requires_grad
    out.cam.sum().backward()
    assert features[-1].grad.any() and features[0].grad is None


def test_activation_is_what_the_parts_are():
    built = head().eval()
    out = built(maps())
    scores = initial_scores(out.cam)
    seeds = structure_seeds(scores, out.side_features)
    expected = prototype_maps(out.side_features, seeds)
    found = built.activation(out)
    assert found.shape == (2, K + 1, 5, 6)
    assert torch.allclose(found, expected)
    with torch.autocast('cpu', torch.bfloat16):
        assert built.activation(out).dtype == torch.float32


def test_scores_have_the_background_of_the_maps():
    built = head(background_index=2).eval()
    rng = torch.Generator().manual_seed(0)
    cam = 3 * torch.rand(2, K + 1, 4, 5, generator=rng)
    candidates = torch.tensor([[1.0, 0, 1], [0, 0, 0]])
    scores = built.scores(cam, candidates)
    highest = cam.amax((2, 3), keepdim=True)
    expected = cam / highest
    assert torch.allclose(scores[:, 2], expected[:, 0], atol=1e-4)
    for row, k in enumerate((0, 1, 3)):
        for n in range(2):
            wanted = expected[n, row + 1] * candidates[n, row]
            assert torch.allclose(scores[n, k], wanted, atol=1e-4)
    assert scores.min() >= 0 and scores.max() <= 1


def test_absent_classes_take_cells_away():
    """They compete for seeds and are dropped from the scores alone."""
    built = head().eval()
    features = maps(n=1)
    sample = SegDataSample()
    set_image_labels(sample, torch.tensor([1.0, 0, 1, 0]))
    metas = [dict(img_shape=(10, 12))]
    with batch_context([sample]):
        scores = built.predict(features, metas, {})
    built.candidates = 'all'
    free = built.predict(features, metas, {})
    assert scores.shape == (1, K + 1, 10, 12)
    assert torch.equal(scores[:, [0, 2]], free[:, [0, 2]])
    assert not scores[:, [1, 3]].any() and free.any()
    assert torch.equal(
        built.class_logits(built(features)), built(features).cam.mean((2, 3))
    )


def test_errors():
    with pytest.raises(ValueError, match='one index and one side width'):
        head(side_channels=(4, 3))
    with pytest.raises(ValueError, match='prototype of the background'):
        head(background_index=None, num_classes=K)


@pytest.mark.parametrize('tta', [False, True])
def test_training_and_files(tiny_root, tmp_path, tta, monkeypatch):
    monkeypatch.setattr('mmseg_wsss.io.cam.STRIDE', 1)
    cfg = tiny.config(tiny_root, tiny.sipe_head(), tmp_path / 'work')
    folder = tmp_path / 'cams'
    labels = tmp_path / 'labels'
    if tta:
        cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
        cfg.model = dict(type='mmseg_wsss.CAMTTAModel', module=cfg.model)
    cfg.test_evaluator.append(
        dict(
            type='mmseg_wsss.PseudoLabelWriter',
            cam_dir=str(folder),
            label_dir=str(labels),
        )
    )
    runner = Runner.from_cfg(cfg)
    if not tta:
        runner.train()
        scalars = runner.message_hub.log_scalars
        assert 'train/decode.loss_sipe' in scalars
        assert 'train/decode.loss_gap' in scalars
    metrics = runner.test()
    assert 0 <= metrics['mIoU'] <= 100
    assert metrics['OC_image_rate'] == 0
    for index in range(6):
        classes, cam = load_cam(folder / f'img_{index}.npz')
        expected = {0, 1 + index % 3, 1 + (index // 3) % 3}
        assert classes.tolist() == sorted(expected)
        label = read_label(labels / f'img_{index}.png')
        ours = classes[cam.argmax(0)]
        assert np.mean(ours == label) > 0.99  # but for float16


def test_advcam_refuses_it():
    class Segmentor(torch.nn.Module):
        decode_head = head()
        test_step = None

    with pytest.raises(ValueError, match='use CAMTTAModel'):
        AdversarialCAMTTAModel(Segmentor())
