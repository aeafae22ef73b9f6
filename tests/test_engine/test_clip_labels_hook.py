"""Labels made while training, and whole trainings on them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import HOOKS, MODELS
from mmseg.structures import SegDataSample

from mmseg_wsss import CLIPLabelsHook, set_image_labels
from mmseg_wsss.models.backbones.clip_second_path import second_path
from mmseg_wsss.models.backbones.frozen_clip import token_maps
from mmseg_wsss.pseudo_labels import text_cam
from mmseg_wsss.pseudo_labels.pixel_adaptive import (
    PAR,
    pixel_adaptive_refine,
)
from mmseg_wsss.pseudo_labels.text_similarity import similarity_maps
from mmseg_wsss.structures import rgb_images
from tests import tiny, tiny_clip
from tests.processes import run_ranks
from tests.test_models.test_segmentors.test_clip_seeds import (
    build as build_seeds,
)
from tests.tiny_clip import write_texts

pytest.importorskip('timm')
LABELS = torch.tensor([[1.0, 1, 0, 1], [1, 0, 1, 0]])


@pytest.fixture
def texts(tmp_path):
    return write_texts(tmp_path / 'clip_text.npz')


def segmentor():
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            data_preprocessor=dict(
                type='SegDataPreProcessor',
                mean=[100.0] * 3,
                std=[50.0] * 3,
                bgr_to_rgb=True,
            ),
            backbone=tiny_clip.BACKBONE,
            decode_head=tiny_clip.HEAD,
            test_cfg=ConfigDict(mode='whole'),
        )
    )
    tiny_clip.sharpen(model)
    return model.train()


def attached(model, texts, classes=tiny.CLASSES, **options):
    """A hook as before_train leaves it."""
    options = {'layers': 2, 'refine_layers': 2, **options}
    hook = CLIPLabelsHook(texts, **options)
    dataset = SimpleNamespace(metainfo=dict(classes=classes))
    loader = SimpleNamespace(dataset=dataset)
    hook.before_train(SimpleNamespace(model=model, train_dataloader=loader))
    return hook


def images(*size):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, *size, generator=generator)


def samples(labels=LABELS, **sizes):
    found = []
    for row in labels:
        sample = SegDataSample(metainfo=sizes)
        set_image_labels(sample, row)
        found.append(sample)
    return found


def stacked(found):
    return torch.stack([s.gt_sem_seg.data[0] for s in found])


@pytest.mark.parametrize('size', [(48, 64), (41, 70)])
def test_labels_are_refined_seeds(texts, size):
    """Before ``refine_from``, of sizes that are multiples and odd ones."""
    model, batch = segmentor(), images(*size)
    seeds = build_seeds(texts)
    seeds.tower.load_state_dict(model.backbone.tower.state_dict())
    hook = attached(model, texts)
    height, width = size[0] - 3, size[1] - 5
    given = samples(img_shape=(height, width), padding_size=(0, 5, 0, 3))
    label = stacked(hook.relabel(model, batch, given))
    assert label.dtype == torch.int64 and label.shape == (2, *size)
    scores = seeds.scores(batch, LABELS)
    refined = pixel_adaptive_refine(
        scores, rgb_images(batch, model.data_preprocessor), **PAR
    )
    expected = refined.masked_fill(LABELS[..., None, None] == 0, -1).argmax(1)
    assert torch.equal(label[:, :height, :width], expected[:, :height, :width])
    assert (label[:, height:] == 255).all()
    assert (label[:, :, width:] == 255).all()
    # Tags of absent classes never appear; the given samples do not change.
    assert set(label[0].unique().tolist()) <= {0, 1, 3, 255}
    assert set(label[1].unique().tolist()) <= {0, 2, 255}
    assert len(label.unique()) > 3
    assert not any('gt_sem_seg' in sample for sample in given)


def test_the_learned_affinity_takes_part(texts):
    model, batch = segmentor(), images(48, 64)
    with torch.no_grad():  # peaked, so that it matters
        model.decode_head.fusion.weight *= 20
    hook = attached(model, texts, refine_from=7)
    hook.iteration = 6
    before = stacked(hook.relabel(model, batch, samples()))
    hook.iteration = 7
    after = stacked(hook.relabel(model, batch, samples()))
    assert not torch.equal(before, after)
    features = model.backbone.features(batch)
    learned = model.decode_head.learned_affinity(token_maps(features))
    n, present = 1, [1]
    with torch.enable_grad():
        last = model.backbone.tower.last_layer(features.tokens[-1][n:])
        both = torch.cat([hook.maps.texts, hook.maps.backgrounds])
        logits = text_cam.text_logits(last.embedding, both)[0, [1, 3, 4]]
        (gradient,) = torch.autograd.grad(
            text_cam.log_odds(logits)[0], last.features
        )
    maps = text_cam.gradient_maps(
        last.features[0, 1:].detach(), gradient[:, 1:]
    )
    attention = torch.stack([features.attention[0][n], last.attention[0]])
    mass = attention.sum((1, 2))
    kept = attention[mass >= mass.mean()].mean(0)
    matrix = text_cam.sinkhorn(kept * learned[n])
    matrix = (matrix + matrix.T) / 2
    found = text_cam.propagate_maps(matrix @ matrix, maps.unflatten(1, (3, 4)))
    scores = hook.maps.scores(
        torch.nn.functional.pad(found[None], (0, 0, 0, 0, 1, 1)), (48, 64)
    )
    refined = pixel_adaptive_refine(
        scores[:, [0, 2]],
        rgb_images(batch, model.data_preprocessor)[n:],
        **PAR,
    )
    assert len(present) == 1
    assert torch.equal(after[n], 2 * refined[0].argmax(0))


def test_maps_without_a_gradient(texts):
    """Of all classes; those of the image are labelled."""
    model, batch = segmentor(), images(48, 64)
    hook = attached(model, texts, method='similarity')
    label = stacked(hook.relabel(model, batch, samples()))
    features = model.backbone.features(batch)
    path = second_path(model.backbone.tower, features.tokens)
    every = similarity_maps(path.patches[0], path.image[0], hook.maps.texts)
    affinity = text_cam.attention_affinity(
        torch.stack([features.attention[0][0], path.attention[0]])
    )
    found = text_cam.propagate_maps(
        affinity, every[[0, 2]].unflatten(1, (3, 4))
    )
    maps = torch.zeros(1, 3, 3, 4)
    maps[0, [0, 2]] = found
    refined = pixel_adaptive_refine(
        hook.maps.scores(maps, (48, 64))[:, [0, 1, 3]],
        rgb_images(batch, model.data_preprocessor)[:1],
        **PAR,
    )
    expected = torch.tensor([0, 1, 3])[refined[0].argmax(0)]
    assert torch.equal(label[0], expected)
    plain = attached(model, texts)
    assert not torch.equal(
        label, stacked(plain.relabel(model, batch, samples()))
    )
    none = hook.relabel(model, batch, samples(torch.eye(4)[[0, 0]]))
    assert not stacked(none).any()


def test_without_a_tag_all_is_background(texts):
    model = segmentor()
    hook = attached(model, texts)
    given = samples(torch.eye(4)[[0, 0]])
    found = hook.relabel(model, images(32, 48), given)
    assert not stacked(found).any()
    losses = model.decode_head.loss(
        model.extract_feat(images(32, 48)), found, {}
    )
    assert torch.isfinite(losses['loss_balanced_ce'])


def test_the_tower_runs_once(texts, monkeypatch):
    model, batch = segmentor(), images(41, 70)
    hook, calls = attached(model, texts), []
    forward = model.backbone.tower.forward
    monkeypatch.setattr(
        model.backbone.tower,
        'forward',
        lambda *args, **kwargs: (
            calls.append(kwargs) or forward(*args, **kwargs)
        ),
    )
    expected = model.extract_feat(batch)
    assert calls == [dict(attention=False)]
    losses = model(batch, samples(), mode='loss')
    assert len(calls) == 2
    assert losses['decode.loss_affinity'] > 0
    # Neither another batch nor the same one again uses it up.
    found = model.extract_feat(batch)
    assert len(calls) == 3
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)
    # Nothing is labelled outside training.
    model(batch, samples(), mode='tensor')
    model.eval()
    with torch.no_grad():
        model(batch, mode='predict')
    assert len(calls) == 5
    hook.detach()
    assert not model._forward_pre_hooks


@pytest.mark.parametrize('iteration', [0, 9])
def test_labels_are_those_of_float32_within_autocast(texts, iteration):
    model, batch = segmentor(), images(48, 64)
    hook = attached(model, texts, refine_from=5)
    hook.iteration = iteration
    expected = stacked(hook.relabel(model, batch, samples()))
    with torch.autocast('cpu', torch.bfloat16):
        found = stacked(hook.relabel(model, batch, samples()))
        losses = model(batch, samples(), mode='loss')
    assert torch.equal(found, expected)
    loss = losses['decode.loss_balanced_ce'] + losses['decode.loss_affinity']
    assert loss.dtype == torch.float32
    loss.backward()
    assert model.decode_head.fusion.weight.grad.isfinite().all()


@pytest.mark.usefixtures('on_cpu')
def test_a_training_changes_the_decoder_only(tiny_root, tmp_path):
    cfg = tiny_clip.config(tiny_root, tmp_path / 'work')
    ocr = dict(type='mmseg_wsss.OCRLoss', prior='auto')
    cfg.model.decode_head.loss_decode.append(ocr)
    runner = Runner.from_cfg(cfg)
    before = {k: v.clone() for k, v in runner.model.state_dict().items()}
    runner.train()
    tower = runner.model.backbone.tower
    assert not tower.training
    assert not any(p.requires_grad for p in tower.parameters())
    for name, value in runner.model.state_dict().items():
        frozen = name.startswith('backbone.')
        assert torch.equal(value, before[name]) == frozen, name
    logged = runner.message_hub.log_scalars
    assert {
        'train/decode.loss_balanced_ce',
        'train/decode.loss_affinity',
        'train/decode.loss_ocr',
        'val/mIoU',
    } <= set(logged)
    assert np.isfinite(logged['train/loss'].data[0]).all()


@pytest.mark.usefixtures('on_cpu')
def test_a_resumed_run_is_the_unbroken_one(tiny_root, tmp_path):
    """The second epoch begins before, and ends after, ``refine_from``."""
    options = dict(epochs=2, refine_from=4)
    cfg = tiny_clip.config(tiny_root, tmp_path / 'whole', **options)
    cfg.model.decode_head.dropout_ratio = 0.3
    whole = tiny_clip.train(cfg)
    cfg = tiny_clip.config(tiny_root, tmp_path / 'resumed', **options)
    cfg.model.decode_head.dropout_ratio = 0.3
    cfg.resume, cfg.load_from = True, str(tmp_path / 'whole/epoch_1.pth')
    resumed = tiny_clip.train(cfg)
    losses = [
        r.message_hub.get_scalar('train/loss').data[0].tolist()
        for r in (whole, resumed)
    ]
    assert len(losses[0]) == 6 and losses[0] == losses[1]
    states = whole.model.state_dict(), resumed.model.state_dict()
    assert all(torch.equal(v, states[1][k]) for k, v in states[0].items())


TWO_RANKS = """
import os
import sys
from pathlib import Path
import torch
from mmseg_wsss.jobs import launch
from tests import tiny_clip

