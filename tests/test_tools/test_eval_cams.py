"""tools/analysis_tools/eval_cams.py as a process, on hand-made CAMs."""

import json
import shutil

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_wsss.evaluation.cam_files import CAMFiles
from mmseg_wsss.io.cam import load_cam, save_cam
from mmseg_wsss.io.labels import save_label
from tests import tiny
from tests.test_tools.test_train_and_dump import call

TOOL = 'tools/analysis_tools/eval_cams.py'


@pytest.fixture(scope='module')
def stored(tmp_path_factory):
    """Five images with noisy CAMs, and a config file."""
    root = tmp_path_factory.mktemp('cams')
    labels = tiny.make_dataset(root / 'tiny', count=5)
    cfg = tiny.config(root / 'tiny', tiny.cam_head(), root / 'work')
    cfg.dump(root / 'cam.py')
    rng = np.random.default_rng(0)
    for stem, names in labels.items():
        mask = np.array(Image.open(root / 'tiny' / 'masks' / f'{stem}.png'))
        ids = [tiny.CLASSES.index(name) for name in names]
        small = mask[::4, ::4]
        cam = [0.5 * (small == k) + 0.5 * rng.random((8, 8)) for k in ids]
        save_cam(root / 'cams' / f'{stem}.npz', ids, np.array(cam))
    return root


def dataset(root):
    cfg = tiny.config(root / 'tiny', tiny.cam_head(), root / 'work')
    return DATASETS.build(dict(cfg.test_dataloader.dataset, pipeline=[]))


def test_result_and_two_ranks(stored):
    output = call(TOOL, stored / 'cam.py', stored / 'cams')
    result = json.loads((stored / 'cam_eval.json').read_text())
    assert Image.open(stored / 'curve.png').width > 400
    assert '5 images' in output and 'mean of 4 of 4 classes' in output
    thresholds, curve = result['thresholds'], result['curve']
    assert thresholds == [round(0.01 * i, 2) for i in range(60)]
    best = int(np.argmax(curve))
    assert result['best_threshold'] == thresholds[best]
    assert result['mIoU'] == curve[best] > curve[0]
    assert result['mIoU'] + result['FP'] + result['FN'] == pytest.approx(100)
    assert result['J&F'] == (result['mIoU'] + result['F']) / 2
    assert result['contour_threshold'] == result['best_threshold']
    classes = result['per_class']
    assert tuple(classes) == tiny.CLASSES
    for key in ('IoU', 'FP', 'FN'):
        mean = np.mean([row[key] for row in classes.values()])
        assert result['mIoU' if key == 'IoU' else key] == pytest.approx(mean)
    assert classes['background']['F'] is None
    scores = [classes[name]['F'] for name in tiny.CLASSES[1:]]
    assert result['F'] == pytest.approx(np.mean(scores))
    call(
        TOOL,
        stored / 'cam.py',
        stored / 'cams',
        *('--launcher', 'pytorch'),
        *('--out-dir', stored / 'two'),
        ranks=2,
    )
    assert json.loads((stored / 'two' / 'cam_eval.json').read_text()) == result


def test_perfect_cams(stored, tmp_path):
    # At full size a CAM of the mask's own squares is right to the pixel.
    for file in (stored / 'tiny' / 'masks').glob('*.png'):
        mask = np.array(Image.open(file))
        ids = [k for k in np.unique(mask) if k]
        cam = np.array([0.9 * (mask == k) for k in ids])
        save_cam(tmp_path / 'cams' / f'{file.stem}.npz', ids, cam)
    call(
        TOOL,
        stored / 'cam.py',
        tmp_path / 'cams',
        *('--thresholds', '0.2', '0.8', '0.3', '--contour-threshold', '0.25'),
    )
    result = json.loads((tmp_path / 'cam_eval.json').read_text())
    assert result['thresholds'] == [0.2, 0.5, 0.8]
    assert result['curve'] == [100] * 3
    assert (result['F'], result['J&F']) == (100, 100)
    assert (result['FP'], result['FN']) == (0, 0)
    assert (result['best_threshold'], result['contour_threshold']) == (
        0.2,
        0.25,
    )


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('--thresholds', '0.5', '0.1', '0.1'), '--thresholds needs'),
        (('--contour-threshold', '2'), 'not in [0, 1)'),
        (
            (
                '--cfg-options',
                'test_dataloader.dataset.pipeline.2.background_index=None',
            ),
            'needs a background class',
        ),
    ],
)
def test_bad_options(stored, arguments, message):
    output = call(
        TOOL, stored / 'cam.py', stored / 'cams', *arguments, fails=True
    )
    assert message in output.splitlines()[-1]


