"""tools/analysis_tools/compare_labels.py as a process."""

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.io.labels import save_label
from tests import tiny
from tests.test_tools.test_train_and_dump import call

TOOL = 'tools/analysis_tools/compare_labels.py'


@pytest.fixture
def root(tmp_path):
    """A data set, its config, and two folders of labels."""
    tiny.make_dataset(tmp_path / 'tiny')
    cfg = tiny.config(tmp_path / 'tiny', tiny.cam_head(), tmp_path / 'work')
    cfg.dump(tmp_path / 'cam.py')
    for k, folder in enumerate(('a', 'b')):
        label = np.full((32, 32), k + 1)
        label[:4] = 255
        for stem in ('img_1', 'img_4'):
            path = tmp_path / folder / f'{stem}.png'
            save_label(path, label, tiny.PALETTE)
    # A photo of 32 rows and 24 columns that is stored lying.
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.new('RGB', (32, 24), (90, 90, 90))
    turned.save(tmp_path / 'tiny' / 'images' / 'img_4.png', exif=exif)
    for folder in ('a', 'b', 'tiny/masks', 'tiny/pseudo'):
        path = tmp_path / folder / 'img_4.png'
        save_label(path, np.array(Image.open(path))[:, :24], tiny.PALETTE)
    return tmp_path


def test_labels_side_by_side(root):
    labels = [f'one={root / "a"}', f'two={root / "b"}']
    call(TOOL, root / 'cam.py', '--labels', *labels, '--out', root / 'out.png')
    sheet = np.array(Image.open(root / 'out.png').convert('RGB')).astype(int)
    # Four columns: red labels in the second, green ones in the third.
    second, third = np.array_split(sheet, 4, axis=1)[1:3]
    assert (second[..., 0] - second[..., 1] > 100).sum() > 300
    assert (third[..., 1] - third[..., 0] > 100).sum() > 300


def test_wrong_calls(root):
    def fail(*options):
        return call(
            TOOL,
            root / 'cam.py',
            '--out',
            root / 'x.png',
            *options,
            fails=True,
        )

    assert 'there is no folder' in fail('--labels', 'a=/nowhere')
    empty = root / 'empty'
    empty.mkdir()
    assert 'none of the 6 images' in fail('--labels', f'a={empty}')
    output = fail('--labels', f'a={root / "a"}', '--stems', 'img_0')
    assert '--stems img_0: a has no file of it' in output
    assert not (root / 'x.png').exists()
