"""CAMs side by side: the picture, the images drawn, bad input."""

import json
import os
import sys
from argparse import Namespace
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.io.cam import save_cam
from tests import tiny
from tests.processes import run_python

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools' / 'analysis_tools' / 'compare_cams.py'
ENV = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1')
SIDE, STEP, TOP = 32, 36, 18


def call(*arguments, fails=False):
    done = run_python([TOOL, *arguments], ROOT, ENV)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope='module')
def tool():
    spec = spec_from_file_location('compare_cams', TOOL)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root(tmp_path):
    """The tiny data set, its config and two folders of CAMs.

    The first class scores 0.8 on the left, the second 0.4 on the right.
    """
    labels = tiny.make_dataset(tmp_path / 'tiny')
    cfg = tiny.config(tmp_path / 'tiny', tiny.cam_head(), tmp_path / 'work')
    cfg.dump(tmp_path / 'cam.py')
    for stem, names in labels.items():
        classes = [tiny.CLASSES.index(name) for name in names]
        cam = np.zeros((len(classes), 8, 8))
        cam[0, :, :4] = 0.8
        cam[1:, :, 4:] = 0.4
        for name in ('gap', 'isl'):
            folder = tmp_path / name / 'cams'
            save_cam(folder / f'{stem}.npz', np.array(classes), cam)
    return tmp_path


def cells(file, rows, columns):
    """Cut a sheet into its pictures."""
    sheet = np.asarray(Image.open(file))
    left = sheet.shape[1] - columns * STEP
    assert sheet.shape[0] == TOP + rows * STEP
    return [
        [
            sheet[TOP + r * STEP :, left + c * STEP :][:SIDE, :SIDE]
            for c in range(columns)
        ]
        for r in range(rows)
    ]


def mixed(image, colour):
    return (0.4 * image + 0.6 * np.array(colour)).round().tolist()


def test_seeds_at_their_background_scores(root):
    file = root / 'new' / 'out.png'
    (root / 'isl' / 'cam_eval.json').write_text('{"best_threshold": 0.5}')
    output = call(
        root / 'cam.py',
        '--cams',
        f'gap={root}/gap/cams',
        f'isl={root}/isl/cams',
        '--out',
        file,
        '--stems',
        'img_5',
        'img_1',
    )
    assert 'gap: background score 0.3, the default' in output
    assert 'isl: background score 0.5, from' in output
    assert [path.name for path in file.parent.iterdir()] == ['out.png']
    pictures = cells(file, rows=2, columns=4)
    for stem, row, (first, second) in zip(
        ('img_5', 'img_1'), pictures, ((2, 3), (1, 2)), strict=True
    ):
        image = np.asarray(Image.open(root / f'tiny/images/{stem}.png'))
        mask = np.asarray(Image.open(root / f'tiny/masks/{stem}.png'))
        assert (row[0] == image).all()
        left = mixed(image[20, 4], tiny.PALETTE[first])
        right = mixed(image[20, 28], tiny.PALETTE[second])
        assert row[1][20, 4].tolist() == row[2][20, 4].tolist() == left
        assert row[1][20, 28].tolist() == right
        assert (row[2][20, 28] == image[20, 28]).all()
        assert (row[3][mask == 0] == image[mask == 0]).all()
        inside = mask == first
        expected = mixed(image[inside], tiny.PALETTE[first])
        assert inside.any() and row[3][inside].tolist() == expected


def test_heat_without_masks(root):
    for mask in (root / 'tiny' / 'masks').iterdir():
        mask.unlink()
    output = call(
        root / 'cam.py',
        '--cams',
        f'gap={root}/gap/cams',
        '--out',
        root / 'out.png',
        '--number',
        '3',
        '--heat',
    )
    assert output.splitlines()[-1] == f'3 images in {root}/out.png'
    for image, heat in cells(root / 'out.png', rows=3, columns=2):
        # 0.8 lies a fifth of the way from (250, 220, 60) to (200, 30, 30).
        assert heat[16, 2].tolist() == mixed(image[16, 2], (240, 182, 54))


def test_bad_calls_say_what_is_wrong(root):
    file = root / 'out.png'
    start = (root / 'cam.py', '--out', file, '--cams')
    output = call(
        *start, f'gap={root}/gap/cams', '--stems', 'img_9', fails=True
    )
    assert output.splitlines()[-1].startswith('--stems img_9: the data set')
    assert not file.exists()


