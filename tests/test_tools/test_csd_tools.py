"""browse_csd.py and label_statistics.py as processes."""

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets import save_image_labels
from tests import tiny
from tests.test_datasets.test_partners import IMAGES
from tests.test_tools.test_train_and_dump import call

BROWSE = 'tools/analysis_tools/browse_csd.py'
STATISTICS = 'tools/analysis_tools/label_statistics.py'
SIDE, STEP, TOP = 32, 36, 18


@pytest.fixture
def config_file(tiny_root, tmp_path):
    cfg = tiny.csd_config(tiny_root, tmp_path / 'work')
    cfg.dump(tmp_path / 'csd.py')
    return tmp_path / 'csd.py'


def test_pictures_of_the_pairs(config_file, tiny_root, tmp_path):
    out = tmp_path / 'out'
    output = call(
        BROWSE, config_file, '--out-dir', out, '--number', 2, '--stride', 4
    )
    assert '2 sheets in' in output
    files = sorted(out.glob('*.png'))
    assert [file.name for file in files] == ['img_1.png', 'img_2.png']
    sheet = np.asarray(Image.open(files[0]))
    assert sheet.shape == (TOP + STEP, 4 + 6 * STEP, 3)
    cells = [
        sheet[TOP:, 4 + k * STEP :][:SIDE, :SIDE].astype(int) for k in range(6)
    ]
    target = np.asarray(Image.open(tiny_root / 'images' / 'img_1.png'))
    assert (cells[1] == target).all()
    # The foreground view is made of both pictures, and differs from each.
    source, view = cells[0], cells[2]
    assert ((view == target) | (view == source)).all(-1).all()
    assert (view != target).any() and (cells[3] != view).any()


def test_browsing_another_data_set(tiny_root, tmp_path):
    cfg = tiny.config(tiny_root, tiny.cam_head(), tmp_path / 'work')
    cfg.dump(tmp_path / 'cam.py')
    output = call(
        BROWSE, tmp_path / 'cam.py', '--out-dir', tmp_path, fails=True
    )
    assert 'must be a CSDDataset' in output.splitlines()[-1]


@pytest.fixture
def label_file(tmp_path):
    images = {f'{k:02d}': names for k, names in enumerate(IMAGES)}
    save_image_labels(tmp_path / 'labels.json', images)
    return tmp_path / 'labels.json'


NAMES = ('--classes', 'background', 'horse', 'person', 'table')


def test_table_of_a_label_file(label_file):
    lines = call(STATISTICS, label_file, *NAMES).splitlines()
    rows = {
        cells[1]: cells[2:]
        for line in lines
        if line.startswith('|')
        for cells in [[c.strip() for c in line.strip('|').split('|')]]
    }
    assert rows['horse'] == [
        '7', '4', 'person 3 0.429', 'horse 0.455, person 0.364'
    ]  # fmt: skip
    assert rows['person'] == [
        '6', '2', 'horse 3 0.500', 'horse 0.400, person 0.300'
    ]  # fmt: skip
    assert rows['table'] == [
        '2', '0', 'person 2 1.000', 'person 0.500, horse 0.333'
    ]  # fmt: skip
    assert lines[-1] == (
        '10 images, 1.500 classes on average: 6 with 1, 3 with 2, 1 with 3'
    )


def test_a_list_of_images(label_file, tmp_path):
    (tmp_path / 'list.txt').write_text('00\n06\n')
    output = call(
        STATISTICS,
        label_file,
        *NAMES,
        *('--list', tmp_path / 'list.txt'),
    )
    # Counts from 1: horse 2 2 1, of which the first two are listed.
    assert '2 images' in output and 'horse 0.400, person 0.400 |' in output


def test_an_image_without_labels(label_file, tmp_path):
    (tmp_path / 'list.txt').write_text('99\n')
    command = (STATISTICS, label_file, *NAMES)
    output = call(*command, '--list', tmp_path / 'list.txt', fails=True)
    last = output.splitlines()[-1]
    assert last.startswith('error:') and "image '99'" in last