torch.set_num_threads(1)
cfg = tiny_clip.config(Path(sys.argv[1]), Path(sys.argv[2]), batch=1)
cfg.launcher = 'pytorch'
launch.prepare_launch(cfg, 'pytorch')
tiny_clip.train(cfg, double=True)
torch.distributed.barrier()
os._exit(0)
"""


def test_two_ranks_train_the_same_network_as_one(tiny_root, tmp_path, on_cpu):
    """Counts of the losses' pixels and pairs are those of both ranks.

    In float64: near a tie a label depends on the size of the batch.
    """
    script = tmp_path / 'two.py'
    script.write_text(TWO_RANKS)
    cfg = tiny_clip.config(tiny_root, tmp_path / 'one')
    done = run_ranks(2, script, tiny_root, tmp_path / 'two')
    assert done.returncode == 0, done.stdout + done.stderr
    one = tiny_clip.train(cfg, double=True).model.state_dict()
    two = torch.load(tmp_path / 'two' / 'epoch_1.pth', weights_only=False)
    assert set(one) == set(two['state_dict'])
    for name, value in one.items():
        assert torch.allclose(value, two['state_dict'][name]), name


def test_bad_input(texts, tmp_path):
    for options in (dict(layers=0), dict(refine_from=-1)):
        with pytest.raises(ValueError, match='layers and refine_layers of at'):
            CLIPLabelsHook(texts, **options)
    with pytest.raises(ValueError, match='method must be one of'):
        CLIPLabelsHook(texts, method='grad')
    with pytest.raises(ValueError, match='leaves nothing of a single one'):
        attached(segmentor(), texts, tiny.CLASSES[:2], method='similarity')
    with pytest.raises(ValueError, match='tower keeps 2: set'):
        attached(segmentor(), texts, refine_layers=3)
    other = write_texts(tmp_path / 'other.npz', dims=6)
    with pytest.raises(ValueError, match='take the texts of the same CLIP'):
        attached(segmentor(), other)
    model = segmentor()
    model.backbone = torch.nn.Identity()
    with pytest.raises(ValueError, match='got Identity and TokenFusionHead'):
        attached(model, texts)
    with pytest.raises(ValueError, match='got NoneType and NoneType'):
        attached(build_seeds(texts), texts)
    model = segmentor()
    hook = attached(model, texts)
    with pytest.raises(ValueError, match='4 classes, but the image labels'):
        hook.relabel(model, images(32, 32), samples(LABELS[:, :3]))
    given = samples()
    for sample in given:
        set_image_labels(sample, sample.image_labels, None)
    with pytest.raises(ValueError, match='background_index=None'):
        hook.relabel(model, images(32, 32), given)
    with pytest.raises(ValueError, match='carries no image labels'):
        hook.relabel(model, images(32, 32), [SegDataSample()] * 2)
    assert HOOKS.get('mmseg_wsss.CLIPLabelsHook') is CLIPLabelsHook
