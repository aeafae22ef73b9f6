"""tools/segment_photos.py as a process: photos of all kinds, restart."""

import csv
import json
import os
import shutil
from collections import defaultdict

import cv2
import numpy as np
import pytest
import torch
from mmseg.registry import MODELS, TRANSFORMS
from PIL import Image

from mmseg_wsss.compat import load_config
from mmseg_wsss.io.photos import read_photo, shrink
from mmseg_wsss.workflow.deploy.segmentor import Segmentor
from tests import tiny
from tests.test_tools.test_train_and_dump import call, files

TOOL = 'tools/segment_photos.py'
ROTATED = Image.Exif()
ROTATED[0x0112] = 6  # to be turned by 90 degrees clockwise
PHOTOS = {
    'plain': 'plain.png',
    'turned': 'turned.PNG',
    'beach_1': 'beach/1.png',
    'beach_1_2': 'beach/1.tif',
    'clear': 'clear.png',
    'deep': 'deep.png',
}


@pytest.fixture
def segmentor(tmp_path):
    """A config, a model, and its checkpoint: the labels do not exist."""
    cfg = tiny.config(tmp_path, tiny.fcn_head(), tmp_path / 'work')
    cfg.log_level = 'INFO'
    cfg.test_dataloader.dataset.pipeline.insert(
        1, dict(type='Resize', scale=(64, 64), keep_ratio=True)
    )
    cfg.dump(tmp_path / 'config.py')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    meta = dict(classes=tiny.CLASSES, palette=tiny.PALETTE)
    checkpoint = dict(
        state_dict=model.state_dict(), meta=dict(dataset_meta=meta)
    )
    torch.save(checkpoint, tmp_path / 'model.pth')
    return model


