"""The data of CSD's configs: pairs in, packed views out."""

import json

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_wsss.datasets.seeded_sampler import SeededIndex
from mmseg_wsss.datasets.transforms.loading import resolve_classes
from mmseg_wsss.jobs.command_line import move_paths
from tests.test_configs import ROOT, read

CONFIGS = sorted(path.name for path in (ROOT / 'csd').glob('*.py'))


@pytest.mark.parametrize('name', CONFIGS)
def test_pairs_are_made_and_packed(name, tmp_path):
    cfg = read(f'csd/{name}')
    init_default_scope(cfg.default_scope)
    dataset = cfg.train_dataloader.dataset
    single = dataset.dataset
    loader = single.pipeline[2]
    classes = resolve_classes(loader.classes)
    used = single.get('metainfo', {}).get('classes', classes)
    names = [used[1], used[2]]
    labels = {'a': names[:1], 'b': names[1:], 'c': names}
    label_file = tmp_path / 'labels.json'
    label_file.write_text(json.dumps(labels))
    move_paths(cfg, cfg.data_root, str(tmp_path))
    loader.ann_file = str(label_file)
    folders = [tmp_path / f for f in ('JPEGImages', 'pseudo_labels')]
    for folder in (*folders, (tmp_path / single.ann_file).parent):
        folder.mkdir(parents=True)
    (tmp_path / single.ann_file).write_text('\n'.join(labels))
    rng = np.random.default_rng(0)
    for stem, present in labels.items():
        picture = rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)
        Image.fromarray(picture).save(folders[0] / f'{stem}.jpg')
        mask = np.zeros((90, 120), np.uint8)
        mask[20:70, 20:100] = classes.index(present[0])
        Image.fromarray(mask).save(folders[1] / f'{stem}.png')

    built = DATASETS.build(dataset)
    item = built[SeededIndex.of(2, 0)]
    views = item['data_samples'].paste_views
    assert views.foreground.shape == item['inputs'].shape
    assert views.foreground_mask.any() and views.background_mask.any()
    height, width = item['inputs'].shape[1:]
    assert height <= cfg.crop_size[0] and width <= cfg.crop_size[1]
    assert views.labels.sum() == 3
    assert 'paste_views' not in built[0]['data_samples']
    assert cfg.train_dataloader.sampler.type == 'mmseg_wsss.SeededSampler'


@pytest.mark.parametrize('name', CONFIGS)
def test_it_starts_from_a_cam_network(name):
    cfg = read(f'csd/{name}')
    run, file = cfg.load_from.split('/')[1:]
    (path,) = ROOT.rglob(f'{run}.py')
    first = read(path.relative_to(ROOT))
    assert file == f'epoch_{first.train_cfg.max_epochs}.pth'
    assert first.model.backbone == cfg.model.backbone
    assert first.data_root == cfg.data_root


@pytest.mark.parametrize('name', CONFIGS)
def test_configs_of_voc_have_the_weights_of_the_paper(name):
    loss = read(f'csd/{name}').model.decode_head.loss_decode[-1]
    values = loss.min_max, loss.fg_weight, loss.bg_weight
    if name.endswith('_off.py'):  # the baseline
        assert values == (False, 0, 0)
        return
    papers = 'voc12' in name and 'min-max' not in name
    assert values == ((False, 0.01, 0.1) if papers else (True, 0.01, 0.01))


def test_pipelines_paste_by_refined_labels():
    every = (Config.fromfile(p) for p in (ROOT / 'pipelines').glob('*.py'))
    found = [cfg for cfg in every if 'csd' in cfg.stages]
    assert len(found) > 3
    for cfg in found:
        csd, labels = cfg.stages.csd, cfg.stages.first_labels
        assert csd.inputs.labels == '{first_labels.labels}'
        assert labels.inputs.cams == '{first_cams.cams}'
        steps = Config.fromfile(ROOT.parent / cfg.configs[labels.config])
        kinds = {step['type'] for step in steps.refine_pipeline}
        assert kinds & {'mmseg_wsss.RandomWalk', 'mmseg_wsss.DenseCRFRefine'}
        # It starts from the network whose CAMs these are.
        assert csd.inputs.start == cfg.stages.first_cams.inputs.checkpoint
