"""tools/make_pseudo_labels.py as a process: restart, ranks, bad files."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_wsss.datasets import save_image_labels
from mmseg_wsss.io.cam import load_cam, save_cam
from tests import tiny
from tests.test_tools.test_train_and_dump import ENV, ROOT, call, files

TOOL = 'tools/make_pseudo_labels.py'
COUNT = 9
SLOW = '''
import time

from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class Slow(BaseTransform):
    """Take a while."""

    def transform(self, results):
        time.sleep(0.3)
        return results
'''


@pytest.fixture
def data(tmp_path):
    """A data set of JPEGs with CAMs, and a config that refines them."""
    root = tmp_path / 'tiny'
    tiny.make_dataset(root, count=COUNT)
    labels = json.loads((root / 'image_labels.json').read_text())
    rng = np.random.default_rng(0)
    for path in sorted((root / 'images').glob('*.png')):
        Image.open(path).save(path.with_suffix('.jpg'), quality=95)
        path.unlink()
        classes = [tiny.CLASSES.index(n) for n in labels[path.stem]]
        mask = np.array(Image.open(root / 'masks' / path.name))
        cam = np.stack([mask == k for k in classes])
        cam = cam.reshape(len(classes), 8, 4, 8, 4).mean((2, 4)) * 0.8
        cam += rng.random(cam.shape) * 0.2
        save_cam(root / 'cams' / path.name.replace('png', 'npz'), classes, cam)
    write_config(tmp_path)
    return tmp_path


def write_config(folder, slow=False):
    root = folder / 'tiny'
    cfg = tiny.config(root, tiny.cam_head(), folder / 'work')
    cfg.log_level = 'INFO'
    cfg.test_dataloader.dataset.img_suffix = '.jpg'
    image_labels = cfg.test_dataloader.dataset.pipeline[2]
    cfg.refine_pipeline = [
        dict(type='LoadImageFromFile', imdecode_backend='pillow'),
        image_labels,
        dict(type='mmseg_wsss.LoadCAM', cam_dir=str(root / 'cams')),
        dict(type='mmseg_wsss.AddBackground', constant=0.4),
        dict(type='mmseg_wsss.PixelAdaptiveRefine'),
        dict(type='mmseg_wsss.ScoresToLabel'),
    ]
    if slow:
        (folder / 'slow_step.py').write_text(SLOW)
        cfg.custom_imports.imports.append('slow_step')
        cfg.refine_pipeline.insert(0, dict(type='Slow'))
    name = 'slow.py' if slow else 'refine.py'
    cfg.dump(folder / name)
    return folder / name


def run(folder, out, *options, ranks=1, fails=False):
    launcher = ('--launcher', 'pytorch') if ranks > 1 else ()
    return call(
        TOOL,
        folder / 'refine.py',
        '--out-dir',
        out,
        *options,
        *launcher,
        ranks=ranks,
        fails=fails,
    )


def test_workers_and_ranks_write_the_same_files(data):
    output = run(data, data / 'one', '--save-scores')
    assert f'0 of {COUNT} images are done, {COUNT} to do' in output
    assert f'{COUNT} of {COUNT} images' in output and 'per minute' in output
    assert f'pseudo labels of {COUNT} images: mIoU' in output
    assert 'FP' in output and 'FN' in output
    whole = files(data / 'one')
    # Labels, scores, source.json and an empty failures.json.
    assert len(whole) == 2 * COUNT + 3
    for out, options, ranks in (
        ('workers', ['--num-workers', '2'], 1),
        ('ranks', [], 2),
        ('both', ['--num-workers', '2'], 2),
    ):
        run(data, data / out, '--save-scores', *options, ranks=ranks)
        assert files(data / out) == whole, out
    classes, scores = load_cam(data / 'one' / 'cams' / 'img_3.npz')
    assert 0 not in classes and scores.shape == (len(classes), 8, 8)
    label = Image.open(data / 'one' / 'labels' / 'img_3.png')
    assert label.mode == 'P' and label.size == (32, 32)


def test_walks_with_a_trained_network(data):
    """AffinityNet from train.py; its walk in workers and on two ranks."""
    cfg = tiny.config(
        data / 'tiny',
        dict(
            type='mmseg_wsss.AffinityHead',
            in_channels=[8],
            reduced_channels=[4],
            num_classes=4,
            stride=4,
            radius=3,
        ),
        data / 'work',
    )
    cfg.train_dataloader.dataset.img_suffix = '.jpg'
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.dump(data / 'psa.py')
    call('tools/train.py', data / 'psa.py')
    cfg = Config.fromfile(data / 'refine.py')
    cfg.refine_pipeline[4] = dict(
        type='mmseg_wsss.RandomWalk',
        checkpoint=str(data / 'work' / 'epoch_1.pth'),
        steps=4,
        flip=True,
    )
    cfg.dump(data / 'refine.py')
    run(data, data / 'one')
    run(data, data / 'many', '--num-workers', '2', ranks=2)
    # The network's checkpoint is part of what the files are made from.
    source = json.loads((data / 'one' / 'source.json').read_text())
    assert 'checkpoint (step 4)' in source
    whole = files(data / 'one' / 'labels')
    assert len(whole) == COUNT and whole == files(data / 'many' / 'labels')


@pytest.mark.slow
def test_a_killed_run_goes_on(data):
    """SIGKILL in the middle and a restart give an unbroken run's files."""
    write_config(data)
    run(data, data / 'whole')
    slow = write_config(data, slow=True)
    command = [sys.executable, str(ROOT / TOOL), str(slow)]
    command += ['--out-dir', str(data / 'killed'), '--num-workers', '2']
    path = f'{ROOT}{os.pathsep}{data}'
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**ENV, 'PYTHONPATH': path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    labels = data / 'killed' / 'labels'
    deadline = time.monotonic() + 120
    while len(list(labels.glob('img_*.png'))) < 2:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = len(list(labels.glob('img_*.png')))
    assert done < COUNT
    (labels / '.img_8.1.tmp.png').write_bytes(b'half a file')
    again = subprocess.run(
        command,
        cwd=ROOT,
        env={**ENV, 'PYTHONPATH': path},
        capture_output=True,
        text=True,
    )
    assert again.returncode == 0, again.stdout + again.stderr
    assert f'{done} of {COUNT} images are done' in again.stdout + again.stderr
    assert files(data / 'killed' / 'labels') == files(data / 'whole/labels')