@pytest.fixture
def photos(tmp_path):
    """Photos of all kinds, two of one name, and what is no photo."""
    root = tmp_path / 'photos'
    (root / 'beach').mkdir(parents=True)
    rng = np.random.default_rng(0)
    cells = rng.integers(0, 256, (len(PHOTOS), 5, 7, 3), dtype=np.uint8)
    pixels = np.kron(cells, np.ones((1, 9, 9, 1), np.uint8))
    for picture, name in zip(pixels, PHOTOS.values(), strict=True):
        Image.fromarray(picture).save(root / name)
    turned = Image.fromarray(pixels[1]).transpose(Image.Transpose.ROTATE_90)
    turned.save(root / 'turned.PNG', exif=ROTATED)
    clear = np.dstack([pixels[4], pixels[4][..., 0] // 128 * 255])
    Image.fromarray(clear).save(root / 'clear.png')
    deep = pixels[5][..., 0].astype(np.uint16) * 257
    Image.fromarray(deep).save(root / 'deep.png')
    (root / 'broken.jpg').write_bytes(b'no photo')
    (root / 'phone.heic').write_bytes(b'not read')
    return root


def run(tmp_path, *options, ranks=1, fails=False, out='out'):
    words = [tmp_path / name for name in ('config.py', 'model.pth', 'photos')]
    words += ['--out-dir', tmp_path / out, '--device', 'cpu', *options]
    words += ['--launcher', 'pytorch'] if ranks > 1 else []
    return call(TOOL, *words, ranks=ranks, fails=fails)


def expected_label(model, photo):
    """Predict with torch alone."""
    height, width = photo.shape[:2]
    scale = 64 / max(height, width)
    size = int(width * scale + 0.5), int(height * scale + 0.5)
    small = cv2.resize(photo, size, interpolation=cv2.INTER_LINEAR)
    inputs = torch.from_numpy(small).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        features = model.backbone((inputs - 127.5) / 127.5)
        logits = model.decode_head(features)
        for target in (small.shape[:2], (height, width)):
            logits = torch.nn.functional.interpolate(
                logits, target, mode='bilinear', align_corners=False
            )
    return logits[0].argmax(0).numpy()


def read_areas(folder):
    """Pixels by photo and class, and shares by photo."""
    pixels, shares = defaultdict(dict), defaultdict(float)
    with open(folder / 'areas.csv', newline='', encoding='utf-8-sig') as file:
        for row in csv.DictReader(file):
            pixels[row['mask']][row['class']] = int(row['pixels'])
            shares[row['photo']] += float(row['share'])
            assert tiny.CLASSES[int(row['index'])] == row['class']
    return pixels, shares


def test_photos_of_all_kinds(segmentor, photos, tmp_path):
    output = run(tmp_path, fails=True)
    out = tmp_path / 'out'
    assert 'not read as photos: 1 .heic' in output
    assert '6 of 7 photos are segmented' in output
    failures = json.loads((out / 'failures.json').read_text())
    assert list(failures) == ['broken']
    assert 'broken.jpg' in failures['broken'] and 'broken.jpg' in output
    assert {p.name for p in (out / 'masks').iterdir()} == {
        f'{name}.png' for name in PHOTOS
    }
    pixels, shares = read_areas(out)
    assert set(shares) == set(PHOTOS.values())
    assert all(abs(share - 1) < 1e-5 for share in shares.values())
    seen = set()
    for name, file in PHOTOS.items():
        photo = read_photo(photos / file)
        mask = Image.open(out / 'masks' / f'{name}.png')
        assert mask.mode == 'P'
        assert mask.getpalette()[:12] == np.ravel(tiny.PALETTE).tolist()
        label = np.array(mask)
        # As it is seen: the turned photo too.
        assert label.shape == photo.shape[:2] == (45, 63)
        expected = expected_label(segmentor, photo)
        assert (label == expected).mean() > 0.999
        counts = {
            k: int((label == tiny.CLASSES.index(k)).sum())
            for k in tiny.CLASSES
        }
        assert pixels[f'{name}.png'] == counts
        seen |= set(np.unique(label))
        drawn = np.array(Image.open(out / 'overlays' / f'{name}.jpg'))
        assert drawn.shape == photo.shape
        if (label == 0).any():
            difference = np.abs(drawn.astype(int) - photo)[label == 0]
            assert np.median(difference) < 12
    assert len(seen) > 1


def test_only_what_is_missing_is_done(segmentor, photos, tmp_path):
    (photos / 'broken.jpg').unlink()
    run(tmp_path)
    out = tmp_path / 'out'
    whole = files(out)
    run(tmp_path, ranks=2, out='two')
    assert files(tmp_path / 'two') == whole
    kept = (out / 'masks' / 'deep.png').stat().st_mtime_ns
    (out / 'overlays' / 'plain.jpg').unlink()
    # Another photo under a name that is known, with an older date.
    (photos / 'turned.PNG').unlink()
    red = Image.new('RGB', (20, 30), 'red')
    red.save(photos / 'turned.png')
    (photos / 'new.jpg').write_bytes(b'no photo')
    output = run(tmp_path, fails=True)
    assert '4 of 7 images are done, 3 to do' in output
    assert (out / 'masks' / 'deep.png').stat().st_mtime_ns == kept
    assert Image.open(out / 'masks' / 'turned.png').size == (20, 30)
    assert (out / 'overlays' / 'plain.jpg').is_file()
    assert 'turned.png' in read_areas(out)[1]
    # A photo that is gone is no longer in the table.
    (photos / 'plain.png').unlink()
    output = run(tmp_path, fails=True)
    assert '1 photos (plain) are no longer in' in ' '.join(output.split())
    assert not (out / 'masks' / 'plain.png').exists()
    assert set(read_areas(out)[1]) == {
        *('turned.png', 'beach/1.png', 'beach/1.tif'),
        *('clear.png', 'deep.png'),
    }


def test_wrong_input_writes_nothing(segmentor, photos, tmp_path):
    stored = torch.load(tmp_path / 'model.pth')

    def last(**options):
        output = run(tmp_path, fails=True, **options)
        assert not (tmp_path / 'out').exists()
        assert 'Traceback' not in output
        return output.splitlines()[-1]

    def save(**changes):
        torch.save({**stored, **changes}, tmp_path / 'model.pth')

    assert 'would be taken for photos' in last(out='photos/out')
    order = dict(classes=tiny.CLASSES[::-1], palette=tiny.PALETTE)
    save(meta=dict(dataset_meta=order))
    assert 'was trained with the classes' in last()
    weights = dict(stored['state_dict'])
    del weights['decode_head.conv_seg.weight']
    save(state_dict=weights)
    assert 'tensors are missing' in last()
    (tmp_path / 'model.pth').unlink()
    assert 'there is no checkpoint' in last()
    for path in photos.rglob('*.*'):
        if path.suffix != '.heic':
            path.unlink()
    assert 'there is no photo in' in last()
    assert '1 .heic: convert them to JPEG' in last()


def test_another_checkpoint_needs_another_folder(segmentor, photos, tmp_path):
    (photos / 'broken.jpg').unlink()
    run(tmp_path)
    before = files(tmp_path / 'out')
    stored = torch.load(tmp_path / 'model.pth')
    weights = stored['state_dict']
    bias = torch.tensor([0.0, 0.0, 1e6, 0.0])
    weights['decode_head.conv_seg.bias'] = bias
    del stored['meta']  # the config's classes are taken
    torch.save(stored, tmp_path / 'model.pth')
    output = run(tmp_path, fails=True)
    assert 'made with another checkpoint' in output.splitlines()[-1]
    assert files(tmp_path / 'out') == before
    run(tmp_path, '--overwrite')
    pixels, _ = read_areas(tmp_path / 'out')
    assert all(counts['green'] == 45 * 63 for counts in pixels.values())


def test_large_photos_are_shrunk_as_those_of_the_data_set(segmentor, tmp_path):
    """With antialiasing; the mask has the photo's own size."""
    cfg = load_config(tmp_path / 'config.py')
    steps = cfg.test_dataloader.dataset.pipeline
    steps[0].backend_args = dict(backend='mmseg_wsss.photo', max_side=80)
    loaded = Segmentor(cfg, tmp_path / 'model.pth')
    assert loaded.max_side == 80
    rng = np.random.default_rng(0)
    cells = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    photo = np.kron(cells, np.ones((100, 100, 1), np.uint8))
    photo[::2] = 255 - photo[::2]  # grey from afar, which bilinear misses
    small = shrink(Image.fromarray(photo), 80)
    small.save(tmp_path / 'small.png')
    load = TRANSFORMS.build(dict(steps[0]))
    Image.fromarray(photo).save(tmp_path / 'large.png')
    for name in ('small', 'large'):
        path = str(tmp_path / f'{name}.png')
        image = load(dict(img_path=path))['img']
        assert np.array_equal(image[..., ::-1], np.asarray(small))
    label = loaded.predict(photo)
    assert label.shape == (600, 800)
    expected = loaded.predict(np.asarray(small))
    expected = np.kron(expected, np.ones((10, 10), int))
    assert (label == expected).mean() > 0.9


def test_names_that_are_no_utf8_and_names_of_blanks(
    segmentor, photos, tmp_path
):
    shutil.copy(photos / 'plain.png', photos / os.fsdecode(b'caf\xe9.png'))
    shutil.copy(photos / 'plain.png', photos / ' .png')
    (photos / 'broken.jpg').unlink()
    run(tmp_path)
    rows = (tmp_path / 'out/areas.csv').read_text('utf-8-sig')
    assert 'caf\\xe9.png,caf_.png,0' in rows
    assert ' .png,photo.png,0' in rows
    (photos / 'plain.png').unlink()
    run(tmp_path)
    assert not (tmp_path / 'out/masks/plain.png').exists()
    assert not (tmp_path / 'out/overlays/plain.jpg').exists()


@pytest.mark.parametrize(
    'file',
    ['masks/plain.png', 'overlays/plain.jpg', 'photos.json', 'areas.csv'],
)
def test_files_of_others_stay(segmentor, photos, tmp_path, file):
    """Masks drawn by hand, beside the photos, are no earlier results."""
    mine = tmp_path / 'out' / file
    mine.parent.mkdir(parents=True)
    mine.write_text('[]')
    output = run(tmp_path, '--overwrite', fails=True).splitlines()[-1]
    assert f'{tmp_path}/out/{file.partition("/")[0]} was not written' in output
    assert list((tmp_path / 'out').rglob('*.*')) == [mine]
    assert mine.read_text() == '[]'
