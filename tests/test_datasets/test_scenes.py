import hashlib
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_wsss.datasets.label_files.load import load_image_labels
from mmseg_wsss.datasets.scenes import ScenesDataset
from mmseg_wsss.datasets.scenes import plan as scenes_plan
from mmseg_wsss.datasets.scenes.generator import (
    MIN_AREA,
    MIN_TELL_TALE,
    draw_scene,
    write_scenes,
)
from mmseg_wsss.datasets.scenes.pen import RAILS, ROAD, WATER
from mmseg_wsss.datasets.scenes.plan import (
    CLASSES,
    COMBINATIONS,
    PALETTE,
    plan_scene,
)
from tests.processes import ROOT, run_python

TOOL = ROOT / 'tools' / 'dataset_converters' / 'make_scenes.py'
NAMES = CLASSES[1:]


@cache
def scenes():
    return [draw_scene(0, 'train', index) for index in range(60)]


@cache
def default_plans():
    return [plan_scene(0, 'train', index) for index in range(600)]


def hashes(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in folder.rglob('*')
        if path.is_file()
    }


def command(*args):
    return [sys.executable, str(TOOL), *map(str, args)]


def run(*args):
    """Run the tool as a process."""
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    return run_python(command(*args)[1:], ROOT, env)


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the tool in this process, which is quicker."""
    monkeypatch.syspath_prepend(str(TOOL.parent))

    def call_tool(*args):
        monkeypatch.setattr(sys, 'argv', command(*args)[1:])
        code = 0
        try:
            runpy.run_path(str(TOOL), run_name='__main__')
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(args, code, out, err)

    return call_tool


class TestPlan:
    def test_weights_are_per_mille(self):
        assert sum(COMBINATIONS.values()) == 1000
        for classes in COMBINATIONS:
            assert list(classes) == sorted(set(classes))
            assert 1 <= len(classes) <= 3 and set(classes) <= set(NAMES)

    def test_figures_of_the_docstring(self):
        plans = default_plans()
        for name in NAMES:
            row = [
                sum({name, other} <= set(plan.classes) for plan in plans)
                for other in NAMES
            ]
            row.append(sum(plan.classes == (name,) for plan in plans))
            found = re.search(rf'    {name} +([\d ]+)\n', scenes_plan.__doc__)
            assert list(map(int, found[1].split())) == row

    @pytest.mark.parametrize(
        ('thing', 'name'),
        [('rails', 'train'), ('water', 'boat'), ('road', 'car')],
    )
    def test_bias_of_the_docstring(self, thing, name):
        groups = {True: [], False: []}
        for plan in default_plans():
            groups[name in plan.classes].append(getattr(plan, thing))
        line = re.search(rf'{thing}: .*', scenes_plan.__doc__)[0]
        assert list(map(int, re.findall(r'\d+', line))) == [
            sum(groups[True]),
            len(groups[True]),
            sum(groups[False]),
            len(groups[False]),
        ]

    def test_rates(self):
        plans = [plan_scene(7, 'val', index) for index in range(3000)]
        on_rails = [p.rails for p in plans if 'train' in p.classes]
        on_water = [p.water for p in plans if 'boat' in p.classes]
        free = [p for p in plans if not {'train', 'boat'} & set(p.classes)]
        assert np.mean(on_rails) == pytest.approx(0.93, abs=0.04)
        assert np.mean(on_water) == pytest.approx(0.94, abs=0.04)
        assert np.mean([p.rails for p in free]) == pytest.approx(0.2, abs=0.04)
        assert np.mean([p.water for p in free]) == pytest.approx(
            0.22, abs=0.04
        )
        counts = np.bincount([len(p.classes) for p in plans]) / len(plans)
        assert counts == pytest.approx([0, 0.54, 0.34, 0.12], abs=0.03)
        assert not any(p.rails and p.water for p in plans)

    def test_does_not_depend_on_its_neighbours(self):
        plans = {plan_scene(0, 'train', index) for index in range(20)}
        assert len(plans) > 10
        assert plan_scene(0, 'train', 3) == plan_scene(0, 'train', 3)
        assert draw_scene(0, 'val', 3).plan == plan_scene(0, 'val', 3)

    @pytest.mark.parametrize(
        ('args', 'message'),
        [
            ((-1, 'train', 0), 'seed'),
            ((0, 'train', -1), 'index'),
            ((0, 'test', 0), 'split'),
            ((0, 'train', 0, (130, 160)), 'multiples of 8'),
            ((0, 'train', 0, (160, 128)), 'sizes'),
            ((0, 'train', 0, (32, 40)), 'sizes'),
            ((0, 'train', 0, (128,)), 'sizes'),
        ],
    )
    def test_wrong_input(self, args, message):
        with pytest.raises(ValueError, match=message):
            plan_scene(*args)


class TestScene:
    def test_shapes_and_sizes(self):
        sides = set()
        for scene in scenes():
            height, width, channels = scene.image.shape
            assert channels == 3 and scene.image.dtype == np.uint8
            for layer in (scene.mask, scene.context, scene.tell_tale):
                assert layer.shape == (height, width)
                assert layer.dtype == np.uint8
            assert (width, height) == (scene.plan.width, scene.plan.height)
            sides |= {width, height}
        assert sides == {128, 136, 144, 152, 160}

    def test_labels_are_what_the_mask_shows(self):
        for scene in scenes():
            shown = [CLASSES[k] for k in np.unique(scene.mask) if k]
            assert shown == list(scene.plan.classes)

    def test_every_class_and_its_tell_tale_part_is_seen(self):
        for scene in scenes():
            for name in scene.plan.classes:
                seen = scene.mask == CLASSES.index(name)
                told = seen & (scene.tell_tale == 1)
                assert seen.mean() >= MIN_AREA
                assert told.mean() >= MIN_TELL_TALE

    def test_tell_tale_part_is_small(self):
        whole, told = np.zeros(7), np.zeros(7)
        for scene in scenes():
            whole += np.bincount(scene.mask.ravel(), minlength=7)
            told += np.bincount(scene.mask[scene.tell_tale == 1], minlength=7)
        assert told[0] == 0
        shares = told[1:] / whole[1:]
        assert (shares > 0.05).all() and (shares < 0.4).all()

    def test_context_is_background_and_as_planned(self):
        for scene in scenes():
            assert not scene.mask[scene.context > 0].any()
            for thing, value in (
                ('rails', RAILS),
                ('water', WATER),
                ('road', ROAD),
            ):
                if not getattr(scene.plan, thing):
                    assert not (scene.context == value).any()
        bare = [s for s in scenes() if s.plan.rails or s.plan.water]
        assert np.mean([(s.context > 0).mean() > 0.02 for s in bare]) > 0.9

    def test_same_seed_same_picture(self):
        first, again = draw_scene(3, 'val', 5), draw_scene(3, 'val', 5)
        assert np.array_equal(first.image, again.image)
        assert np.array_equal(first.mask, again.mask)

    @pytest.mark.parametrize('other', [(4, 'val', 5), (3, 'train', 5)])
    def test_other_seed_or_split_other_picture(self, other):
        first, second = draw_scene(3, 'val', 5), draw_scene(*other)
        assert first.image.shape != second.image.shape or not np.array_equal(
            first.image, second.image
        )

    def test_other_sizes(self):
        scene = draw_scene(0, 'train', 0, (64, 64))
        assert scene.image.shape == (64, 64, 3)


class TestSet:
    def test_files(self, tmp_path):
        out = tmp_path / 'scenes'
        steps = []
        assert write_scenes(out, 6, 2, step=lambda: steps.append(1))
        assert len(steps) == 8
        labels = load_image_labels(out / 'image_labels.json')
        stems = []
        for split, count in (('train', 6), ('val', 2)):
            text = (out / f'ImageSets/Segmentation/{split}.txt').read_text()
            assert len(text.split()) == count
            stems += text.split()
        assert sorted(labels) == sorted(stems)
        for stem in stems:
            split, index = stem.split('_')
            scene = draw_scene(0, split, int(index))
            mask = Image.open(out / 'SegmentationClass' / f'{stem}.png')
            assert mask.mode == 'P'
            assert tuple(mask.getpalette()[3:6]) == PALETTE[1]
            assert np.array_equal(np.asarray(mask), scene.mask)
            assert list(labels[stem]) == list(scene.plan.classes)
            image = Image.open(out / 'JPEGImages' / f'{stem}.jpg')
            error = np.asarray(image, float) - scene.image
            assert np.abs(error).mean() < 8

    def test_same_seed_same_bytes(self, tmp_path):
        write_scenes(tmp_path / 'a', 3, 1)
        write_scenes(tmp_path / 'b', 3, 1)
        write_scenes(tmp_path / 'c', 3, 1, seed=1)
        write_scenes(tmp_path / 'd', 4, 1)
        a, b, c, d = (hashes(tmp_path / name) for name in 'abcd')
        assert a == b
        assert not set(a.values()) & {
            value for name, value in c.items() if 'JPEG' in name
        }
        for name in a:
            if 'JPEG' in name or 'Class' in name:
                assert a[name] == d[name]

    def test_dataset(self, tmp_path):
        write_scenes(tmp_path / 's', 3, 1)
        dataset = DATASETS.build(
            {
                'type': 'ScenesDataset',
                'data_root': str(tmp_path / 's'),
                'ann_file': 'ImageSets/Segmentation/train.txt',
                'data_prefix': {
                    'img_path': 'JPEGImages',
                    'seg_map_path': 'SegmentationClass',
                },
            }
        )
        assert isinstance(dataset, ScenesDataset)
        assert dataset.metainfo['classes'] == CLASSES
        assert len(dataset.metainfo['palette']) == 7
        assert len(dataset) == 3
        item = dataset.get_data_info(0)
        assert item['reduce_zero_label'] is False
        assert Path(item['img_path']).is_file()
        assert Path(item['seg_map_path']).is_file()

    def test_error_on_the_way_leaves_nothing(self, tmp_path):
        def fail():
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_scenes(tmp_path / 's', 2, 1, step=fail)
        assert list(tmp_path.iterdir()) == []

    def test_damaged_set_is_noticed_and_overwritten(self, tmp_path):
        out = tmp_path / 's'
        write_scenes(out, 2, 1)
        before = hashes(out)
        (out / 'SegmentationClass' / 'val_0000.png').unlink()
        with pytest.raises(ValueError, match='damaged'):
            write_scenes(out, 2, 1)
        assert write_scenes(out, 2, 1, overwrite=True)
        assert hashes(out) == before

    def test_what_is_not_ours_is_never_overwritten(self, tmp_path):
        (tmp_path / 'thesis.txt').write_text('precious')
        with pytest.raises(ValueError, match='not a set of scenes'):
            write_scenes(tmp_path, 2, 1, overwrite=True)
        assert (tmp_path / 'thesis.txt').read_text() == 'precious'
        out = tmp_path / 's'
        write_scenes(out, 2, 1)
        (out / '.DS_Store').touch()
        (out / 'pseudo').mkdir()
        with pytest.raises(ValueError, match='also holds pseudo, which would'):
            write_scenes(out, 3, 1, overwrite=True)
        assert not write_scenes(out, 2, 1, overwrite=True)  # is there


class TestTool:
    def test_makes_a_set_once(self, tmp_path, call):
        args = ('--out', tmp_path / 's', '--train', 3, '--val', 1)
        first = run(*args)
        assert first.returncode == 0, first.stderr
        assert 'wrote 3 + 1 scenes' in first.stdout
        before = hashes(tmp_path / 's')
        again = call(*args)
        assert again.returncode == 0
        assert 'nothing to do' in again.stdout
        assert hashes(tmp_path / 's') == before
        other = call(*args, '--seed', 1)
        assert other.returncode == 2
        assert 'other or damaged scenes' in other.stderr
        assert hashes(tmp_path / 's') == before

    @pytest.mark.slow
    def test_killed_run_leaves_no_set(self, tmp_path):
        out = tmp_path / 's'
        process = subprocess.Popen(
            command('--out', out, '--train', 5000),
            env={**os.environ, 'PYTHONPATH': str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob('.s.*/JPEGImages/*.jpg')):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        assert not out.exists()
        assert write_scenes(out, 1, 1)

    def test_contact_sheet(self, tmp_path, call):
        result = call('--contact-sheet', tmp_path / 'sheet.png')
        assert result.returncode == 0, result.stderr
        assert Image.open(tmp_path / 'sheet.png').width > 600
        assert (tmp_path / 'sheet.png').stat().st_size < 300_000

    @pytest.mark.parametrize(
        ('options', 'message'),
        [
            (('--train', '0'), 'at least 1'),
            (('--size', '100', '160'), 'multiples of 8'),
            (('--seed', '-1'), 'must not be negative'),
        ],
    )
    def test_wrong_options(self, tmp_path, options, message, call):
        result = call('--out', tmp_path / 's', *options)
        assert result.returncode == 2
        assert message in result.stderr
        assert 'Traceback' not in result.stderr
        assert list(tmp_path.iterdir()) == []

    def test_folder_that_cannot_be_made(self, tmp_path):
        (tmp_path / 'file').write_text('')
        result = run('--out', tmp_path / 'file' / 's')
        assert result.returncode == 2
        assert 'cannot make' in result.stderr
        assert 'Traceback' not in result.stderr
