"""Every form of photos, labels and masks that docs/own_data.md promises."""

import csv
import json
import os
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.compat import load_config
from mmseg_wsss.datasets.scenes.generator import draw_scene
from mmseg_wsss.datasets.scenes.plan import CLASSES
from tests.processes import ROOT, run_python

TOOL = ROOT / 'tools' / 'dataset_converters' / 'from_folder.py'
COUNT = 20


@pytest.fixture(scope='module')
def scenes():
    """Scenes by name: the picture, the mask, and the class names."""
    drawn = {}
    for k in range(COUNT):
        scene = draw_scene(8, 'train', k, (64, 80))
        image, mask = np.asarray(scene.image), np.asarray(scene.mask)
        ids = np.unique(mask[(mask > 0) & (mask < len(CLASSES))])
        names = [CLASSES[i] for i in ids]
        drawn[f'p{k:02}'] = Image.fromarray(image), mask, names
    return drawn


def flat(root, scenes):
    """Write all photos into one folder; return their class names."""
    for name, (image, _, _) in scenes.items():
        image.save(root / 'photos' / f'{name}.jpg')
    return {name: labels for name, (_, _, labels) in scenes.items()}


# ------------------------------------------------------------ class folders
def class_folders(root, scenes, folder='{}', name='{1}', link=False):
    """Write photos into the folders of all their classes."""
    suffixes = '.jpg', '.PNG', '.webp', '.Bmp'
    for k, (stem, (image, _, labels)) in enumerate(scenes.items()):
        suffix = suffixes[k % 4]
        data = BytesIO()
        image.save(data, suffix[1:].replace('jpg', 'jpeg'))
        for label in labels:
            path = folder.format(label)
            file = root / 'photos' / path / f'{name.format(label, stem)}'
            file.parent.mkdir(parents=True, exist_ok=True)
            file.with_name(file.name + suffix).write_bytes(data.getvalue())
    if link:
        (root / 'photos' / 'cat').rename(root / 'elsewhere')
        (root / 'photos' / 'cat').symlink_to(root / 'elsewhere')
    return [], {name: labels for name, (_, _, labels) in scenes.items()}


def folders_with_equal_names(root, scenes):
    """Photos are counted from 0 in each folder."""
    expected, count = {}, dict.fromkeys(CLASSES, 0)
    for image, _, (label, *_) in scenes.values():
        folder = root / 'photos' / label
        folder.mkdir(exist_ok=True)
        image.save(folder / f'{count[label]}.jpg')
        expected[label, count[label]] = [label]
        count[label] += 1
    numbers = [number for _, number in expected]
    return [], {
        f'{label}_{n}' if numbers.count(n) > 1 else f'{n}': labels
        for (label, n), labels in expected.items()
    }


# ------------------------------------------------------------------- tables
def table(root, scenes, header, write_row, suffix='.jpg'):
    """Write a table of photos in a shuffled order."""
    expected = flat(root, scenes)
    with (root / 'labels.csv').open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for name in sorted(expected, key=lambda name: name[::-1]):
            writer.writerow([name + suffix, *write_row(expected[name])])
    return ['--labels', 'labels.csv'], expected


def names_with_blanks(root, scenes, write_row):
    """A class is called ``hot dog``."""
    renamed = {
        name: (image, mask, [n.replace('dog', 'hot dog') for n in labels])
        for name, (image, mask, labels) in scenes.items()
    }
    return table(root, renamed, ('image', 'labels'), write_row)


def main_object_alone(root, scenes):
    """No photo has two classes, one of which has a blank."""
    alone = {
        name: (image, mask, labels[:1])
        for name, (image, mask, labels) in scenes.items()
    }
    return names_with_blanks(root, alone, lambda names: [f'{names[0]};'])


def photos_without_class(root, scenes):
    words, expected = table(
        root, scenes, ('image', 'labels'), lambda names: [';'.join(names)]
    )
    Image.new('RGB', (64, 64)).save(root / 'photos' / 'nothing.jpg')
    with (root / 'labels.csv').open('a') as file:
        file.write('nothing.jpg,\n')
    return words, {**expected, 'nothing': []}


