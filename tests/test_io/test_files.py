import os

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.io.atomic import atomic_write
from mmseg_wsss.io.cam import load_cam, save_cam
from mmseg_wsss.io.features import load_features, save_features
from mmseg_wsss.io.labels import save_label
from mmseg_wsss.io.photos import read_photo

PALETTE = [[0, 0, 0], [10, 20, 30]]


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / 'folder' / 'file.txt'
    with atomic_write(path) as part:
        part.write_text('old')
    with pytest.raises(KeyError), atomic_write(path) as part:
        part.write_text('new, half')
        raise KeyError
    assert path.read_text() == 'old'
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize('name', ['貓' * 81 + '.png', 'a' * 251 + '.txt'])
def test_every_name_that_a_file_may_have(tmp_path, name):
    path = tmp_path / name
    with atomic_write(path) as part:
        assert part.name.startswith('.') and part.suffix == path.suffix
        part.write_text('all')
    assert path.read_text() == 'all' and os.listdir(tmp_path) == [name]
    with pytest.raises(KeyError), atomic_write(path) as part:
        part.write_text('half')
        raise KeyError
    assert path.read_text() == 'all' and os.listdir(tmp_path) == [name]


def test_files_of_one_folder_have_temporary_names_of_their_own(tmp_path):
    with (
        atomic_write(tmp_path / 'a.png') as one,
        atomic_write(tmp_path / 'b.png') as two,
        atomic_write(tmp_path / 'a.npz') as three,
    ):
        assert len({one, two, three}) == 3
        for part in (one, two, three):
            part.write_text('')


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


@pytest.mark.parametrize(
    ('classes', 'cam'),
    [
        (np.array([1, 2]), np.zeros((1, 2, 2))),
        (np.array(1), np.zeros((1, 2, 2))),
        (np.array([1]), np.zeros((2, 2))),
        (np.array([1.0]), np.zeros((1, 2, 2))),
        (np.array([1]), np.zeros((1, 2, 2), int)),
    ],
)
def test_cam_files_of_another_shape_or_type(tmp_path, classes, cam):
    np.savez(tmp_path / 'a.npz', classes=classes, cam=cam)
    with pytest.raises(ValueError, match=r'a\.npz is damaged: classes .* cam'):
        load_cam(tmp_path / 'a.npz')


@pytest.mark.parametrize('value', [-0.1, 1.1, np.nan])
def test_cam_files_with_other_values(tmp_path, value):
    cam = np.full((1, 2, 2), 0.5)
    cam[0, 1, 1] = value
    np.savez(tmp_path / 'a.npz', classes=np.array([1]), cam=cam)
    with pytest.raises(ValueError, match=r'a\.npz: a CAM lies in \[0, 1\]'):
        load_cam(tmp_path / 'a.npz')


def test_label_is_a_palette_png(tmp_path):
    label = np.array([[0, 1], [254, 255]])
    save_label(tmp_path / 'a.png', label, PALETTE)
    with Image.open(tmp_path / 'a.png') as image:
        assert image.mode == 'P'
        assert np.array(image).tolist() == label.tolist()
        assert image.getpalette()[3:6] == [10, 20, 30]
    with pytest.raises(ValueError, match='labels must be'):
        save_label(tmp_path / 'b.png', np.array([[2]]), PALETTE)


def test_features_round_trip(tmp_path):
    features = np.random.default_rng(0).standard_normal((3, 4, 5)) * 100
    save_features(tmp_path / 'folder' / 'a.npy', features)
    stored = load_features(tmp_path / 'folder' / 'a.npy')
    assert stored.dtype == np.float16 and stored.shape == (3, 4, 5)
    assert np.array_equal(stored, features.astype(np.float16))
    assert [p.name for p in (tmp_path / 'folder').iterdir()] == ['a.npy']


def test_features_that_cannot_be_stored(tmp_path):
    path = tmp_path / 'a.npy'
    for shape in ((3, 4), (1, 3, 4, 5), (0, 4, 5)):
        with pytest.raises(ValueError, match=r'expected features \(D, h, w\)'):
            save_features(path, np.zeros(shape))
    for value in (np.nan, np.inf, 65520.0):
        with pytest.raises(ValueError, match='65504 of float16'):
            save_features(path, np.full((1, 2, 2), value, np.float32))
    save_features(path, np.full((1, 2, 2), 65504.0))
    assert load_features(path).max() == 65504


def test_feature_files_that_are_something_else(tmp_path):
    path = tmp_path / 'a.npy'
    with pytest.raises(FileNotFoundError):
        load_features(path)
    save_features(path, np.ones((2, 3, 4)))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match='is not a feature file'):
        load_features(path)
    path.write_bytes(b'')
    with pytest.raises(ValueError, match='is not a feature file'):
        load_features(path)
    np.save(path, np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match='is not a feature file'):
        load_features(path)
    np.save(path, np.ones((3, 4), np.float16))
    with pytest.raises(ValueError, match=r'expected \(D, h, w\), got \(3, 4'):
        load_features(path)
    np.save(path, np.ones((2, 3, 4), np.float32))
    with pytest.raises(ValueError, match='expected float16, got float32'):
        load_features(path)
    np.save(path, np.full((2, 3, 4), np.nan, np.float16))
    with pytest.raises(ValueError, match='not a finite number'):
        load_features(path)
    save_cam(tmp_path / 'b.npz', np.array([1]), np.zeros((1, 2, 2)))
    with pytest.raises(ValueError, match='several arrays'):
        load_features(tmp_path / 'b.npz')


@pytest.mark.parametrize(
    ('orientation', 'turns'), [(1, 0), (3, 2), (6, 3), (8, 1)]
)
def test_photos_are_read_upright(tmp_path, orientation, turns):
    seen = np.zeros((4, 6, 3), np.uint8)
    seen[:2], seen[2:, :3] = [255, 0, 0], [0, 0, 255]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / 'a.png'
    stored = np.rot90(seen, -turns)
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    photo = read_photo(path)
    assert photo.dtype == np.uint8 and np.array_equal(photo, seen)


def test_photos_of_other_modes_and_sizes(tmp_path):
    path = tmp_path / 'a.png'
    Image.new('L', (40, 20), 90).save(path)
    assert read_photo(path).shape == (20, 40, 3)
    assert read_photo(path, max_side=10).shape == (5, 10, 3)
    assert (read_photo(path, max_side=80) == 90).all()
    Image.new('RGB', (40, 20)).save(path.with_suffix('.jpg'))
    assert read_photo(path.with_suffix('.jpg'), 10).shape == (5, 10, 3)
    path.write_bytes(b'no photo')
    with pytest.raises(OSError, match=r'a\.png'):
        read_photo(path)
