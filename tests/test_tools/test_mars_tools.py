"""MARS from features to pictures, with the tools as processes."""

import json

import numpy as np
import pytest
from PIL import Image

from tests import tiny
from tests.test_tools.test_train_and_dump import call, files

EMA = dict(type='ExponentialMovingAverage', momentum=0.5, update_buffers=True)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Features, centroids and debiased labels, and the config of all."""
    folder = tmp_path_factory.mktemp('mars')
    root = folder / 'tiny'
    tiny.make_dataset(root, count=8)
    cfg = tiny.config(root, tiny.fcn_head(), folder / 'work')
    cfg.log_level = 'INFO'
    cfg.feature_extractor = dict(type='mmseg_wsss.ColourTextureFeatures')
    cfg.feature_extraction = dict(flip=False, stride=4)
    config = folder / 'debias.py'
    cfg.dump(config)
    call('tools/extract_features.py', config, '--out-dir', folder / 'f')
    # Each pseudo label also covers a strip of grey background.
    for path in (root / 'pseudo').glob('*.png'):
        with Image.open(path) as image:
            label, palette = np.array(image), image.getpalette()
        label[-8:] = label[label > 0][0]
        image = Image.fromarray(label, mode='P')
        image.putpalette(palette)
        image.save(path)
    load = [
        dict(type='LoadImageFromFile', imdecode_backend='pillow'),
        cfg.test_dataloader.dataset.pipeline[2],
        dict(
            type='mmseg_wsss.LoadPseudoLabel', label_dir=str(root / 'pseudo')
        ),
        dict(
            type='mmseg_wsss.LoadFeatures',
            feature_dir=str(folder / 'f' / 'features'),
        ),
    ]
    cfg.centroid_pipeline = [*load, dict(type='mmseg_wsss.RegionCentroids')]
    cfg.dump(config)
    call('tools/make_centroids.py', config, '--out-dir', folder / 'm')
    cfg.debias_pipeline = [
        *load,
        dict(
            type='mmseg_wsss.MARSDebias',
            centroids=str(folder / 'm' / 'centroids.npz'),
            refine='none',
        ),
    ]
    cfg.dump(config)
    return folder


def debias(folder, *options):
    name = '--pipeline', 'debias_pipeline'
    tool = 'tools/make_pseudo_labels.py', folder / 'debias.py', *name
    return call(*tool, '--out-dir', folder / 'd', *options)


def test_biased_strips_are_found(data):
    """The grey strip becomes 254 and coloured objects stay."""
    output = debias(data)
    assert 'pseudo labels of 8 images' in output
    biased = kept = 0
    for path in sorted((data / 'd' / 'labels').glob('*.png')):
        label = np.array(Image.open(path))
        mask = np.array(Image.open(data / 'tiny' / 'masks' / path.name))
        strip = (np.arange(32)[:, None] >= 24) & (mask == 0)
        biased += (label[strip] == 254).mean() / 8
        kept += (label[mask > 0] == mask[mask > 0]).mean() / 8
    assert biased > 0.8 and kept > 0.8
    # Other centroids: not into the same folder.
    before = files(data / 'd' / 'labels')
    centroids = data / 'm' / 'centroids.npz'
    changed = data / 'centroids.npz'
    with np.load(centroids) as stored:
        content = dict(stored)
    np.savez(changed, **{**content, 'centroids': content['centroids'] * 2})
    option = f'debias_pipeline.4.centroids={changed}'
    name = '--pipeline', 'debias_pipeline', '--out-dir', data / 'd'
    output = call(
        *('tools/make_pseudo_labels.py', data / 'debias.py', *name),
        *('--cfg-options', option),
        fails=True,
    )
    assert 'centroids (step 4)' in output
    assert files(data / 'd' / 'labels') == before


def test_target_share_by_ground_truth(data):
    tool = 'tools/analysis_tools/eval_centroids.py'
    output = call(tool, data / 'debias.py', '--out', data / 'targets.json')
    assert 'target centroids' in output
    figures = json.loads((data / 'targets.json').read_text())
    assert set(figures) == {*tiny.CLASSES[1:], 'mean'}
    assert figures['mean']['selected'] == 100 > figures['mean']['all']
    folder = 'test_dataloader.dataset.data_prefix.seg_map_path=/nowhere'
    output = call(
        tool, data / 'debias.py', '--cfg-options', folder, fails=True
    )
    assert 'there is no mask /nowhere' in output


def test_pictures_and_a_segmentor_on_debiased_labels(data):
    """Train with the teacher, then draw all steps."""
    debias(data)
    head = tiny.fcn_head()
    head['sampler'] = dict(type='mmseg_wsss.PixelWeightSampler')
    cfg = tiny.config(data / 'tiny', head, data / 'train')
    dataset = cfg.train_dataloader.dataset
    dataset.data_prefix.seg_map_path = str(data / 'd' / 'labels')
    cfg.custom_hooks.append(dict(type='mmseg_wsss.ComplementHook', ema=EMA))
    cfg.dump(data / 'train.py')
    call('tools/train.py', data / 'train.py')
    out = data / 'pictures.png'
    tool = 'tools/analysis_tools/browse_mars.py', data / 'debias.py'
    checkpoint = data / 'train' / 'epoch_1.pth'
    segmentor = '--segmentor', data / 'train.py', checkpoint
    output = call(*tool, '--out', out, '--number', '2', *segmentor)
    assert '2 images in' in output
    sheet = Image.open(out)
    assert sheet.width > 7 * 32 and sheet.height > 2 * 32
    output = call(*tool, '--out', out, '--stems', 'nobody', fails=True)
    assert 'has no such image' in output