def one_class(root, scenes):
    """Half of the photos are in a folder ``background``."""
    expected = {}
    for k, (name, (image, _, _)) in enumerate(scenes.items()):
        folder = root / 'photos' / ('dog', 'Background')[k % 2]
        folder.mkdir(exist_ok=True)
        image.save(folder / f'{name}.jpg')
        expected[name] = ['dog'][k % 2 :]
    return [], expected


def zeros(root, scenes):
    """A table of one column."""
    first = {
        name: (image, mask, labels[:1] if k % 2 else [])
        for k, (name, (image, mask, labels)) in enumerate(scenes.items())
    }
    words, expected = table(
        root, first, ('image', 'dog'), lambda names: [len(names)]
    )
    return words, {name: ['dog'] * len(n) for name, n in expected.items()}


def one_hot(names):
    return [int(name in names) for name in CLASSES[1:]]


# -------------------------------------------------------------- other files
def json_file(root, scenes):
    expected = flat(root, scenes)
    (root / 'labels.json').write_text(json.dumps(expected))
    return ['--labels', 'labels.json'], expected


def coco_file(root, scenes):
    expected = flat(root, scenes)
    images, boxes = [], []
    for k, (name, labels) in enumerate(expected.items()):
        images.append(dict(id=k, file_name=f'{name}.jpg'))
        boxes += [
            dict(image_id=k, category_id=7 * CLASSES.index(label))
            for label in labels
        ]
    kinds = [dict(id=7 * k, name=CLASSES[k]) for k in (3, 1, 2, 6, 5, 4)]
    content = dict(images=images, annotations=boxes, categories=kinds)
    (root / 'instances.json').write_text(json.dumps(content))
    return ['--labels', 'instances.json'], expected


def voc_folder(root, scenes):
    expected = flat(root, scenes)
    (root / 'Annotations').mkdir()
    for name, labels in expected.items():
        things = [f'<object><name>{n}</name></object>' for n in labels]
        text = f'<annotation>{"".join(things)}</annotation>'
        (root / 'Annotations' / f'{name}.xml').write_text(text)
    return ['--labels', 'Annotations'], expected


# ------------------------------------------------------------ kinds of photos
def turned(image, path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)


def cut_png(image, path):
    image.save(path)
    path.write_bytes(path.read_bytes()[:-12])


def deep(shift):
    def save(image, path):
        pixels = np.asarray(image).astype(np.uint16) << shift
        cv2.imwrite(str(path), pixels[..., ::-1])

    return save


def in_mode(mode):
    return lambda image, path: image.convert(mode).save(path)


def animation(image, path):
    frames = [Image.new('RGB', image.size, colour) for colour in ('red', 0)]
    image.save(path, save_all=True, append_images=frames)


KINDS = (
    ('.jpg', turned),
    ('.png', in_mode('RGBA')),
    ('.jpg', in_mode('CMYK')),
    ('.png', in_mode('P')),
    ('.JPEG', in_mode('L')),
    ('.png', deep(2)),
    ('.png', deep(4)),
    ('.tif', deep(8)),
    ('.TIFF', in_mode('RGB')),
    ('.gif', in_mode('RGB')),
    ('.gif', animation),
    ('.webp', animation),
    ('.png', cut_png),
    ('.jpg.jpg', in_mode('RGB')),
)


def kinds_of_photos(root, scenes):
    """Photos that need a copy, the first larger than 640 pixels."""
    masks = root / 'masks'
    masks.mkdir()
    for k, (name, (image, mask, _)) in enumerate(scenes.items()):
        suffix, save = KINDS[k % len(KINDS)]
        if k == 0:
            image = image.resize((image.width * 12, image.height * 12))
            mask = np.kron(mask, np.ones((12, 12), np.uint8))
        save(image, root / 'photos' / f'{name}{suffix}')
        Image.fromarray(mask).save(masks / f'{name}.png')
    expected = {name: labels for name, (_, _, labels) in scenes.items()}
    (root / 'labels.json').write_text(json.dumps(expected))
    words = ['--labels', 'labels.json', '--masks', 'masks', '--classes']
    return [*words, *CLASSES[1:]], expected


