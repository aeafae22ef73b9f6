"""The pipelines and the optimizers of the CAM networks' configs."""

import copy
import json

import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from PIL import Image
from torch import nn

from mmseg_wsss.datasets.transforms.loading import resolve_classes
from tests.test_configs import ROOT, read

CONFIGS = sorted(path.name for path in (ROOT / 'cam').glob('*.py'))
SCHEDULES = ROOT / '_base_' / 'schedules'


def steps_of(pipeline):
    for step in pipeline:
        yield step
        for options in step.get('transforms', []):
            yield from steps_of(options)


@pytest.fixture
def image(tmp_path):
    """A picture of 70 x 50 pixels and its mask, as a data set gives it."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (50, 70, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / 'one.png')
    Image.fromarray(picture[..., 0] // 200).save(tmp_path / 'mask.png')
    return dict(
        img_path=str(tmp_path / 'one.png'),
        seg_map_path=str(tmp_path / 'mask.png'),
        label_map=None,
        reduce_zero_label=False,
        seg_fields=[],
    )


@pytest.mark.parametrize('name', CONFIGS)
def test_pipelines_run(name, image, tmp_path):
    cfg = read(f'cam/{name}')
    init_default_scope(cfg.default_scope)

    def run(pipeline):
        for step in steps_of(pipeline):
            if step['type'].endswith('LoadImageLabels'):
                word = resolve_classes(step['classes'])[1]
                step['ann_file'] = str(tmp_path / 'labels.json')
                (tmp_path / 'labels.json').write_text(
                    json.dumps({'one': [word]})
                )
        return Compose(pipeline)(copy.deepcopy(image))

    packed = run(cfg.train_dataloader.dataset.pipeline)
    height, width = packed['inputs'].shape[1:]
    assert height <= cfg.crop_size[0] and width <= cfg.crop_size[1]
    assert packed['data_samples'].image_labels.sum() == 2
    assert 'gt_sem_seg' not in packed['data_samples']
    run(cfg.val_dataloader.dataset.pipeline)
    seed = run(cfg.test_dataloader.dataset.pipeline)
    assert seed['data_samples'].gt_sem_seg.shape == (50, 70)

    augmented = run(cfg.tta_pipeline)
    sizes = [tuple(i.shape[1:]) for i in augmented['inputs']]
    assert len(sizes) == 2 * len(cfg.cam_scales)
    for scale, size in zip(np.repeat(cfg.cam_scales, 2), sizes, strict=True):
        plain = seed['inputs'].shape[2] * scale
        assert size[1] == pytest.approx(plain, abs=1)
    for k, sample in enumerate(augmented['data_samples']):
        assert sample.flip == bool(k % 2)
        assert sample.ori_shape == sample.gt_sem_seg.shape == (50, 70)
        assert sample.image_labels.sum() == 2
    if 'deit' in name:
        shapes = [*sizes, seed['inputs'].shape[1:]]
        assert all(h % 16 == 0 and w % 16 == 0 for h, w in shapes)


class _Net(nn.Module):
    """Old and new layers, with weights and biases."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Conv2d(3, 4, 1)
        self.decode_head = nn.Module()
        self.decode_head.conv_seg = nn.Conv2d(4, 2, 1)
        self.decode_head.extra = nn.Conv2d(4, 4, 1, bias=False)


def settings(cfg, model):
    """Learning rate and decay of each trained parameter."""
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    names = {id(p): name for name, p in model.named_parameters()}
    return wrapper.optimizer, {
        names[id(p)]: (group['lr'], group['weight_decay'])
        for group in wrapper.optimizer.param_groups
        for p in group['params']
    }


def test_four_learning_rate_groups():
    cfg = Config.fromfile(SCHEDULES / 'cam_sgd_8e.py')
    _, groups = settings(cfg, _Net())
    expected = {
        'backbone.weight': (1e-2, 5e-4),
        'backbone.bias': (2e-2, 0),
        'decode_head.conv_seg.weight': (1e-1, 5e-4),
        'decode_head.conv_seg.bias': (2e-1, 0),
        'decode_head.extra.weight': (1e-1, 5e-4),
    }
    assert set(groups) == set(expected)
    for name, values in expected.items():
        assert groups[name] == pytest.approx(values), name


@pytest.mark.parametrize(
    ('schedule', 'rate', 'momentum', 'new'),
    [
        ('cam_sgd_5e.py', 0.1, 1e-4, 'conv_seg'),
        ('cam_sgd_8e.py', 0.01, 5e-4, 'conv_seg'),
        ('psa_sgd_8e.py', 0.1, 5e-4, 'conv_seg'),
        ('irn_sgd_3e.py', 0.1, 1e-4, None),
    ],
)
def test_the_published_optimizer(schedule, rate, momentum, new):
    cfg = Config.fromfile(SCHEDULES / schedule)
    optimizer, groups = settings(cfg, _Net())
    assert optimizer.defaults['lr'] == rate
    assert optimizer.defaults['momentum'] == momentum
    assert optimizer.defaults['weight_decay'] == momentum
    assert groups['backbone.weight'] == (rate, momentum)
    factor, name = (10, new) if new else (1, 'conv_seg')
    assert groups[f'decode_head.{name}.weight'] == (factor * rate, momentum)


def test_vit_groups_decay_weights_only():
    cfg = Config.fromfile(SCHEDULES / 'cam_adamw_60e.py')
    model = _Net()
    model.backbone.pos_embed = nn.Parameter(torch.zeros(1, 5, 4))
    model.norm = nn.LayerNorm(4)
    _, groups = settings(cfg, model)
    for name, (rate, decay) in groups.items():
        assert rate == 6.25e-5
        is_weight = name.endswith('weight') and not name.startswith('norm')
        assert decay == (0.05 if is_weight else 0), name
    warmup = cfg.param_scheduler[0]
    assert warmup.start_factor * 6.25e-5 == pytest.approx(1e-6)
