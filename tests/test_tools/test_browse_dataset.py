"""tools/analysis_tools/browse_dataset.py: the stored CAMs of an image."""

import runpy
from argparse import Namespace

import numpy as np
import pytest
import torch
from mmseg.structures import SegDataSample
from PIL import Image

from mmseg_wsss.io.cam import save_cam
from tests.test_tools.test_train_and_dump import ROOT

TOOL = ROOT / 'tools/analysis_tools/browse_dataset.py'


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """What is drawn of a photo that is stored lying, 8 by 4 pixels."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (8, 4), (90, 90, 90)).save(tmp_path / 'a.png', exif=exif)
    save_cam(tmp_path / 'a.npz', np.array([3]), np.ones((1, 2, 1)))
    draw = runpy.run_path(str(TOOL))['draw']
    calls = []
    monkeypatch.setitem(
        draw.__globals__,
        'contact_sheet',
        lambda rows, column_titles: calls.append((rows[0], column_titles)),
    )
    item = dict(
        inputs=torch.zeros(3, 8, 4, dtype=torch.uint8),
        data_samples=SegDataSample(
            metainfo=dict(img_path=str(tmp_path / 'a.png'))
        ),
    )

    def call(meta):
        draw(item, meta, Namespace(rgb=False, cam_dir=tmp_path))
        return calls[-1]

    return call


def test_cams_lie_over_the_upright_photo(drawn):
    classes = ('background', 'a', 'b', 'c')
    row, titles = drawn(dict(classes=classes, palette=[[0] * 3] * 4))
    assert [picture.shape for picture in row] == [(8, 4, 3)] * 2
    assert titles == ['a', 'CAM c']


def test_cams_of_a_part_of_the_classes(drawn):
    """Files hold the indices of the full list."""
    meta = dict(classes=('c', 'a'), palette=[[0] * 3] * 2)
    _, titles = drawn(dict(meta, label_map={0: 255, 1: 1, 2: 255, 3: 0}))
    assert titles == ['a', 'CAM c']
