from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.io.cam import save_cam
from mmseg_wsss.visualization import label_overlay
from mmseg_wsss.visualization.cam_row import CAMRow
from tests.tiny import PALETTE

GREY = [100, 100, 100]
# 0.4 * 100 + 0.6 * colour
RED, GREEN, BLACK = [193, 40, 40], [40, 193, 40], [40, 40, 40]


def dataset(classes=('background', 'red', 'green'), label_map=None):
    palette = [PALETTE[1 + 'rgb'.index(n[0])] for n in classes if n[0] != 'b']
    if 'background' in classes:
        palette.insert(classes.index('background'), [0, 0, 0])
    meta = dict(classes=classes, palette=palette, label_map=label_map)
    return SimpleNamespace(
        metainfo=meta, label_map=label_map, reduce_zero_label=False
    )


@pytest.fixture
def info(tmp_path):
    """An image of two rows and four columns with CAMs at its size."""
    Image.fromarray(np.full((2, 4, 3), 100, np.uint8)).save(tmp_path / 'a.png')
    cam = np.zeros((2, 2, 4))
    cam[0] = [0.75, 0.5, 0.25, 0]
    cam[1] = [0.25, 0.25, 0.25, 1]
    save_cam(tmp_path / 'cams' / 'a.npz', np.array([1, 2]), cam)
    return dict(img_path=str(tmp_path / 'a.png'), folder=tmp_path / 'cams')


def test_label_overlay_leaves_the_background_clear():
    image, label = np.full((1, 3, 3), 100, np.uint8), np.array([[0, 1, 255]])
    white = [193, 193, 193]
    for index, expected in (
        (0, [GREY, RED, white]),
        (1, [BLACK, GREY, white]),
        (None, [BLACK, RED, white]),
    ):
        picture = label_overlay(
            image, label, PALETTE[:2], background_index=index
        )
        assert picture[0].tolist() == expected


@pytest.mark.parametrize(
    ('score', 'expected'),
    [
        (0.1, [RED, RED, RED, GREEN]),
        # A score that equals the background's is background.
        (0.5, [RED, GREY, GREY, GREEN]),
        (0.8, [GREY, GREY, GREY, GREEN]),
    ],
)
def test_seed_at_its_background_score(info, score, expected):
    draw = CAMRow(dataset(), {'x': info['folder']}, {'x': score})
    (image, seed), title = draw(info)
    assert (image == 100).all()
    assert seed.tolist() == [expected] * 2
    assert title == 'a: red, green'


def test_cams_are_upsampled_bilinearly(info):
    cam = np.array([[[1.0, 0.0]]])
    save_cam(info['folder'] / 'a.npz', np.array([2]), cam)
    draw = CAMRow(dataset(), {'x': info['folder']}, {'x': 0.2})
    # Scores at the four columns are 1, 0.75, 0.25, 0.
    seed = draw(info)[0][1]
    assert seed[0].tolist() == [GREEN, GREEN, GREEN, GREY]


def test_heat_is_the_largest_cam(info):
    draw = CAMRow(dataset(), {'x': info['folder']}, None)
    heat = draw(info)[0][1]
    # Stops of the colour map: 0.75, 0.5, 0.25 and 1.
    stops = [[250, 220, 60], [70, 200, 120], [30, 120, 200], [200, 30, 30]]
    assert heat[0].tolist() == [
        [round(40 + 0.6 * value) for value in stop] for stop in stops
    ]


def test_no_class_at_all(info):
    save_cam(info['folder'] / 'a.npz', np.zeros(0, int), np.zeros((0, 1, 2)))
    for scores in ({'x': 0.3}, None):
        draw = CAMRow(dataset(), {'x': info['folder']}, scores)
        (_, picture), title = draw(info)
        assert picture.shape == (2, 4, 3)
        assert title == 'a: '
        if scores:
            assert (picture == 100).all()


def test_ids_on_disk_and_mask(info, tmp_path):
    # Of background, red, green a data set uses green, background and red.
    subset = dataset(('green', 'background', 'red'), {0: 1, 1: 2, 2: 0})
    mask = np.array([[0, 1, 2, 255]] * 2, np.uint8)
    Image.fromarray(mask).save(tmp_path / 'mask.png')
    info['seg_map_path'] = str(tmp_path / 'mask.png')
    draw = CAMRow(subset, {'x': info['folder']}, {'x': 0.3}, 1)
    (_, seed, truth), title = draw(info)
    assert seed[0].tolist() == [RED, RED, GREY, GREEN]
    assert truth[0].tolist() == [GREY, RED, GREEN, [193] * 3]
    assert title == 'a: green, red'


def test_data_set_without_background(info, tmp_path):
    save_cam(info['folder'] / 'a.npz', np.array([0]), np.ones((1, 2, 4)) * 0.5)
    mask = np.array([[0, 0, 1, 1]] * 2, np.uint8)
    Image.fromarray(mask).save(tmp_path / 'mask.png')
    info['seg_map_path'] = str(tmp_path / 'mask.png')
    folders = dict(low=info['folder'], high=info['folder'])
    draw = CAMRow(
        dataset(('red', 'green')), folders, dict(low=0.4, high=0.6), None
    )
    _, low, high, truth = draw(info)[0]
    assert low[0].tolist() == [RED] * 4
    assert high[0].tolist() == [GREY] * 4
    assert truth[0].tolist() == [RED, RED, GREEN, GREEN]


def test_turned_photos_stand_upright_beside_their_mask(info, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying: two columns and four rows
    lying = np.full((4, 2, 3), 100, np.uint8)
    Image.fromarray(lying).save(tmp_path / 'a.png', exif=exif)
    Image.fromarray(np.ones((2, 4), np.uint8)).save(tmp_path / 'mask.png')
    info['seg_map_path'] = str(tmp_path / 'mask.png')
    draw = CAMRow(dataset(), {'x': info['folder']}, {'x': 0.1})
    row, _ = draw(info)
    assert [picture.shape for picture in row] == [(2, 4, 3)] * 3
    assert row[1].tolist() == [[RED, RED, RED, GREEN]] * 2


def test_bad_files(info, tmp_path):
    draw = CAMRow(dataset(), {'x': info['folder']}, {'x': 0.3})
    path = info['folder'] / 'a.npz'
    info['seg_map_path'] = str(tmp_path / 'mask.png')
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(info['seg_map_path'])
    with pytest.raises(ValueError, match=r'mask.png has size \(3, 3\)'):
        draw(info)
    save_cam(path, np.array([7]), np.ones((1, 1, 2)))
    with pytest.raises(ValueError, match=r'a\.npz holds class index 7'):
        draw(info)
    np.savez(path, classes=np.array([1]), cam=np.ones((2, 1, 2)))
    with pytest.raises(ValueError, match=r'a\.npz is damaged'):
        draw(info)
    path.write_bytes(b'no')
    with pytest.raises(ValueError, match='not a CAM file'):
        draw(info)
