import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.fileio import load_cam, save_cam, save_label, whole_file

PALETTE = [[0, 0, 0], [10, 20, 30]]


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / 'folder' / 'file.txt'
    with whole_file(path) as part:
        part.write_text('old')
    with pytest.raises(KeyError), whole_file(path) as part:
        part.write_text('new, half')
        raise KeyError
    assert path.read_text() == 'old'
    assert list(path.parent.iterdir()) == [path]


def test_cam_round_trip(tmp_path):
    cam = np.random.default_rng(0).random((2, 3, 4)).astype(np.float32)
    save_cam(tmp_path / 'a.npz', np.array([3, 7]), cam)
    classes, stored = load_cam(tmp_path / 'a.npz')
    assert classes.tolist() == [3, 7]
    assert stored.dtype == np.float16
    assert np.abs(stored - cam).max() < 1e-3


def test_cam_errors(tmp_path):
    with pytest.raises(ValueError, match='CAMHead'):
        save_cam(tmp_path / 'a.npz', np.array([1]), np.full((1, 2, 2), 1.5))
    with pytest.raises(ValueError, match='expected K classes'):
        save_cam(tmp_path / 'a.npz', np.array([1, 2]), np.zeros((1, 2, 2)))
    (tmp_path / 'bad.npz').write_bytes(b'PK\x03\x04 truncated')
    with pytest.raises(ValueError, match='is not a CAM file'):
        load_cam(tmp_path / 'bad.npz')
    with pytest.raises(FileNotFoundError):
        load_cam(tmp_path / 'none.npz')


def test_label_is_a_palette_png(tmp_path):
    label = np.array([[0, 1], [254, 255]])
    save_label(tmp_path / 'a.png', label, PALETTE)
    with Image.open(tmp_path / 'a.png') as image:
        assert image.mode == 'P'
        assert np.array(image).tolist() == label.tolist()
        assert image.getpalette()[3:6] == [10, 20, 30]
    with pytest.raises(ValueError, match='labels must be'):
        save_label(tmp_path / 'b.png', np.array([[2]]), PALETTE)