# -------------------------------------------------------------------- masks
def with_masks(root, scenes, dtype=np.uint8, suffix='.png', order=None, few=0):
    """Write masks, in an order of the classes or for a few photos."""
    words, expected = json_file(root, scenes)
    order = order or CLASSES[1:]
    values = np.arange(256, dtype=dtype)
    for k, name in enumerate(order, 1):
        values[CLASSES.index(name)] = k
    (root / 'masks').mkdir()
    for name in list(scenes)[few and -few :]:
        mask = scenes[name][1].copy()
        mask[:2] = 255
        path = root / 'masks' / f'{name}.png'
        Image.fromarray(values[mask]).save(path)
        path.rename(path.with_suffix(suffix))
    return [*words, '--masks', 'masks', '--classes', *order], expected


def main_object_and_masks(root, scenes):
    """Labels name one class a photo, masks show all."""
    words, _ = with_masks(root, scenes)
    expected = {name: [labels[-1]] for name, (_, _, labels) in scenes.items()}
    (root / 'labels.json').write_text(json.dumps(expected))
    return words, expected


def with_option(*options):
    def write(root, scenes):
        words, expected = class_folders(root, scenes)
        return [*words, *options], expected

    return write


HEADER = ('image', 'labels')
FORMS = {
    'class folders': class_folders,
    'blanks around folders': lambda *a: class_folders(*a, folder=' {} '),
    'folders below': lambda *a: class_folders(*a, folder='{}/a/b'),
    'link to a folder': lambda *a: class_folders(*a, link=True),
    'equal names': folders_with_equal_names,
    'semicolons': lambda *a: table(*a, HEADER, lambda n: [';'.join(n)]),
    'bars': lambda *a: table(*a, HEADER, lambda n: ['|'.join(n)]),
    'commas': lambda *a: table(*a, HEADER, lambda n: [','.join(n)]),
    'blanks': lambda *a: table(*a, HEADER, lambda n: [' '.join(n)]),
    'stems': lambda *a: table(*a, HEADER, lambda n: [';'.join(n)], suffix=''),
    'blanks in names': lambda *a: names_with_blanks(
        *a, lambda n: [';'.join(n)]
    ),
    'one name with a blank': main_object_alone,
    '0 and 1': lambda *a: table(*a, ('image', *CLASSES[1:]), one_hot),
    'without class': photos_without_class,
    'one class': one_class,
    'zeros': zeros,
    'json': json_file,
    'coco': coco_file,
    'voc': voc_folder,
    'kinds of photos': kinds_of_photos,
    'masks': with_masks,
    'masks of 16 bits': lambda *a: with_masks(*a, dtype=np.uint16),
    'masks called PNG': lambda *a: with_masks(*a, suffix='.PNG'),
    'few masks': lambda *a: with_masks(*a, few=6),
    'order of masks': lambda *a: with_masks(*a, order=CLASSES[:0:-1]),
    'main object': main_object_and_masks,
    'no validation': with_option('--val-share', '0', '--seed', '3'),
    'copies': with_option('--copy', '--max-side', '48'),
    'r50': with_option('--network', 'r50', '--weights', 'none'),
}


@pytest.mark.parametrize('form', FORMS)
def test_forms(form, scenes, tmp_path):
    (tmp_path / 'photos').mkdir()
    words, expected = FORMS[form](tmp_path, scenes)
    command = [TOOL, 'photos', '--out', 'own', *words]
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    result = run_python(command, tmp_path, env)
    assert result.returncode == 0, result.stderr
    out = tmp_path / 'own'
    labels = json.loads((out / 'image_labels.json').read_text())
    assert {name: set(names) for name, names in labels.items()} == {
        name: set(names) for name, names in expected.items()
    }
    train, val = ((out / f'{n}.txt').read_text() for n in ('train', 'val'))
    assert {*train.split('\n'), *val.split('\n'), ''} == {*expected, ''}
    classes = load_config(out / 'common.py').classes
    for name in expected:
        with Image.open(out / 'images' / f'{name}.jpg') as image:
            size = image.size
        mask = out / 'masks' / f'{name}.png'
        if not mask.is_file():
            continue
        mask = np.asarray(Image.open(mask))
        assert mask.shape == size[::-1]
        shown = {classes[k] for k in np.unique(mask) if 0 < k < 255}
        assert shown <= set(scenes[name][2])
        assert shown & set(expected[name])
