"""Doubted labels from a config to corrected ones, by the tools."""

import json
import runpy
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmseg_wsss.datasets import load_image_labels, save_image_labels
from mmseg_wsss.datasets.label_files.label_changes import read_label_changes
from mmseg_wsss.jobs.label_errors import doubted_labels
from tests import tiny
from tests.test_tools.test_train_and_dump import ROOT, call

TOOL = 'tools/find_label_errors.py'
APPLY = 'tools/dataset_converters/apply_label_changes.py'
COUNT = 24


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Squares of which two have a wrong label; a config and a checkpoint."""
    folder = tmp_path_factory.mktemp('doubts')
    root = folder / 'tiny'
    labels = tiny.make_dataset(root, count=COUNT)
    labels['img_4'] = ['blue']  # green
    labels['img_9'] = ['red', 'blue']  # red
    save_image_labels(root / 'image_labels.json', labels)
    image = Image.open(root / 'images' / 'img_5.png').resize((45, 32))
    image.save(root / 'images' / 'img_5.png')
    cfg = tiny.config(root, tiny.cam_head(), folder / 'work')
    cfg.log_level = 'INFO'
    # One channel for each colour, so that features know the classes.
    backbone = tiny.TinyBackbone(channels=3)
    with torch.no_grad():
        backbone.conv.weight.zero_()
        for k in range(3):
            backbone.conv.weight[k, k, 1, 1] = 1
        backbone.conv.bias.zero_()
    weights = {f'backbone.{k}': v for k, v in backbone.state_dict().items()}
    torch.save({'state_dict': weights}, folder / 'trained.pth')
    cfg.model.backbone.channels = 3
    cfg.dump(folder / 'cam.py')
    cfg.model.backbone.init_cfg = dict(
        type='Pretrained',
        checkpoint=str(folder / 'trained.pth'),
        prefix='backbone.',
    )
    cfg.dump(folder / 'pretrained.py')
    return folder


@pytest.fixture
def tool(folder, monkeypatch):
    """The tool in this process; returns what it says at its end."""

    def call_here(*arguments):
        words = [TOOL, *map(str, arguments)]
        monkeypatch.setattr(sys, 'argv', words)
        monkeypatch.chdir(ROOT)
        with pytest.raises(SystemExit) as end:
            runpy.run_path(TOOL, run_name='__main__')
        return end.value.code

    return call_here


def test_wrong_labels_are_found_and_corrected(folder, tool, tmp_path):
    out = tmp_path / 'doubts.csv'
    output = call(
        TOOL, folder / 'cam.py', folder / 'trained.pth', '--out', out
    )
    rows = read_label_changes(out)
    assert f'{len(rows)} doubted labels of {COUNT} images written' in output
    first = {(row.photo, row.name, row.given) for row in rows[:3]}
    assert first == {
        ('img_4.png', 'blue', True),
        ('img_4.png', 'green', False),
        ('img_9.png', 'blue', True),
    }
    assert all(row.action == 'keep' for row in rows)
    # Weights that the config starts from, two ranks: the same file.
    again = tmp_path / 'again.csv'
    ranks = ('--launcher', 'pytorch')
    call(TOOL, folder / 'pretrained.py', '--out', again, *ranks, ranks=2)
    assert again.read_bytes() == out.read_bytes()

    text = out.read_text()
    for photo, name in (('img_4.png', 'blue'), ('img_9.png', 'blue')):
        text = edit(text, f'{photo},{name},', 'remove')
    out.write_text(edit(text, 'img_4.png,green,', 'add'))
    labels = folder / 'tiny' / 'image_labels.json'
    new = tmp_path / 'new.json'
    output = call(APPLY, labels, out, '--out', new)
    assert '1 labels added, 2 removed' in output and f'wrote {new}' in output
    before, after = load_image_labels(labels), load_image_labels(new)
    changed = {image for image in before if before[image] != after[image]}
    assert changed == {'img_4', 'img_9'}
    assert after['img_4'] == ('green',) and after['img_9'] == ('red',)
    answer = tool(folder / 'pretrained.py', '--out', out)
    assert 'has been edited: give another --out, or --overwrite' in answer
    assert tool(folder / 'pretrained.py', '--out', out, '--overwrite') == 0
    assert out.read_bytes() == again.read_bytes()


def edit(text, begin, action):
    """Return a table with the action of the row that begins so."""
    lines = text.splitlines()
    (place,) = [k for k, line in enumerate(lines) if line.startswith(begin)]
    lines[place] = lines[place].replace('keep', action)
    return '\n'.join(lines)


def test_wrong_changes(folder, tmp_path):
    table = tmp_path / 'doubts.csv'
    table.write_text('photo,class,action\nimg_4,blue,away\n')
    labels, new = folder / 'tiny' / 'image_labels.json', tmp_path / 'new.json'
    output = call(APPLY, labels, table, '--out', new, fails=True)
    assert f"error: {table}, row 2: the action is 'away'" in output
    assert 'Traceback' not in output and not new.exists()


def test_labels_that_json_would_replace(tmp_path):
    table, changes = tmp_path / 'labels.csv', tmp_path / 'doubts.csv'
    table.write_text('image,dog,cat\na,1,0\nb,0,1\n')
    before = table.read_bytes()
    changes.write_text('photo,class,action\na,cat,add\n')
    output = call(APPLY, table, changes, '--out', table, fails=True)
    assert f'--out {table} would be JSON' in output and 'labels.json' in output
    assert table.read_bytes() == before
    output = call(APPLY, table, changes, '--out', tmp_path / 'labels.json')
    assert 'from_folder.py --classes dog cat' in output


def test_wrong_configs(folder, tool, tmp_path):
    out = ('--out', tmp_path / 'doubts.csv')
    answer = tool(folder / 'cam.py', *out)
    assert 'starts from random weights' in answer and 'CHECKPOINT' in answer
    answer = tool(folder / 'cam.py', folder / 'none.pth', *out)
    assert 'there is no file' in answer
    option = ('--cfg-options', 'model.data_preprocessor.bgr_to_rgb=False')
    answer = tool(folder / 'pretrained.py', *out, *option)
    assert 'bgr_to_rgb=True' in answer
    cfg = Config.fromfile(folder / 'pretrained.py')
    steps = cfg.test_dataloader.dataset.pipeline
    cfg.test_dataloader.dataset.pipeline = [
        step for step in steps if not step['type'].endswith('ImageLabels')
    ]
    cfg.dump(tmp_path / 'unlabelled.py')
    answer = tool(tmp_path / 'unlabelled.py', *out)
    assert 'loads no image labels' in answer
    assert not (tmp_path / 'doubts.csv').exists()


def test_an_image_that_cannot_be_read(folder, tmp_path):
    broken = folder / 'tiny' / 'images' / 'img_3.png'
    whole = broken.read_bytes()
    broken.write_bytes(b'no picture')
    out = tmp_path / 'doubts.csv'
    output = call(TOOL, folder / 'pretrained.py', '--out', out, fails=True)
    broken.write_bytes(whole)
    assert 'img_3' in output and '1 images failed' in output
    assert not out.exists()


def test_labels_that_cannot_be_compared(folder, tool, tmp_path):
    """One class for all: a table without rows, and no error."""
    cfg = Config.fromfile(folder / 'pretrained.py')
    stems = [f'img_{k}' for k in range(COUNT)]
    labels = tmp_path / 'labels.json'
    labels.write_text(json.dumps({stem: ['red'] for stem in stems}))
    cfg.test_dataloader.dataset.pipeline[2].ann_file = str(labels)
    cfg.dump(tmp_path / 'one.py')
    assert tool(tmp_path / 'one.py', '--out', tmp_path / 'doubts.csv') == 0
    assert read_label_changes(tmp_path / 'doubts.csv') == []


@pytest.mark.parametrize(
    ('count', 'expected'), [(700, 70), (400, 50), (60, 30)]
)
def test_a_limited_number_of_rows(count, expected):
    rng = np.random.default_rng(0)
    labels = rng.random((count, 6)) < 0.5
    features = np.where(rng.random((count, 6)) < 0.2, ~labels, labels)
    stems = [str(k) for k in range(count)]
    rows = doubted_labels(features + 0.0, labels, stems, list('abcdef'))
    assert len(rows) == expected
