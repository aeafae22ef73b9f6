"""STEGO: head, features, and the model in MMEngine's Runner."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import MODELS

from mmseg_wsss.datasets.neighbours import (
    Neighbours,
    nearest_neighbours,
    save_neighbours,
)
from mmseg_wsss.models.feature_extractors import (
    STEGO,
    PairPreprocessor,
    STEGOFeatures,
    STEGOHead,
    stego,
)
from tests import tiny

COUNT = 24
EXTRACTOR = dict(
    type='mmseg_wsss.BackboneFeatures',
    backbone=dict(type='TinyBackbone'),
    size_divisor=4,
)


def stego_config(root: Path, work_dir: Path, max_iters: int = 2) -> Config:
    """A whole Runner config of STEGO on the tiny data set."""
    cfg = tiny.config(root, tiny.cam_head(), work_dir)
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='PackSegInputs'),
    ]
    cfg.neighbour_file = str(root / 'neighbours.npz')
    cfg.neighbour_pipeline = pipeline
    for name, part in (('train', 'train'), ('val', 'held_out')):
        loader = cfg[f'{name}_dataloader']
        images = dict(loader.dataset, pipeline=pipeline)
        images['data_prefix'] = dict(img_path=str(root / 'images'))
        loader.batch_size = 2
        loader.dataset = dict(
            type='mmseg_wsss.NeighbourPairs',
            neighbours=cfg.neighbour_file,
            part=part,
            dataset=images,
        )
    cfg.train_dataloader.sampler = dict(type='mmseg_wsss.SeededSampler')
    cfg.test_dataloader.dataset = images
    cfg.model = dict(
        type='mmseg_wsss.STEGO',
        extractor=EXTRACTOR,
        loss=dict(type='mmseg_wsss.STEGOLoss'),
    )
    cfg.custom_hooks = []
    cfg.train_cfg = dict(
        type='IterBasedTrainLoop', max_iters=max_iters, val_interval=1
    )
    cfg.val_evaluator = dict(type='mmseg_wsss.MeanLossMetric')
    cfg.test_evaluator = dict(type='mmseg_wsss.MeanLossMetric')
    cfg.log_processor = dict(by_epoch=False)
    cfg.default_hooks = dict(
        checkpoint=dict(
            type='CheckpointHook',
            by_epoch=False,
            interval=1,
            save_best='loss',
            rule='less',
        )
    )
    return cfg


@pytest.fixture
def root(tmp_path):
    root = tmp_path / 'tiny'
    stems = list(tiny.make_dataset(root, count=COUNT))
    vectors = torch.randn(COUNT, 3, generator=torch.Generator().manual_seed(0))
    save_neighbours(
        root / 'neighbours.npz',
        Neighbours(stems, *nearest_neighbours(vectors, COUNT)),
    )
    return root


def small_model(**options):
    torch.manual_seed(0)
    return STEGO(EXTRACTOR, **options)


def pictures(count=3, size=16):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, count, 3, size, size, generator=generator)


def test_head():
    torch.manual_seed(0)
    head = STEGOHead(6)
    features = torch.randn(2, 6, 3, 4)
    assert head(features).shape == (2, 70, 3, 4)
    assert not torch.equal(head(features), head(features))  # dropout
    head.eval()
    expected = head.linear(features) + head.nonlinear(features)
    assert torch.equal(head(features), expected)
    # Cells do not see each other.
    cell = head(features[:, :, 1:2, 2:3])
    assert torch.allclose(cell, expected[:, :, 1:2, 2:3], atol=1e-6)


def test_only_the_head_learns():
    model = small_model().train()
    assert model.head.training and not model.extractor.training
    terms = model(*pictures(), mode='loss')
    sum(v.sum() for k, v in terms.items() if 'loss' in k).backward()
    grads = {
        name: p.grad is not None and bool(p.grad.any())
        for name, p in model.named_parameters()
    }
    learned = {name for name, has in grads.items() if has}
    assert learned == {n for n in grads if n.startswith('head.')}
    assert not any(p.requires_grad for p in model.extractor.parameters())


def test_prediction():
    model = small_model().eval()
    first = model(*pictures(), mode='predict')
    torch.manual_seed(9)
    again = model(*pictures(), mode='predict')
    assert len(first) == 3 and first == again
    total = sum(first[1][f'loss_{k}'] for k in ('self', 'knn', 'random'))
    assert first[1]['loss'] == pytest.approx(float(total))
    assert first[0]['loss_self'] != first[1]['loss_self']
    assert model(pictures()[0]).shape == (3, 70, 4, 4)
    with pytest.raises(ValueError, match='NeighbourPairs'):
        model(pictures()[0], mode='loss')
    with pytest.raises(ValueError, match="unknown mode 'train'"):
        model(*pictures(), mode='train')


def test_half_precision():
    model = small_model()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        terms = model(*pictures(), mode='loss')
    assert all(v.dtype == torch.float32 for v in terms.values())
    sum(terms.values()).sum().backward()
    assert torch.isfinite(model.head.linear.weight.grad).all()


def test_preprocessor():
    picture = torch.zeros(3, 2, 2, dtype=torch.uint8)
    picture[0] = 255  # blue comes first
    data = {'inputs': [picture] * 2, 'neighbours': [picture] * 2, 'other': [7]}
    out = PairPreprocessor()(data)
    assert out['other'] == [7]
    for key in ('inputs', 'neighbours'):
        assert out[key].shape == (2, 3, 2, 2)
        assert out[key].dtype == torch.float32
        assert out[key][0, :, 0, 0].tolist() == [0, 0, 1]
    data['neighbours'] = [picture, picture[:, :1]]
    with pytest.raises(ValueError, match=r'one size, got .*\(3, 1, 2\)'):
        PairPreprocessor()(data)


def test_features_of_a_checkpoint(tmp_path, monkeypatch):
    model = small_model().eval()
    path = str(tmp_path / 'stego.pth')
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, path)
    torch.manual_seed(5)
    features = MODELS.build(
        dict(
            type='mmseg_wsss.STEGOFeatures',
            extractor=EXTRACTOR,
            checkpoint=path,
        )
    )
    assert (features.channels, features.stride) == (70, 4)
    assert features.size_divisor == 4
    images = pictures()[0]
    assert torch.equal(features.train()(images), model(images))
    assert not any(p.requires_grad for p in features.parameters())
    with monkeypatch.context() as patch:
        patch.setattr(stego, 'CHANNELS', 6)
        with pytest.raises(ValueError, match='not of a STEGO model with this'):
            STEGOFeatures(EXTRACTOR, path)
    torch.save({'state_dict': {'decode_head.weight': torch.ones(1)}}, path)
    with pytest.raises(ValueError, match=r'head\.linear\.weight'):
        STEGOFeatures(EXTRACTOR, path)
    with pytest.raises(FileNotFoundError):
        STEGOFeatures(EXTRACTOR, checkpoint=str(tmp_path / 'none.pth'))


class Recorder(Hook):
    """Keep what validation and training report."""

    def __init__(self):
        self.metrics, self.logs = [], []

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        self.logs.append(outputs)

    def after_val_epoch(self, runner, metrics):
        self.metrics.append(metrics)


def run(cfg):
    runner = Runner.from_cfg(cfg)
    recorder = Recorder()
    runner.register_hook(recorder)
    runner.train()
    return runner, recorder


@pytest.mark.usefixtures('on_cpu')
def test_training_selection_and_resume(root, tmp_path):
    work = tmp_path / 'work'
    runner, recorder = run(stego_config(root, work))
    assert set(recorder.logs[0]) == {
        'loss',
        *(f'loss_{k}' for k in ('self', 'knn', 'random')),
        *(f'corr_{k}' for k in ('self', 'knn', 'random')),
    }
    losses = [metrics['loss'] for metrics in recorder.metrics]
    best = 1 + losses.index(min(losses))
    assert (work / f'best_loss_iter_{best}.pth').is_file()
    assert len(list(work.glob('best_*'))) == 1
    extractor = {
        name: value.clone()
        for name, value in runner.model.extractor.state_dict().items()
    }
    head = runner.model.head.linear.weight.detach().clone()

    cfg = stego_config(root, work, max_iters=3)
    cfg.resume = True
    cfg.experiment_name += '_resumed'
    runner, recorder = run(cfg)
    assert runner.iter == 3 and len(recorder.logs) == 1
    for name, value in runner.model.extractor.state_dict().items():
        assert torch.equal(value, extractor[name])
    moved = (runner.model.head.linear.weight - head).abs().max()
    assert 0 < moved <= 0.5
    features = STEGOFeatures(EXTRACTOR, str(work / 'iter_3.pth'))
    images = pictures(size=32)[0]
    assert torch.equal(features(images), runner.model.eval()(images))
