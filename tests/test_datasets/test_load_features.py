"""Loading features in pipelines."""

import numpy as np
import pytest
from mmcv.transforms import Compose
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_wsss import LoadFeatures
from mmseg_wsss.io.features import save_features

LOAD = dict(type='LoadImageFromFile', imdecode_backend='pillow')


@pytest.fixture
def folder(tmp_path):
    """An image of 40 x 30 pixels (rows x columns) and its features."""
    image = np.zeros((40, 30, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / 'a.png')
    rng = np.random.default_rng(0)
    features = rng.standard_normal((5, 10, 8)).astype(np.float32)
    save_features(tmp_path / 'features' / 'a.npy', features)
    return tmp_path


def run(folder, *between, features='features'):
    steps = [
        LOAD,
        *between,
        dict(
            type='mmseg_wsss.LoadFeatures', feature_dir=str(folder / features)
        ),
    ]
    pipeline = Compose([TRANSFORMS.build(step) for step in steps])
    return pipeline(dict(img_path=str(folder / 'a.png'), seg_fields=[]))


def test_adds_the_features(folder):
    features = run(folder)['features']
    assert features.shape == (5, 10, 8) and features.dtype == np.float32
    stored = np.load(folder / 'features' / 'a.npy')
    assert np.array_equal(features, stored.astype(np.float32))


@pytest.mark.parametrize('cells', [(40, 30), (20, 15), (5, 4), (5, 3), (1, 1)])
def test_grids_that_fit(folder, cells):
    save_features(folder / 'features' / 'a.npy', np.zeros((2, *cells)))
    assert run(folder)['features'].shape == (2, *cells)


@pytest.mark.parametrize('cells', [(8, 10), (41, 31), (10, 5)])
def test_grids_of_another_image(folder, cells):
    save_features(folder / 'features' / 'a.npy', np.zeros((2, *cells)))
    with pytest.raises(ValueError, match=r'features of .* do not fit'):
        run(folder)


@pytest.mark.parametrize(
    'step',
    [
        dict(type='Resize', scale_factor=0.5),
        dict(type='RandomFlip', prob=1.0),
        dict(type='RandomCrop', crop_size=(20, 30)),
    ],
)
def test_refuses_a_changed_picture(folder, step):
    if step['type'] == 'RandomCrop':  # it looks at the mask
        step = dict(step, cat_max_ratio=1.0)
    mask = np.zeros((40, 30), np.uint8)
    Image.fromarray(mask).save(folder / 'mask.png')

    class AddMask:
        def __call__(self, results):
            return dict(results, gt_seg_map=mask, seg_fields=['gt_seg_map'])

    steps = [TRANSFORMS.build(LOAD), AddMask(), TRANSFORMS.build(step)]
    steps.append(LoadFeatures(folder / 'features'))
    with pytest.raises(ValueError, match='right after LoadImageFromFile'):
        Compose(steps)(dict(img_path=str(folder / 'a.png')))


def test_missing_and_damaged_files(folder):
    path = folder / 'features' / 'a.npy'
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match='is not a feature file'):
        run(folder)
    path.unlink()
    with pytest.raises(ValueError, match='the image has no features'):
        run(folder)
    with pytest.raises(ValueError, match='extract_features'):
        LoadFeatures(folder / 'nowhere')
    with pytest.raises(ValueError, match='needs the image'):
        LoadFeatures(folder / 'features')(dict(img_path='a.png'))


def test_repr(folder):
    text = repr(LoadFeatures(folder))
    assert text == f"LoadFeatures(feature_dir='{folder}')"