def test_missing_files_are_one_clear_line(stored, tmp_path):
    output = call(TOOL, stored / 'cam.py', tmp_path / 'none', fails=True)
    assert 'there is no folder of CAMs' in output.splitlines()[-1]
    (tmp_path / 'empty.txt').write_text('')
    output = call(
        TOOL,
        stored / 'cam.py',
        stored / 'cams',
        '--cfg-options',
        f'test_dataloader.dataset.ann_file={tmp_path / "empty.txt"}',
        fails=True,
    )
    assert 'empty.txt' in output.splitlines()[-1]
    assert 'Traceback' not in output


def test_bad_files_are_named(stored, tmp_path):
    folder = shutil.copytree(stored / 'cams', tmp_path / 'cams')
    images = dataset(stored)
    files = CAMFiles(images, folder)
    assert len(files) == 5
    ids, cam = load_cam(folder / 'img_1.npz')
    assert files[1][0].tolist() == ids.tolist()
    np.testing.assert_array_equal(files[1][1], cam)
    save_cam(folder / 'img_1.npz', [7], cam[:1])
    with pytest.raises(ValueError, match=r'img_1\.npz holds class index 7'):
        files[1]
    both = np.stack([cam[0], cam[0]])  # the background's map, and a class's
    save_cam(folder / 'img_1.npz', [0, 2], both)
    classes, relative, mask = files[1]
    assert classes.tolist() == [2]
    assert relative.shape == (1, *mask.shape)
    assert {*np.unique(relative)} <= {0, 0.5}
    assert (relative == 0.5).any()
    np.savez(folder / 'img_1.npz', classes=ids, cam=cam[0])
    with pytest.raises(ValueError, match=r'img_1\.npz is damaged'):
        files[1]
    np.savez(folder / 'img_1.npz', classes=ids, cam=cam * np.nan)
    with pytest.raises(ValueError, match=r'img_1\.npz: a CAM lies in'):
        files[1]
    (folder / 'img_1.npz').write_bytes(b'x')
    with pytest.raises(ValueError, match=r'img_1\.npz is not a CAM file'):
        files[1]
    (folder / 'img_1.npz').unlink()
    with pytest.raises(ValueError, match=r'1 of 5 .*img_1\.npz: write them'):
        CAMFiles(images, folder)


def test_bad_masks_are_named(stored, tmp_path):
    shutil.copytree(stored / 'tiny', tmp_path / 'tiny')
    images = dataset(tmp_path)
    files = CAMFiles(images, stored / 'cams')
    mask = tmp_path / 'tiny' / 'masks' / 'img_2.png'
    save_label(mask, np.full((4, 4), 9), [(0, 0, 0)] * 10)
    with pytest.raises(ValueError, match=r'img_2\.png.* labels \[9\]'):
        files[2]
    mask.write_bytes(b'x')
    with pytest.raises(ValueError, match=r'img_2\.png is not a mask'):
        files[2]
    mask.unlink()
    with pytest.raises(ValueError, match=r'1 of 5 .*img_2\.png: set'):
        CAMFiles(images, stored / 'cams')


def test_subset_of_classes_in_another_order(tmp_path):
    # Masks and CAMs hold red as 1 and green as 2; the data set calls green 0,
    # background 1 and red 2.
    for folder in ('images', 'masks'):
        save_label(
            tmp_path / folder / 'a.png',
            np.array([[0, 1], [2, 3]]),
            tiny.PALETTE,
        )
    save_cam(tmp_path / 'a.npz', [1, 2], np.ones((2, 1, 1)))
    (tmp_path / 'list.txt').write_text('a')
    images = DATASETS.build(
        dict(
            type='mmseg.PascalVOCDataset',
            metainfo=dict(classes=('bicycle', 'background', 'aeroplane')),
            data_root=str(tmp_path),
            data_prefix=dict(img_path='images', seg_map_path='masks'),
            img_suffix='.png',
            ann_file='list.txt',
        )
    )
    classes, _, mask = CAMFiles(images, tmp_path, background_index=1)[0]
    assert classes.tolist() == [2, 0]
    assert mask.tolist() == [[1, 2], [0, 255]]