@pytest.mark.parametrize(
    ('option', 'value', 'message'),
    [
        ('--out', 'a.jpg', 'must end in .png, got a.jpg'),
        ('--number', '0', 'must be a number of at least 1, got 0'),
        ('--background', '0.3', 'not allowed with argument --heat'),
    ],
)
def test_wrong_options(tool, monkeypatch, capsys, option, value, message):
    call = ['x', 'cam.py', '--cams', 'a=b', '--out', 'a.png', '--heat']
    monkeypatch.setattr(sys, 'argv', [*call, option, value])
    with pytest.raises(SystemExit):
        tool.parse_args()
    assert message in capsys.readouterr().err


class TestImagesDrawn:
    @pytest.fixture
    def folders(self, root):
        return {name: root / name / 'cams' for name in ('gap', 'isl')}

    stems = tuple(f'img_{k}' for k in range(6))

    def draw(self, tool, folders, number, seed=0, stems=None):
        args = Namespace(stems=stems, number=number, seed=seed)
        first = partial(tool.has_several, folders['gap'])
        return tool.choose_stems(args, self.stems, folders, first=first)

    def test_several_classes_first(self, tool, folders):
        for seed in range(5):
            drawn = self.draw(tool, folders, 4, seed)
            assert drawn == ['img_1', 'img_2', 'img_3', 'img_5']
            drawn = self.draw(tool, folders, 5, seed)
            assert len(drawn) == 5 and drawn == sorted(drawn)
        assert self.draw(tool, folders, 9) == list(self.stems)

    def test_seed_decides(self, tool, folders):
        drawn = [
            tuple(self.draw(tool, folders, 2, seed))
            for seed in (*range(8), *range(8))
        ]
        assert drawn[:8] == drawn[8:]
        assert len(set(drawn)) > 1

    def test_every_folder_must_know_an_image(self, tool, folders):
        for stem in ('img_1', 'img_3'):
            (folders['isl'] / f'{stem}.npz').unlink()
        assert self.draw(tool, folders, 2) == ['img_2', 'img_5']
        with pytest.raises(SystemExit, match='img_3: isl has no file of it'):
            self.draw(tool, folders, 6, stems=['img_2', 'img_3'])
        for file in folders['isl'].iterdir():
            file.unlink()
        with pytest.raises(SystemExit, match="'gap': 6, 'isl': 0"):
            self.draw(tool, folders, 2)


class TestBackgroundScores:
    @pytest.fixture
    def folders(self, tmp_path):
        folders = {name: tmp_path / name / 'cams' for name in ('gap', 'isl')}
        for folder in folders.values():
            folder.mkdir(parents=True)
        return folders

    def store(self, folder, result):
        (folder / 'cam_eval.json').write_text(json.dumps(result))

    def test_given(self, tool, folders):
        self.store(folders['isl'], dict(best_threshold=0.6))
        scores = tool.background_scores(['0.2'], folders)
        assert scores == dict(gap=0.2, isl=0.2)
        scores = tool.background_scores(['gap=0.1'], folders)
        assert scores == dict(gap=0.1, isl=0.6)

    def test_folder_before_its_parent(self, tool, folders):
        self.store(folders['gap'].parent, dict(best_threshold=0.4))
        assert tool.background_scores(None, folders) == dict(gap=0.4, isl=0.3)
        self.store(folders['gap'], dict(mIoU=1))
        assert tool.background_scores(None, folders)['gap'] == 0.4
        self.store(folders['gap'], dict(best_threshold=0))
        assert tool.background_scores(None, folders)['gap'] == 0

    @pytest.mark.parametrize(
        ('items', 'message'),
        [
            (['x'], "--background: .* got 'x'"),
            (['nan'], 'number in'),
            (['gap=1.5'], '--background gap: a background score'),
            (['0.3', '0.4'], 'takes NAME=VALUE'),
            (['gap=0.3', 'gap=0.4'], "names 'gap' twice"),
            (['csd=0.3'], "names 'csd', which is not one of --cams: gap, isl"),
        ],
    )
    def test_wrong(self, tool, folders, items, message):
        with pytest.raises(SystemExit, match=message):
            tool.background_scores(items, folders)

    @pytest.mark.parametrize('result', [None, 'high', [0.3], 30])
    def test_wrong_file(self, tool, folders, result):
        self.store(folders['isl'], dict(best_threshold=result))
        with pytest.raises(SystemExit, match=r'cam_eval.json: a background'):
            tool.background_scores(None, folders)
        (folders['isl'] / 'cam_eval.json').write_text('{')
        with pytest.raises(SystemExit, match='is not a JSON file'):
            tool.background_scores(None, folders)