def test_bad_images_cost_nothing_but_themselves(data):
    run(data, data / 'whole')
    root = data / 'tiny'
    jpeg = root / 'images' / 'img_0.jpg'
    whole_jpeg = jpeg.read_bytes()
    jpeg.write_bytes(whole_jpeg[: len(whole_jpeg) // 2])
    classes, cam = load_cam(root / 'cams' / 'img_1.npz')
    save_cam(root / 'cams' / 'img_1.npz', classes, cam[:, :4])
    (root / 'cams' / 'img_2.npz').rename(root / 'away.npz')
    labels = json.loads((root / 'image_labels.json').read_text())
    true = labels['img_3']
    labels['img_3'] = ['green', 'blue'] if 'red' in true else ['red']
    save_image_labels(root / 'image_labels.json', labels)
    output = run(data, data / 'out', '--num-workers', '2', fails=True)
    assert '4 images failed' in output
    failures = json.loads((data / 'out' / 'failures.json').read_text())
    assert list(failures) == ['img_0', 'img_1', 'img_2', 'img_3']
    assert 'img_0.jpg: ' in failures['img_0']
    assert 'truncated' in failures['img_0'].lower()
    assert 'do not fit an image of 32 x 32' in failures['img_1']
    assert 'the image has no CAM' in failures['img_2']
    assert 'disagree' in failures['img_3']
    for stem, error in failures.items():
        assert f'{stem}: {error}' in output
    assert f'pseudo labels of {COUNT - 4} images' in output
    written = files(data / 'out' / 'labels')
    assert len(written) == COUNT - 4
    expected = files(data / 'whole' / 'labels')
    assert all(expected[name] == content for name, content in written.items())
    # Mended, the same command does what is missing.
    jpeg.write_bytes(whole_jpeg)
    save_cam(root / 'cams' / 'img_1.npz', classes, cam)
    (root / 'away.npz').rename(root / 'cams' / 'img_2.npz')
    labels['img_3'] = true
    save_image_labels(root / 'image_labels.json', labels)
    output = run(data, data / 'out')
    assert f'{COUNT - 4} of {COUNT} images are done, 4 to do' in output
    assert files(data / 'out' / 'labels') == expected
    assert json.loads((data / 'out' / 'failures.json').read_text()) == {}


def test_other_settings_are_not_mixed_in(data):
    run(data, data / 'out')
    before = files(data / 'out')
    other = 'refine_pipeline.3.constant=0.6'
    output = run(data, data / 'out', '--cfg-options', other, fails=True)
    assert 'made with another pipeline' in output
    assert files(data / 'out') == before
    # Once more, but an image fails: its old label does not stay.
    cam = data / 'tiny' / 'cams' / 'img_2.npz'
    cam.rename(data / 'away.npz')
    run(
        *(data, data / 'out', '--overwrite', '--cfg-options', other),
        fails=True,
    )
    assert len(files(data / 'out' / 'labels')) == COUNT - 1
    (data / 'away.npz').rename(cam)
    run(data, data / 'out', '--cfg-options', other)
    after = files(data / 'out')
    assert after.keys() == before.keys() and after != before
    # CAMs that were written again are other CAMs.
    (data / 'tiny' / 'source.json').write_text('{"checkpoint": "new"}')
    output = run(data, data / 'out', '--cfg-options', other, fails=True)
    assert 'made with another set of CAMs (step 2)' in output


def test_a_mask_that_does_not_fit_spoils_the_summary_only(data):
    mask = data / 'tiny' / 'masks' / 'img_5.png'
    Image.new('P', (8, 8)).save(mask)
    output = run(data, data / 'out', ranks=2, fails=True)
    assert 'img_5 was not compared' in output and 'has size' in output
    assert f'pseudo labels of {COUNT - 1} images' in output
    assert len(files(data / 'out' / 'labels')) == COUNT
    mask.unlink()
    assert 'no masks to compare with' in run(data, data / 'out')


def test_configs_that_cannot_work_say_why(data):
    output = run(data, data / 'o', '--pipeline', 'no_pipeline', fails=True)
    assert 'no list of transforms named no_pipeline: add one' in output
    assert 'refine_pipeline' in output
    masks = 'refine_pipeline.4.type=LoadAnnotations'
    output = run(data, data / 'o', '--cfg-options', masks, fails=True)
    assert 'loads masks' in output
    folder = 'refine_pipeline.2.cam_dir=/nowhere'
    output = run(data, data / 'o', '--cfg-options', folder, fails=True)
    assert 'no folder of CAMs /nowhere' in output
    # A pipeline that makes no label.
    last = 'refine_pipeline.5.type=mmseg_wsss.NormaliseScores'
    output = run(data, data / 'o', '--cfg-options', last, fails=True)
    assert f'{COUNT} images failed' in output
    assert 'ScoresToLabel' in output
    assert not Path(data / 'o' / 'labels').exists()
