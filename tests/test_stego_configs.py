"""STEGO's configs: pairs in, one training step, features out."""

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from PIL import Image

from mmseg_wsss.compat import walk_dicts
from mmseg_wsss.datasets.neighbours import (
    Neighbours,
    nearest_neighbours,
    save_neighbours,
)
from mmseg_wsss.jobs.command_line import move_paths
from tests.test_configs import ROOT, on_cpu, read

CONFIGS = sorted(path.name for path in (ROOT / 'mars').glob('stego_*.py'))
COUNT = 21


def draw_images(root, folder, ann_file):
    """Noise, upright and lying, and its neighbours."""
    stems = [f'{index:03}' for index in range(COUNT)]
    (root / folder).mkdir()
    rng = np.random.default_rng(0)
    for index, stem in enumerate(stems):
        size = (90, 120) if index % 2 else (120, 90)
        picture = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(picture).save(root / folder / f'{stem}.jpg')
    (root / ann_file).parent.mkdir(parents=True, exist_ok=True)
    (root / ann_file).write_text('\n'.join(stems))
    vectors = torch.from_numpy(rng.normal(size=(COUNT, 3)))
    found = nearest_neighbours(vectors, COUNT)
    save_neighbours(root / 'neighbours.npz', Neighbours(stems, *found))


@pytest.mark.parametrize('name', CONFIGS)
def test_config_takes_a_step(name, tmp_path):
    cfg = read(f'mars/{name}')
    if 'TimmFeatures' in str(cfg.model):
        timm = pytest.importorskip('timm')
        assert timm.list_pretrained(cfg.model.extractor.model_name)
    init_default_scope(cfg.default_scope)
    on_cpu(cfg._cfg_dict)
    for node in walk_dicts(cfg._cfg_dict):
        if 'neighbours' in node:
            node['neighbours'] = str(tmp_path / 'neighbours.npz')
        if node.get('pretrained'):
            node['pretrained'] = False
        if 'model_name' in node:  # ViT-B takes a minute here
            node['model_name'] = node['model_name'].replace('base', 'small')
    move_paths(cfg, cfg.data_root, str(tmp_path))
    images = cfg.test_dataloader.dataset
    draw_images(tmp_path, images.data_prefix.img_path, images.ann_file)

    train = DATASETS.build(cfg.train_dataloader.dataset)
    held_out = DATASETS.build(cfg.val_dataloader.dataset)
    assert len(train) == COUNT - 2 and len(held_out) == 2
    for item in (train[0], held_out[1]):
        for key in ('inputs', 'neighbours'):
            assert item[key].shape == (3, *cfg.crop_size)
    loaders = (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader)
    assert 'LoadAnnotations' not in str(loaders)

    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    items = [train[index] for index in range(2)]
    data = {k: [i[k] for i in items] for k in ('inputs', 'neighbours')}
    losses = model.train_step(
        data, build_optim_wrapper(model, cfg.optim_wrapper)
    )
    assert all(torch.isfinite(v).all() for v in losses.values())
    assert {'loss_self', 'loss_knn', 'loss_random'} < set(losses)

    path = str(tmp_path / 'stego.pth')
    torch.save({'state_dict': model.state_dict()}, path)
    cfg.feature_extractor.checkpoint = path
    features = MODELS.build(cfg.feature_extractor)
    assert features.channels == 70
    assert cfg.neighbour_file.startswith(cfg.work_dir)
