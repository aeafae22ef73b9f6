"""tools/make_neighbours.py as a process, and training on what it writes."""

import runpy
import sys

import pytest
import torch
from PIL import Image

from mmseg_wsss.datasets.neighbours import load_neighbours
from tests import tiny
from tests.test_models.test_feature_extractors.test_stego import (
    COUNT,
    EXTRACTOR,
    stego_config,
)
from tests.test_tools.test_train_and_dump import ROOT, call

TOOL = 'tools/make_neighbours.py'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A data set whose images 1 and 7 are alike, and a config."""
    folder = tmp_path_factory.mktemp('neighbours')
    images = folder / 'tiny' / 'images'
    tiny.make_dataset(folder / 'tiny', count=COUNT)
    Image.open(images / 'img_1.png').save(images / 'img_7.png')
    cfg = stego_config(folder / 'tiny', folder / 'work')
    cfg.log_level = 'INFO'
    cfg.randomness = dict(seed=0)
    weights = folder / 'backbone.pth'
    torch.manual_seed(0)
    torch.save(tiny.TinyBackbone().state_dict(), weights)
    init = dict(type='Pretrained', checkpoint=str(weights))
    cfg.model.extractor = dict(
        EXTRACTOR, backbone=dict(type='TinyBackbone', init_cfg=init)
    )
    cfg.dump(folder / 'stego.py')
    return folder


@pytest.fixture
def tool(folder, monkeypatch):
    """The tool in this process; returns what it says at its end."""

    def call_here(*options):
        arguments = [TOOL, str(folder / 'stego.py'), *map(str, options)]
        monkeypatch.setattr(sys, 'argv', arguments)
        monkeypatch.chdir(ROOT)
        with pytest.raises(SystemExit) as end:
            runpy.run_path(TOOL, run_name='__main__')
        return end.value.code

    return call_here


def test_neighbours_and_training_on_two_ranks(folder, tool):
    config, out = folder / 'stego.py', folder / 'tiny' / 'neighbours.npz'
    ranks = ('--launcher', 'pytorch')
    output = call(TOOL, config, *ranks, '--batch-size', 3, ranks=2)
    assert (
        f'{COUNT - 1} neighbours of each of {COUNT} images written' in output
    )
    found, source = load_neighbours(out)
    assert found.stems == [f'img_{index}' for index in range(COUNT)]
    assert found.indices[1, 0] == 7 and found.indices[7, 0] == 1
    assert found.similarities[1, 0] == pytest.approx(1, abs=1e-5)
    assert any(key.startswith('checkpoint') for key in source)

    alone = folder / 'alone.npz'
    assert tool('--batch-size', 3, '--out', alone) == 0
    assert alone.read_bytes() == out.read_bytes()

    call('tools/train.py', config, *ranks, ranks=2, hide_gpus=True)
    assert (folder / 'work' / 'iter_2.pth').is_file()
    assert len(list((folder / 'work').glob('best_loss_iter_*.pth'))) == 1


def test_an_image_that_cannot_be_read(folder):
    broken = folder / 'tiny' / 'images' / 'img_3.png'
    whole = broken.read_bytes()
    broken.write_bytes(b'no picture')
    out = folder / 'none.npz'
    output = call(TOOL, folder / 'stego.py', '--out', out, fails=True)
    broken.write_bytes(whole)
    assert 'img_3' in output and '1 images failed' in output
    assert not out.exists()


def test_a_file_that_is_there(folder, tool):
    out = folder / 'again.npz'
    assert tool('--number', 2, '--out', out) == 0
    before = out.read_bytes(), out.stat().st_mtime_ns
    assert tool('--number', 2, '--out', out) == 0
    assert before == (out.read_bytes(), out.stat().st_mtime_ns)
    answer = tool('--number', 3, '--out', out)
    assert 'was made with another number of neighbours' in answer
    weights = folder / 'backbone.pth'
    weights.touch()
    assert tool('--number', 2, '--out', out) == 0
    with open(weights, 'ab') as content:
        content.write(b'0')
    assert 'another checkpoint' in tool('--number', 2, '--out', out)
    assert tool('--number', 3, '--out', out, '--overwrite') == 0
    assert load_neighbours(out)[0].indices.shape == (COUNT, 3)


def test_bad_configs(folder, tool):
    options = ('--out', folder / 'none.npz', '--cfg-options')
    answer = tool(*options, 'neighbour_pipeline=None')
    assert 'has no neighbour_pipeline: add the transforms' in answer
    assert 'no model.extractor' in tool(*options, 'model.extractor=None')
    assert tool('--number', 0) == 2
