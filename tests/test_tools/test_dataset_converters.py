"""The converters, some as processes, some (quicker) in this process."""

import json
import os
import shlex
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from PIL import Image

from tests.processes import ROOT, run_python

TOOLS = ROOT / 'tools' / 'dataset_converters'


def run(tool, *args):
    """Run a tool as a process."""
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    return run_python([TOOLS / f'{tool}.py', *args], ROOT, env)


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a tool in this process, with the same kind of result."""
    monkeypatch.syspath_prepend(str(TOOLS))

    def call_tool(tool, *args):
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, args)])
        code = 0
        try:
            import_module('_converters').run(import_module(tool).main)
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(tool, code, out, err)

    return call_tool


def check_fails(result, *parts):
    assert result.returncode == 2
    (line,) = [x for x in result.stderr.splitlines() if 'error:' in x]
    for part in parts:
        assert part in line
    assert 'Traceback' not in result.stderr


def coco(tmp_path, **changes):
    content = {
        'images': [
            {'id': 7, 'file_name': 'b.jpg', 'height': 6, 'width': 8},
            {'id': 3, 'file_name': 'a.jpg', 'height': 4, 'width': 5},
            {'id': 4, 'file_name': 'c.jpg', 'height': 2, 'width': 2},
        ],
        'annotations': [
            {
                'image_id': 7,
                'category_id': 13,
                'area': 4,
                'iscrowd': 0,
                'segmentation': [[1, 1, 2, 1, 2, 2, 1, 2]],
            },
            {
                'image_id': 7,
                'category_id': 90,
                'area': 16,
                'iscrowd': 0,
                'segmentation': [[0, 0, 3, 0, 3, 3, 0, 3], [6, 5, 7, 5]],
            },
            {
                'image_id': 3,
                'category_id': 90,
                'area': 2,
                'iscrowd': 1,
                # column by column: 5 pixels off, 2 on
                'segmentation': {'size': [4, 5], 'counts': [5, 2, 13]},
            },
        ],
        'categories': [
            {'id': 90, 'name': 'toothbrush'},
            {'id': 1, 'name': 'person'},
            {'id': 13, 'name': 'stop sign'},
        ],
        **changes,
    }
    path = tmp_path / 'instances.json'
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    'tool',
    [
        'npy2json',
        'voc_xml2json',
        'coco_instances2json',
        'coco_instances2masks',
        'csv2json',
        'irn_list2mmseg',
    ],
)
def test_help(tool):
    result = run(tool, '-h')
    assert result.returncode == 0
    assert 'source' in result.stdout


def test_npy2json(tmp_path):
    person_and_dog = np.zeros(20, np.float32)
    person_and_dog[[14, 11]] = 1
    cat = np.zeros(20, np.float32)
    cat[7] = 1
    source = tmp_path / 'cls_labels.npy'
    np.save(source, {np.int32(2008000001): person_and_dog, '2007_000032': cat})
    out = tmp_path / 'labels.json'
    result = run('npy2json', source, out)
    assert result.returncode == 0, result.stderr
    assert json.loads(out.read_text()) == {
        '2007_000032': ['cat'],
        '2008_000001': ['dog', 'person'],
    }
    assert 'images: 2, without label: 0' in result.stdout
    assert 'dog + person: 1 photos' in result.stdout
    assert 'warning: no image has aeroplane, bicycle' in result.stderr


def test_npy2json_with_too_few_classes(call, tmp_path):
    source = tmp_path / 'cls_labels.npy'
    np.save(source, {'a': np.zeros(20)})
    names = tmp_path / 'names.txt'
    names.write_text('background\ncat\n')
    out = tmp_path / 'labels.json'
    result = call('npy2json', source, out, '--classes', names)
    check_fails(result, 'length 20', '2 classes')
    assert not out.exists()


def test_voc_xml2json(call, tmp_path):
    folder = tmp_path / 'Annotations'
    folder.mkdir()
    thing = '<object><name>{}</name><difficult>{}</difficult></object>'
    for stem, things in {'1': [('dog', 0), ('cat', 1)], '2': []}.items():
        text = ''.join(thing.format(*t) for t in things)
        (folder / f'{stem}.xml').write_text(f'<a>{text}</a>')
    out = tmp_path / 'labels.json'
    result = call('voc_xml2json', folder, out, '--no-difficult')
    assert result.returncode == 0, result.stderr
    assert json.loads(out.read_text()) == {'1': ['dog'], '2': []}
    assert 'images: 2, without label: 1' in result.stdout


def test_coco_instances2json(call, tmp_path):
    out, stems = tmp_path / 'labels.json', tmp_path / 'train.txt'
    result = call(
        'coco_instances2json', coco(tmp_path), out, '--split-list', stems
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(out.read_text()) == {
        'a': ['toothbrush'],
        'b': ['stop sign', 'toothbrush'],
        'c': [],
    }
    assert stems.read_text() == 'b\na\n'
    assert 'images: 3, without label: 1' in result.stdout
    assert 'no image has person' in result.stderr


def test_json_does_not_replace_a_table(tmp_path):
    source = tmp_path / 'labels.csv'
    source.write_text('image,labels\na,cat\n')
    result = run('csv2json', source, source)
    check_fails(result, 'labels.csv would be JSON', 'labels.json')
    assert source.read_text() == 'image,labels\na,cat\n'


def test_csv2json_checks_the_names(tmp_path):
    source = tmp_path / 'labels.csv'
    source.write_text('image,labels\na.jpg,cat;dog\nb.jpg,dgo\n')
    out = tmp_path / 'labels.json'
    result = run('csv2json', source, out, '--classes', 'PascalVOCDataset')
    check_fails(result, 'labels.csv', "'b'", "'dgo'", "'dog'")
    assert not out.exists()


def test_lists_and_masks_have_the_names_of_files(call, tmp_path):
    """MMSeg makes paths of them."""
    name = 'cafe\u0301.jpg'
    image = {'id': 7, 'file_name': f'{name}.jpg', 'height': 6, 'width': 8}
    annotations = [{'image_id': 7, 'category_id': 90, 'area': 1}]
    annotations[0]['segmentation'] = [[0, 0, 3, 0, 3, 3, 0, 3]]
    source = coco(tmp_path, images=[image], annotations=annotations)
    out, stems = tmp_path / 'labels.json', tmp_path / 'train.txt'
    result = call('coco_instances2json', source, out, '--split-list', stems)
    assert result.returncode == 0, result.stderr
    assert stems.read_text(encoding='utf-8') == f'{name}\n'
    assert call('coco_instances2masks', source, tmp_path / 'm').returncode == 0
    assert [p.name for p in (tmp_path / 'm').glob('*.png')] == [f'{name}.png']


def test_irn_list2mmseg(call, tmp_path):
    source, out = tmp_path / 'train.txt', tmp_path / 'out.txt'
    source.write_text('/i/a.jpg /m/a.png\n/i/b.jpg /m/b.png')
    labels = tmp_path / 'labels.json'
    labels.write_text('{"a": [], "b": ["cat"]}')
    result = call('irn_list2mmseg', source, out, '--labels', labels)
    assert result.returncode == 0, result.stderr
    assert out.read_text() == 'b\n'
    source.write_text('/i/a.jpg /m/b.png')
    check_fails(call('irn_list2mmseg', source, out), 'train.txt, line 1')
    assert out.read_text() == 'b\n'


def test_missing_source(call, tmp_path):
    result = call('coco_instances2json', tmp_path / 'no.json', tmp_path / 'o')
    check_fails(result, 'no.json')


# ------------------------------------------------------------ COCO masks
def test_masks_as_a_process(tmp_path):
    source, out = coco(tmp_path), tmp_path / 'masks'
    result = run('coco_instances2masks', source, out)
    assert result.returncode == 0, result.stderr
    assert sorted(p.name for p in out.glob('*.png')) == [
        'a.png',
        'b.png',
        'c.png',
    ]
    image = Image.open(out / 'b.png')
    assert image.mode == 'P'
    assert image.getpalette()[3:6] == [128, 0, 0]
    expected = np.zeros((6, 8), int)
    expected[:4, :4] = 3  # toothbrush: id 90, third class
    expected[1:3, 1:3] = 2  # the smaller stop sign stays visible
    assert np.array_equal(np.array(image), expected)
    crowd = np.array(Image.open(out / 'a.png'))
    assert list(zip(*crowd.nonzero(), strict=True)) == [(1, 1), (2, 1)]
    assert crowd.max() == 3
    assert not np.array(Image.open(out / 'c.png')).any()


def test_masks_and_labels_of_one_file_agree(call, tmp_path):
    """The line that the painter prints puts JSON and masks in one order."""
    photos, images, shapes = tmp_path / 'photos', [], []
    photos.mkdir()
    for k in range(8):
        pixels = np.random.default_rng(k).integers(0, 256, (48, 64, 3))
        image = Image.fromarray(pixels.astype(np.uint8))
        image.save(photos / f'p{k}.jpg')
        images.append(
            {'id': k, 'file_name': f'p{k}.jpg', 'width': 64, 'height': 48}
        )
        shapes.append(
            {
                'image_id': k,
                'category_id': 5 if k < 4 else 9,
                'segmentation': [[5, 5, 20, 5, 20, 20, 5, 20]],
            }
        )
    kinds = [(0, 'background'), (1, 'animal'), (5, 'wild dog'), (9, 'cat')]
    kinds = [{'id': k, 'name': name} for k, name in kinds]
    source = coco(
        tmp_path, images=images, annotations=shapes, categories=kinds
    )
    labels, masks = tmp_path / 'labels.json', tmp_path / 'masks'
    assert call('coco_instances2json', source, labels).returncode == 0
    painted = call('coco_instances2masks', source, masks)
    assert painted.returncode == 0, painted.stderr
    assert {p.name for p in masks.glob('*.png')} == {
        f'p{k}.png' for k in range(8)
    }
    words = (photos, '--labels', labels, '--masks', masks, '--out')
    check_fails(call('from_folder', *words, tmp_path / 'a'), '--classes')
    (line,) = (x for x in painted.stdout.split('\n') if '--classes' in x)
    options = shlex.split(line.partition(': ')[2])
    assert options == ['--classes', 'animal', 'wild dog', 'cat']
    result = call('from_folder', *words, tmp_path / 'b', *options)
    assert result.returncode == 0, result.stderr
    written = np.asarray(Image.open(tmp_path / 'b' / 'masks' / 'p0.png'))
    assert written.max() == 2
    assert "'wild dog'" in (tmp_path / 'b' / 'common.py').read_text()


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    return import_module('coco_instances2masks')


def paint_all(tool, monkeypatch, source, out, *options):
    monkeypatch.setattr(sys, 'argv', ['', str(source), str(out), *options])
    tool.main()
    return {p.stem: np.array(Image.open(p)) for p in out.glob('*.png')}


def test_annotation_order_hides_the_first(tool, monkeypatch, tmp_path):
    masks = paint_all(
        tool,
        monkeypatch,
        coco(tmp_path),
        tmp_path / 'masks',
        '--order=annotation',
    )
    assert np.unique(masks['b']).tolist() == [0, 3]


@pytest.mark.parametrize(('crowd', 'value'), [('ignore', 255), ('skip', 0)])
def test_crowd_options(tool, monkeypatch, tmp_path, crowd, value):
    option = f'--crowd={crowd}'
    source, out = coco(tmp_path), tmp_path / 'masks'
    masks = paint_all(tool, monkeypatch, source, out, option)
    assert masks['a'].max() == value


def test_restart_paints_what_is_missing(tool, monkeypatch, tmp_path, capsys):
    out = tmp_path / 'masks'
    args = tool, monkeypatch, coco(tmp_path), out
    paint_all(*args)
    Image.new('L', (1, 1), 9).save(out / 'b.png')
    for path in out.glob('[!b].png'):
        path.unlink()
    capsys.readouterr()
    assert paint_all(*args)['b'].tolist() == [[9]]
    assert 'images: 3, painted: 2' in capsys.readouterr().out
    assert paint_all(*args, '--overwrite')['b'].shape == (6, 8)


def read_rle(rle, height, width):
    return import_module('_coco_shapes').decode_rle(rle, height, width)


def test_run_length_decoding_matches_a_loop(tool):
    rng = np.random.default_rng(0)
    mask = rng.random((5, 7)) < 0.5
    counts, value = [0], False
    for pixel in mask.T.flatten():
        if pixel != value:
            counts.append(0)
            value = not value
        counts[-1] += 1
    rle = {'size': [5, 7], 'counts': counts}
    assert np.array_equal(read_rle(rle, 5, 7), mask)


@pytest.mark.parametrize(
    ('segmentation', 'match'),
    [
        ({'size': [4, 5], 'counts': [5, 2]}, 'do not add up'),
        ({'size': [4, 5], 'counts': [30, -10]}, 'do not add up'),
        ({'size': [4, 5], 'counts': '52'}, 'do not add up'),
        ({'size': [4, 5], 'counts': ''}, 'do not add up'),
        ({'size': [4, 5], 'counts': '52 ='}, "the character ' '"),
        ({'size': [4, 5], 'counts': None}, "run lengths 'None'"),
        ({'size': [5, 4], 'counts': [20]}, 'size'),
        ([[0, 0, 1, 1, 2, 2, 3]], 'odd number'),
    ],
)
def test_bad_shape_names_the_image(
    tool, monkeypatch, tmp_path, segmentation, match
):
    annotation = {
        'image_id': 3,
        'category_id': 1,
        'area': 2,
        'segmentation': segmentation,
    }
    source = coco(tmp_path, annotations=[annotation])
    with pytest.raises(ValueError, match=rf'a\.jpg.*{match}'):
        paint_all(tool, monkeypatch, source, tmp_path / 'masks')
    assert not (tmp_path / 'masks' / 'a.png').exists()


def test_compressed_run_lengths(tool, monkeypatch, tmp_path):
    """5 off, 2 on, 13 off: small numbers are one character, 48 more."""
    text = {'size': [4, 5], 'counts': '52='}
    assert np.array_equal(read_rle(text, 4, 5), read_rle(RLE, 4, 5))
    masks = paint_all(
        tool, monkeypatch, one_shape(tmp_path, text), tmp_path / 'masks'
    )
    assert (masks['a'] == 1).sum() == 2
    # The fourth and the fifth number are 6 - 100 and 93 - 1.
    text = {'size': [10, 20], 'counts': '0T31RMl2'}
    long = {'size': [10, 20], 'counts': [0, 100, 1, 6, 93]}
    assert np.array_equal(read_rle(text, 10, 20), read_rle(long, 10, 20))


def test_compressed_run_lengths_are_those_of_pycocotools(tool):
    coder = pytest.importorskip('pycocotools.mask')
    rng = np.random.default_rng(0)
    for size in ((1, 1), (4, 5), (300, 200)):
        for share in (0, 0.001, 0.5, 1):
            mask = (rng.random(size) < share).astype(np.uint8)
            rle = coder.encode(np.asfortranarray(mask))
            rle['counts'] = rle['counts'].decode()  # as JSON has it
            assert np.array_equal(read_rle(rle, *size), mask)


def test_two_images_of_one_stem(tool, monkeypatch, tmp_path):
    images = [
        {'id': k, 'file_name': f'{k}/a.jpg', 'height': 1, 'width': 1}
        for k in range(2)
    ]
    source = coco(tmp_path, images=images, annotations=[])
    with pytest.raises(ValueError, match='two images of one name'):
        paint_all(tool, monkeypatch, source, tmp_path / 'masks')


SQUARE = [1, 1, 2, 1, 2, 2, 1, 2]
NAMED = [{'x': x, 'y': y} for x, y in ((1, 1), (2, 1), (2, 2), (1, 2))]
RLE = {'size': [4, 5], 'counts': [5, 2, 13]}


def one_shape(tmp_path, segmentation, image=None, **more):
    annotation = {'id': 5, 'image_id': 3, 'category_id': 1, 'area': 2}
    annotation |= {'segmentation': segmentation, **more}
    full = {'image_id': 3, 'category_id': 90, 'area': 1, 'iscrowd': 0}
    full['segmentation'] = [[4, 0, 4, 0, 4, 0]]
    image = {'id': 3, 'file_name': 'a.jpg', 'height': 4, 'width': 5} | (
        image or {}
    )
    return coco(tmp_path, images=[image], annotations=[annotation, full])


@pytest.mark.parametrize(
    ('segmentation', 'pixels'),
    [
        ([SQUARE], 4),
        (SQUARE, 4),
        ([[1, 1], [2, 1], [2, 2], [1, 2]], 4),
        ([[[1, 1], [2, 1], [2, 2], [1, 2]]], 4),
        (NAMED, 4),
        ([NAMED], 4),
        ([NAMED, [3, 3, 4, 3, 4, 3]], 6),
        (RLE, 2),
        ([RLE], 2),
        ([RLE, [3, 3, 4, 3, 4, 3]], 4),
        ([SQUARE, [0, 0, 0, 1]], 4),
    ],
)
@pytest.mark.parametrize('area', [2, None])
def test_forms_of_shapes(
    tool, monkeypatch, tmp_path, capsys, segmentation, pixels, area
):
    source = one_shape(tmp_path, segmentation, area=area)
    masks = paint_all(tool, monkeypatch, source, tmp_path / 'masks')
    assert (masks['a'] == 1).sum() == pixels
    told = 'skipped: 1 parts of fewer than three points'
    left_out = segmentation == [SQUARE, [0, 0, 0, 1]]
    assert (told in capsys.readouterr().out) == left_out


@pytest.mark.parametrize(
    ('segmentation', 'reason'),
    [
        (None, 'without segmentation'),
        ([], 'without segmentation'),
        ([[0, 0, 1, 1]], 'of fewer than three points'),
        ([{'x': 1, 'y': 2}], 'of fewer than three points'),
        ([[9, 9, 12, 9, 12, 12]], 'without a pixel in the image'),
        ({'size': [4, 5], 'counts': [20]}, 'without a pixel in the image'),
    ],
)
def test_skipped_annotations_are_counted(
    tool, monkeypatch, tmp_path, capsys, segmentation, reason
):
    source = one_shape(tmp_path, segmentation)
    paint_all(tool, monkeypatch, source, tmp_path / 'masks')
    assert f'skipped: 1 annotations {reason}' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('segmentation', 'match'),
    [
        ('52=', 'must be a list'),
        ([None], 'neither a polygon'),
        ([[1, 'x', 2, 2, 3, 3]], 'coordinates'),
        ({'counts': [20]}, "has 'size' and 'counts'"),
        ([{'x': 1, 'z': 2}], "has 'size' and 'counts'"),
        ([{'x': 1, 'y': 'a'}] * 3, 'coordinates'),
        ([{'x': 1, 'y': 2}, [3, 3]], "has 'size' and 'counts'"),
    ],
)
def test_unknown_shape_names_image_and_annotation(
    tool, monkeypatch, tmp_path, segmentation, match
):
    source = one_shape(tmp_path, segmentation)
    with pytest.raises(ValueError, match=rf'a\.jpg: annotation 5: .*{match}'):
        paint_all(tool, monkeypatch, source, tmp_path / 'masks')


@pytest.mark.parametrize('width', [None, 'wide', 0, 5.5])
def test_sizes_of_images(tool, monkeypatch, tmp_path, width):
    source = one_shape(tmp_path, [SQUARE], image={'width': width})
    with pytest.raises(ValueError, match=r'a\.jpg: the image has the width'):
        paint_all(tool, monkeypatch, source, tmp_path / 'masks')
    source = one_shape(tmp_path, [SQUARE], image={'width': '5', 'height': 4.0})
    masks = paint_all(
        tool, monkeypatch, source, tmp_path / 'masks', '--overwrite'
    )
    assert masks['a'].shape == (4, 5)


def test_polygons_in_parts_of_the_image(tool, monkeypatch, tmp_path):
    corner = [0, 0, 1, 0, 0.5, 0.9]  # one such shape may be a speck
    source = one_shape(tmp_path, [corner])
    assert paint_all(tool, monkeypatch, source, tmp_path / 'masks')
    for shape in ([corner], [{'x': 0.2, 'y': 0.5}] * 3):
        annotation = {'image_id': 3, 'category_id': 1, 'segmentation': shape}
        source = coco(tmp_path, annotations=[annotation])
        with pytest.raises(ValueError, match=r'instances.*from 0 to 1: mult'):
            paint_all(tool, monkeypatch, source, tmp_path / 'others')
    assert not (tmp_path / 'others').exists()


def test_boxes_only_and_unknown_category(call, tmp_path):
    boxes = [{'id': 1, 'image_id': 3, 'category_id': 1, 'segmentation': []}]
    source, out = coco(tmp_path, annotations=boxes), tmp_path / 'masks'
    check_fails(call('coco_instances2masks', source, out), 'no segmentation')
    source = coco(tmp_path, annotations=[{**boxes[0], 'category_id': 5}])
    check_fails(call('coco_instances2masks', source, out), 'annotation 1', '5')
    assert not out.exists()


def test_masks_of_others_are_never_repainted(call, tmp_path):
    source, out = coco(tmp_path), tmp_path / 'masks'
    assert call('coco_instances2masks', source, out).returncode == 0
    (out / 'source.json').unlink()
    before = {path: path.read_bytes() for path in out.iterdir()}
    for options in ((), ('--overwrite',)):
        result = call('coco_instances2masks', source, out, *options)
        check_fails(result, 'was not written by this tool')
    assert before == {path: path.read_bytes() for path in out.iterdir()}


def test_masks_of_other_settings_are_refused(call, tmp_path):
    source, out = coco(tmp_path), tmp_path / 'masks'
    result = call('coco_instances2masks', source, out)
    assert 'masks of background only: 1' in result.stdout
    assert 'person (1)' in result.stderr
    options = ('--crowd', 'skip')
    result = call('coco_instances2masks', source, out, *options)
    check_fails(result, '--crowd', '--overwrite')
    options += ('--overwrite',)
    result = call('coco_instances2masks', source, out, *options)
    assert 'skipped: 1 annotations of crowds' in result.stdout
