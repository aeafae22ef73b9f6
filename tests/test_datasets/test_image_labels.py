import io
import json
import os
import pickle
import random
from collections import OrderedDict

import numpy as np
import pytest

from mmseg_wsss.datasets.label_files import load
from mmseg_wsss.datasets.label_files.load import (
    cooccurrence,
    load_image_labels,
    save_image_labels,
    single_label_counts,
)
from mmseg_wsss.datasets.label_files.table import ImageLabels
from mmseg_wsss.io.stems import file_stem, image_stem, unique_stems

CLASSES = ('background', 'cat', 'dog', 'tv')


def npy_bytes(content, protocol=2):
    """The bytes of an npy file around a pickle of ``content``."""
    array = np.empty((), dtype=object)
    array[()] = content
    file = io.BytesIO()
    header = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + pickle.dumps(array, protocol=protocol)


def write_json(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ('name', 'stem'),
    [
        ('2007_000032', '2007_000032'),
        ('/JPEGImages/2007_000032.JPG', '2007_000032'),
        ('a\\b.png', 'b'),
        ('scan.v2', 'scan.v2'),
        ('x/scan.v2.jpg', 'scan.v2'),
        ('folder/', ''),
        ('cat0.jpg.jpg', 'cat0'),
        ('x/scan.png.JPG', 'scan'),
        ('scan .jpg', 'scan'),
        ('.jpg', '.jpg'),
        ('a.jpg (1).jpg', 'a.jpg (1)'),
        ('cafe\u0301.jpg', 'caf\xe9'),
        ('b.JFIF', 'b'),
        ('IMG_1.HEIC', 'IMG_1'),
    ],
)
def test_image_stem(name, stem):
    assert image_stem(name) == stem
    assert image_stem(stem) == stem


def test_names_of_files_stay_as_they_are():
    """Of these MMSeg makes paths, which must exist."""
    assert file_stem('i/cafe\u0301.jpg.jpg') == 'cafe\u0301.jpg'
    assert unique_stems(['i/a.jpg.jpg', 'i/a.jpg']) == ['a.jpg', 'a']


@pytest.mark.parametrize('key', ['caf\xe9', 'x/cafe\u0301.jpg.jpg'])
def test_images_are_found_however_they_are_spelled(tmp_path, key):
    path = write_json(tmp_path / 'l.json', {key: ['dog']})
    labels = load_image_labels(path)
    for name in ('caf\xe9', 'cafe\u0301', 'cafe\u0301.jpg', 'i/caf\xe9.JPG'):
        assert name in labels
        assert labels[name] == ('dog',)
        assert labels.vector(name, CLASSES).tolist() == [1, 0, 1, 0]
    assert 'cafe' not in labels
    assert list(labels) == [file_stem(key)]


# ---------------------------------------------------------------- our JSON
def test_json_round_trip_is_sorted_one_image_per_line(tmp_path):
    path = tmp_path / 'new' / 'labels.json'
    save_image_labels(path, {'b': ('dog', 'cat'), 'a': [], 'ä"': ['tv']})
    lines = path.read_text(encoding='utf-8').splitlines()
    assert lines[1:3] == ['"a": [],', '"b": ["dog", "cat"],']
    assert len(lines) == 5
    assert os.listdir(path.parent) == ['labels.json']
    labels = load_image_labels(path)
    assert dict(labels) == {'a': (), 'b': ('dog', 'cat'), 'ä"': ('tv',)}
    assert labels.names == ('cat', 'dog', 'tv')


def test_save_keeps_the_old_file_when_the_new_labels_are_bad(tmp_path):
    path = tmp_path / 'labels.json'
    save_image_labels(path, {'a': ['cat']})
    before = path.read_text()
    for bad in ({'b': 'cat'}, {'b': [3]}):
        with pytest.raises(ValueError, match="label of 'b'"):
            save_image_labels(path, bad)
    assert path.read_text() == before
    save_image_labels(path, {})
    assert len(load_image_labels(path)) == 0


def test_vector_from_names(tmp_path):
    path = write_json(tmp_path / 'l.json', {'dir/a.jpg': ['tv', 'cat']})
    labels = load_image_labels(path)
    vector = labels.vector('a', CLASSES, 0)
    assert vector.dtype == np.float32
    assert vector.tolist() == [1, 1, 0, 1]
    assert labels.vector('a', CLASSES, None).tolist() == [0, 1, 0, 1]
    assert labels.vector('a', CLASSES, 2).tolist() == [0, 1, 1, 1]


def test_unknown_class_names_file_image_and_neighbours(tmp_path):
    path = write_json(tmp_path / 'l.json', {'a': ['dogg']})
    with pytest.raises(ValueError) as error:
        load_image_labels(path).vector('a', CLASSES, 0)
    for part in ('l.json', "'a'", "'dogg'", "'dog'"):
        assert part in str(error.value)


def test_image_without_entry_shows_examples(tmp_path):
    path = write_json(tmp_path / 'l.json', {'COCO_val2014_01': ['dog']})
    with pytest.raises(ValueError) as error:
        load_image_labels(path).vector('01', CLASSES, 0)
    for part in ('l.json', "'01'", "'COCO_val2014_01'"):
        assert part in str(error.value)


@pytest.mark.parametrize('index', [-1, 4])
def test_background_index_out_of_range(index):
    labels = ImageLabels([('a', ())], (), 'here')
    with pytest.raises(ValueError, match='background_index'):
        labels.vector('a', CLASSES, index)


def test_colliding_stems_are_refused(tmp_path):
    for other in ('y/a.jpg', 'a.jpg.jpg'):
        path = write_json(tmp_path / 'l.json', {'x/a.jpg': [], other: []})
        with pytest.raises(ValueError, match=rf"'x/a\.jpg'.*'{other}'"):
            load_image_labels(path)


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('{"a": ["cat"], "a": ["dog"]}', "'a' occurs twice"),
        ('{"a": ["cat"]', 'not valid JSON'),
        ('[1]', 'got a list'),
        ('{"a": "cat"}', 'must be a list of class'),
        ('{"a": [1]}', 'must be a list of class'),
        ('{"a/": []}', 'without a name'),
    ],
)
def test_bad_json(tmp_path, text, match):
    path = tmp_path / 'l.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=match):
        load_image_labels(path)


def test_missing_file_unknown_format_and_suffix(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no\.json'):
        load_image_labels(tmp_path / 'no.json')
    with pytest.raises(ValueError, match='file_format must be one of'):
        load_image_labels(tmp_path, 'xml')
    odd = tmp_path / 'l.yml'
    odd.write_text('{}')
    with pytest.raises(ValueError, match=r'cannot tell .* name a table'):
        load_image_labels(odd)
    (tmp_path / 'l.xlsx').write_bytes(b'PK')
    with pytest.raises(ValueError, match='spreadsheet: save it as "CSV UTF-8'):
        load_image_labels(tmp_path / 'l.xlsx')
    assert len(load_image_labels(odd, 'json')) == 0
    with pytest.raises(ValueError, match='is a folder'):
        load_image_labels(tmp_path, 'json')
    with pytest.raises(ValueError, match='is a file'):
        load_image_labels(odd, 'voc_xml')


# ------------------------------------------------------------------- npy
def test_npy_string_keys(tmp_path):
    path = tmp_path / 'cls_labels.npy'
    np.save(path, {'2007_000032': np.array([0, 1, 1], np.float32)})
    labels = load_image_labels(path)
    assert labels.names is None
    assert labels['2007_000032'].tolist() == [0, 1, 1]
    assert labels.vector('2007_000032', CLASSES, 0).tolist() == [1, 0, 1, 1]


@pytest.mark.parametrize('key', [np.int32(2007000032), 2007000032])
def test_npy_integer_keys(tmp_path, key):
    path = tmp_path / 'cls_labels.npy'
    np.save(path, {key: np.array([1, 0, 0], np.float32)})
    assert list(load_image_labels(path)) == ['2007_000032']


@pytest.mark.parametrize('core', [b'numpy.core', b'numpy._core'])
@pytest.mark.parametrize('protocol', [2, 3])
def test_npy_of_either_numpy(tmp_path, core, protocol):
    content = OrderedDict({np.int32(2008000001): np.eye(3)[1]})
    data = npy_bytes(content, protocol)
    for module in (b'numpy._core', b'numpy.core'):
        data = data.replace(module + b'.multiarray', b'MODULE')
    assert data.count(b'MODULE') == 2  # _reconstruct and scalar
    path = tmp_path / 'cls_labels.npy'
    path.write_bytes(data.replace(b'MODULE', core + b'.multiarray'))
    labels = load_image_labels(path)
    assert labels['2008_000001'].tolist() == [0, 1, 0]


def test_npy_written_by_python_2(tmp_path):
    # 'a' as a Python 2 str, the array's bytes as one too
    path = tmp_path / 'l.npy'
    data = npy_bytes({})
    head = data[: data.index(b'\n') + 1]
    body = (
        b"(dp0\nS'a'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n"
        b"(cnumpy\nndarray\np3\n(I0\ntS'b'\ntR(I1\n(I2\ntcnumpy\ndtype\n"
        b"(S'f4'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n"
        b"S'\\x00\\x00\\x80?\\x00\\x00\\x00\\x00'\ntbs."
    )
    path.write_bytes(head + body)
    assert load_image_labels(path)['a'].tolist() == [1, 0]


class Malicious:
    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


@pytest.mark.parametrize(
    ('function', 'args', 'refused'),
    [
        (os.system, ('touch {}',), 'system'),
        (eval, ("open('{}', 'w')",), 'eval'),
        (np.save, ('{}', 1), 'save'),
        (random.seed, (1,), 'getattr'),
    ],
)
@pytest.mark.parametrize('protocol', [2, 4])
def test_malicious_pickle_is_refused(
    tmp_path, function, args, refused, protocol
):
    trace = tmp_path / 'trace'
    args = [a.format(trace) if isinstance(a, str) else a for a in args]
    path = tmp_path / 'cls_labels.npy'
    content = {'a': np.zeros(3), 'b': Malicious(function, *args)}
    path.write_bytes(npy_bytes(content, protocol))
    with pytest.raises(ValueError, match=f"asks for '.*{refused}"):
        load_image_labels(path)
    assert not list(tmp_path.glob('trace*'))


def object_pointers():
    """What would make NumPy read raw bytes as pointers to objects."""
    return Malicious(np.ndarray, (1,), np.dtype(object), b'12345678')


class ForgedArray:
    def __init__(self, dtype, data):
        self.state = (1, (1,), dtype, False, data)

    def __reduce__(self):
        reconstruct = np.empty(0).__reduce__()[0]
        return reconstruct, (np.ndarray, (0,), b'b'), self.state


@pytest.mark.parametrize(
    'value',
    [
        object_pointers(),
        ForgedArray(np.dtype(object), b'12345678'),
        ForgedArray(np.dtype([('a', 'f4'), ('b', object)]), b'123456789012'),
        ForgedArray(np.dtype('f8'), b'1234567'),
    ],
)
def test_forged_arrays_do_not_reach_numpy(tmp_path, value):
    path = tmp_path / 'l.npy'
    path.write_bytes(npy_bytes({'a': value}))
    with pytest.raises(ValueError, match=r'cannot read .*l\.npy'):
        load_image_labels(path)


def test_npy_kinds_of_vectors_and_keys(tmp_path):
    path = tmp_path / 'l.npy'
    content = {
        np.str_('ü'): np.array([True, False]),
        'b': np.array([0, 1], dtype='>i4'),
        'c': [1, 0],
        'd': np.array([1, 1], dtype=np.float16),
    }
    for data in (npy_bytes(content, 2), npy_bytes(content, 4)):
        path.write_bytes(data)
        labels = load_image_labels(path)
        found = {stem: labels[stem].tolist() for stem in labels}
        assert found == {'ü': [1, 0], 'b': [0, 1], 'c': [1, 0], 'd': [1, 1]}


@pytest.mark.parametrize(
    ('content', 'match'),
    [
        ({}, 'empty dict'),
        ([1], 'got list'),
        ({0: np.zeros(3)}, 'key 0'),
        ({(1,): np.zeros(3)}, 'VOC id of ten digits'),
        ({'a': np.zeros((1, 3))}, "label of 'a'"),
        ({'a': np.full(3, 0.5)}, 'zeros and ones'),
        ({'a': 'cat'}, 'zeros and ones'),
        ({'a': np.zeros(3), 'b': np.zeros(4)}, r'lengths \[3, 4\]'),
        ({'2007_000032': [1], 2007000032: [0]}, 'twice'),
    ],
)
def test_bad_npy_content(tmp_path, content, match):
    path = tmp_path / 'l.npy'
    path.write_bytes(npy_bytes(content))
    with pytest.raises(ValueError, match=match):
        load_image_labels(path)


def test_broken_npy(tmp_path):
    path = tmp_path / 'l.npy'
    whole = npy_bytes({'a': np.zeros(3)})
    plain = io.BytesIO()
    np.save(plain, np.zeros((4, 3)))
    for data in (b'', b'hello world', whole[:-20], plain.getvalue()):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r'cannot read .*l\.npy'):
            load_image_labels(path)


def test_npy_lengths(tmp_path):
    path = tmp_path / 'l.npy'
    np.save(path, {'a': np.array([0, 1, 0])})
    labels = load_image_labels(path)
    assert labels.vector('a', CLASSES, 0).tolist() == [1, 0, 1, 0]
    assert labels.vector('a', CLASSES, 1).tolist() == [0, 1, 1, 0]
    assert labels.vector('a', CLASSES[:3], 0).tolist() == [1, 1, 0]
    assert labels.vector('a', CLASSES[1:], None).tolist() == [0, 1, 0]
    with pytest.raises(ValueError, match=r'length 3, but 4 .* length 4$'):
        labels.vector('a', CLASSES, None)
    with pytest.raises(ValueError, match=r'length 3, but 5 .* 4 \(.* or 5$'):
        labels.vector('a', [*CLASSES, 'x'], 0)


# --------------------------------------------------------------- VOC XML
def voc_object(name, difficult=None):
    flag = '' if difficult is None else f'<difficult>{difficult}</difficult>'
    part = '<part><name>head</name></part>'
    return f'<object><name>{name}</name>{flag}{part}</object>'


def test_voc_xml(tmp_path):
    for stem, objects in {
        '1': voc_object('dog', 0) + voc_object('cat', 1) + voc_object('dog'),
        '2': voc_object('tv', 1),
        '3': '',
    }.items():
        text = f'<annotation>{objects}</annotation>'
        (tmp_path / f'{stem}.xml').write_text(text)
    labels = load_image_labels(tmp_path)
    assert dict(labels) == {'1': ('dog', 'cat'), '2': ('tv',), '3': ()}
    assert labels.names == ('cat', 'dog', 'tv')
    easy = load_image_labels(tmp_path, include_difficult=False)
    assert dict(easy) == {'1': ('dog',), '2': (), '3': ()}


def test_voc_xml_in_sub_folders(tmp_path):
    text = '<annotation><object><name>{}</name></object></annotation>'
    for path, name in (
        ('a.xml', 'cat'),
        ('train/b.XML', 'dog'),
        ('train/.cache/b.xml', 'fox'),
    ):
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text.format(name))
    labels = load_image_labels(tmp_path)
    assert dict(labels) == {'a': ('cat',), 'b': ('dog',)}
    (tmp_path / 'val').mkdir()
    (tmp_path / 'val' / 'a.xml').write_text(text.format('cow'))
    with pytest.raises(ValueError, match=r'a\.xml and .*val/a\.xml are'):
        load_image_labels(tmp_path)


def test_bad_voc_xml(tmp_path):
    with pytest.raises(ValueError, match=r'no .*xml file'):
        load_image_labels(tmp_path)
    (tmp_path / '1.xml').write_text('<annotation><object/></annotation>')
    with pytest.raises(ValueError, match=r'1\.xml has an object without'):
        load_image_labels(tmp_path)
    (tmp_path / '1.xml').write_text('<annotation>')
    with pytest.raises(ValueError, match=r'1\.xml is not valid XML'):
        load_image_labels(tmp_path)


# ------------------------------------------------------------------ COCO
def coco():
    return {
        'images': [
            {'id': 9, 'file_name': 'COCO_val2014_9.jpg'},
            {'id': 5, 'file_name': 'COCO_val2014_5.jpg'},
        ],
        'annotations': [
            {'image_id': 9, 'category_id': 90, 'iscrowd': 0},
            {'image_id': 9, 'category_id': 13, 'iscrowd': 1},
            {'image_id': 9, 'category_id': 90, 'iscrowd': 0},
        ],
        'categories': [
            {'id': 90, 'name': 'toothbrush'},
            {'id': 1, 'name': 'person'},
            {'id': 13, 'name': 'stop sign'},
        ],
    }


def test_coco_orders_classes_by_id_over_gaps(tmp_path):
    labels = load_image_labels(write_json(tmp_path / 'c.json', coco()))
    assert labels.names == ('person', 'stop sign', 'toothbrush')
    assert dict(labels) == {
        'COCO_val2014_9': ('stop sign', 'toothbrush'),
        'COCO_val2014_5': (),
    }
    vector = labels.vector('COCO_val2014_9', labels.names, None)
    assert vector.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ('part', 'entry', 'match'),
    [
        ('annotations', {'image_id': 9, 'category_id': 2}, '2'),
        ('annotations', {'image_id': 8, 'category_id': 1}, '8'),
        ('images', {'id': 7}, 'file_name'),
        ('categories', {'id': 1, 'name': 'dog'}, 'twice'),
        ('categories', {'id': 2, 'name': 'person'}, 'twice'),
    ],
)
def test_bad_coco(tmp_path, part, entry, match):
    content = coco()
    content[part].append(entry)
    path = write_json(tmp_path / 'c.json', content)
    with pytest.raises(ValueError, match=rf'c\.json.*{match}'):
        load_image_labels(path)


@pytest.mark.parametrize(
    ('number', 'change', 'match'),
    [
        (1, {'file_name': None}, 'has the file_name None'),
        (1, {'file_name': 'x/'}, "has the file_name 'x/'"),
        (0, {'id': 1}, 'have the same id, 1'),
    ],
)
def test_images_of_coco(tmp_path, number, change, match):
    content = coco()
    content['images'][1 - number]['id'] = 1
    content['images'][number] |= change
    path = write_json(tmp_path / 'c.json', content)
    with pytest.raises(ValueError, match=rf'c\.json.*{match}'):
        load_image_labels(path)


def test_json_of_another_kind_is_not_coco(tmp_path):
    path = write_json(tmp_path / 'l.json', {'images': ['cat']})
    assert dict(load_image_labels(path)) == {'images': ('cat',)}
    with pytest.raises(ValueError, match='no COCO instances file'):
        load_image_labels(path, 'coco')


# ------------------------------------------------------------------- CSV
@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('image,labels\na.jpg,dog;cat\nb,\n', {'a': ('dog', 'cat'), 'b': ()}),
        ('id, Labels\na,dog|hot dog\n', {'a': ('dog', 'hot dog')}),
        ('id,labels\r\na,dog cat\r\n', {'a': ('dog', 'cat')}),
        ('i,labels\na,hot dog;\nb,x|y;\n', {'a': ('hot dog',), 'b': ('x|y',)}),
        ('i,labels\na,"cat, hot dog"\nb,"dog,cat"\nc,tv\n',
         {'a': ('cat', 'hot dog'), 'b': ('dog', 'cat'), 'c': ('tv',)}),
        ('i,labels\na,"x,y|z"\n', {'a': ('x,y', 'z')}),
        ('i,labels\na,"hot dog,"\n', {'a': ('hot dog',)}),
        ('\ufeffi,cat,dog\nx/a.png,0,1\nb,1.0,1\n',
         {'a': ('dog',), 'b': ('cat', 'dog')}),
    ],
)  # fmt: skip
def test_csv(tmp_path, text, expected):
    path = tmp_path / 'l.csv'
    path.write_text(text, encoding='utf-8')
    assert dict(load_image_labels(path)) == expected


def test_csv_class_columns_keep_their_order(tmp_path):
    path = tmp_path / 'l.csv'
    path.write_text('image,tv,cat,dog\na,1,0,0\n')
    assert load_image_labels(path).names == ('tv', 'cat', 'dog')


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('', 'header row'),
        ('image;labels\na;cat;dog\n', 'row 2: 3 cells'),
        ('image,labels\na,cat\nb,"dog\nc,cat\n', 'row 3: .*not closed'),
        ('image,labels\na,"cat" and dog\n', 'row 2: .*whole cell'),
        ('image,labels\n', 'at least one image'),
        ('image,cat,dog\na,1\n', 'row 2: 2 cells'),
        ('image,Labels\na,cat,dog\n', 'row 2: 3 cells .* in one cell stand'),
        ('image,tags\na,cat\n', "called 'labels'"),
        ('a.jpg,cat\nb.jpg,dog\n', "begins with the image 'a.jpg'"),
        ('a,cat\nb,dog\n', 'first row must be the header'),
        ('image,cat,dog\na,1,-1\n', "'dog' must be 0 or 1"),
        ('image,cat,cat\na,1,0\n', 'distinct names'),
    ],
)
def test_bad_csv(tmp_path, text, match):
    path = tmp_path / 'l.csv'
    path.write_text(text)
    with pytest.raises(ValueError, match=match):
        load_image_labels(path)


def test_csv_in_another_encoding(tmp_path):
    path = tmp_path / 'l.csv'
    path.write_bytes('image,labels\na,köter\n'.encode('latin1'))
    with pytest.raises(ValueError, match=r'l\.csv is not a UTF-8'):
        load_image_labels(path)


# ------------------------------------------------------------- statistics
@pytest.mark.parametrize('rows', [4096, 5])
def test_cooccurrence_matches_a_loop(rows, monkeypatch):
    monkeypatch.setattr(load, '_ROWS', rows)
    labels = np.random.default_rng(0).integers(0, 2, (37, 6))
    expected = np.zeros((6, 6), dtype=np.int64)
    for row in labels:
        for k in range(6):
            for l in range(6):
                expected[k, l] += row[k] * row[l]
    for dtype in (np.float32, np.uint8, bool):
        counts = cooccurrence(labels.astype(dtype))
        assert counts.dtype == np.int64
        assert np.array_equal(counts, expected)


def test_cooccurrence_of_no_image_and_of_a_vector():
    assert cooccurrence(np.zeros((0, 3))).tolist() == [[0] * 3] * 3
    with pytest.raises(ValueError, match=r'\(L, C\)'):
        cooccurrence(np.zeros(3))


def test_single_label_counts():
    labels = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]])
    for dtype in (np.float32, np.uint8, bool):
        counts = single_label_counts(labels.astype(dtype))
        assert counts.dtype == np.int64
        assert counts.tolist() == [2, 0, 1]


def test_matrix_stacks_vectors():
    labels = ImageLabels([('a', ('cat',)), ('b', ())], ('cat',), 'here')
    assert labels.matrix(CLASSES[:2], 0).tolist() == [[1, 1], [1, 0]]
    assert ImageLabels([], (), 'here').matrix(CLASSES).shape == (0, 4)


# ------------------------------------------- files of other programs
def table(tmp_path, text, name='l.csv'):
    path = tmp_path / name
    path.write_text(text, encoding='utf-8', newline='')
    return dict(load_image_labels(path))


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('i,labels\na.jpg,cat\nb,tv\na.jpg,dog\na.jpg,cat\n',
         {'a': ('cat', 'dog'), 'b': ('tv',)}),
        ('i,cat,dog\na,1,0\na,1,0\n', {'a': ('cat',)}),
        ('i,labels\na,"[""cat"", ""hot dog""]"\nb,[]\nc,dog;tv\n',
         {'a': ('cat', 'hot dog'), 'b': (), 'c': ('dog', 'tv')}),
        ('i,labels\na,"{\'dog\', \'cat\'}"\n', {'a': ('cat', 'dog')}),
        ('i,labels\na,"(\'dog\',)"\nb,(small)\n',
         {'a': ('dog',), 'b': ('(small)',)}),
        ('i,labels\na,"3,4"\n', {'a': ('3', '4')}),
        ('i,labels\na,cat \nb,\xa0cat\u200b\nc,hot\xa0dog;\n',
         {'a': ('cat',), 'b': ('cat',), 'c': ('hot dog',)}),
        ('i,labels\na,"tench, Tinca tinca"\nb,cat;dog\n',
         {'a': ('tench, Tinca tinca',), 'b': ('cat', 'dog')}),
        ('i,labels\na,"cat, dog;"\nb,cat;dog\n',
         {'a': ('cat, dog',), 'b': ('cat', 'dog')}),
        ('sep=;\r\ni;labels\r\na;"cat;dog"\r\nb;cat,dog\r\n',
         None),
        ('sep=;\r\ni;labels\r\na;cat,dog\r\n;\r\n', {'a': ('cat', 'dog')}),
        ('i;labels\na;cat,dog\nb;"cat"\n',
         {'a': ('cat', 'dog'), 'b': ('cat',)}),
        ('i\tcat\tdog\na\t1\t0\n', {'a': ('cat',)}),
        ('\ni;"cat, small";dog;;\na;1;0;;\n', {'a': ('cat, small',)}),
        ('"i, name";labels\na;cat\n', {'a': ('cat',)}),
        ('"i;name",labels\na,cat\n', {'a': ('cat',)}),
        ('"sep=,",,\ni,cat,dog,\na,1,0,\n,,,\n', {'a': ('cat',)}),
        ('i,labels,,\na,cat,,\nb,dog\n', {'a': ('cat',), 'b': ('dog',)}),
        ('i,labels\na,cat\n\ufeffi,labels\n\ufeffb,dog\n',
         {'a': ('cat',), 'b': ('dog',)}),
        (',cat,dog\na,1,0\n', {'a': ('cat',)}),
        ('i, labels\n"a", "cat,dog"\n', {'a': ('cat', 'dog')}),
        ('i,cat,dog\na,TRUE,\nb,No,x\nc,,Yes\nd,false,X\ne,,\n',
         {'a': ('cat',), 'b': ('dog',), 'c': ('dog',), 'd': ('dog',),
          'e': ()}),
        ('i,Label\na,cat\n', {'a': ('cat',)}),
        ('i,class\na,cat;dog\n', {'a': ('cat', 'dog')}),
        ('class,image\ncat,a\n', {'a': ('cat',)}),
        ('i,labels\na,None\nb,NaN\nc,n/a\nd,-\ne,cat;none\n',
         {'a': (), 'b': (), 'c': (), 'd': (), 'e': ('cat',)}),
        ('i,labels\na,cat and dog;\n', {'a': ('cat and dog',)}),
        ('i,labels\na,"[""hot dog"", ""tv""]"\nb,hot  dog\nc,tv cat\n',
         {'a': ('hot dog', 'tv'), 'b': ('hot dog',), 'c': ('tv', 'cat')}),
        ('i,labels\na,"cat\ndog"\n', {'a': ('cat', 'dog')}),
        ('i,labels\na,"cat;\nhot dog"\n', {'a': ('cat', 'hot dog')}),
        ('cat,image,dog\n1,a,0\n', {'a': ('cat',)}),
        ('i,photo,path\na,1,0\nb,1,1\n',
         {'a': ('photo',), 'b': ('photo', 'path')}),
    ],
)  # fmt: skip
def test_tables_of_other_programs(tmp_path, text, expected):
    if expected is None:
        with pytest.raises(ValueError, match="row 4: 'cat,dog' has ','"):
            table(tmp_path, text)
    else:
        assert table(tmp_path, text) == expected


def test_a_column_called_label_may_be_a_class(tmp_path):
    binary = table(tmp_path, 'id,label\na,1\nb,no\nc,\n')
    assert binary == {'a': ('label',), 'b': (), 'c': ()}
    both = table(tmp_path, 'id,cat,class\na,1,0\nb,0,1\n')
    assert both == {'a': ('cat',), 'b': ('class',)}
    names = table(tmp_path, 'id,label\na,1\nb,2\n')
    assert names == {'a': ('1',), 'b': ('2',)}
    with pytest.warns(UserWarning, match='path and class .*: filename'):
        several = table(
            tmp_path, 'path,filename,class\nx/1,1,cat\nx/2,2,dog\n'
        )
    assert several == {'1': ('cat',), '2': ('dog',)}


@pytest.mark.parametrize(
    ('text', 'ignored'),
    [
        ('image,labels,date\na,cat;dog,May\n', 'image and labels .*: date'),
        ('id,Image,labels\n7,a,cat;dog\n', 'Image and labels .*: id'),
        (',image,labels\n0,a,cat;dog\n', 'image and labels .*: number 1'),
        ('i,class,labels\na,2,cat;dog\n', 'i and labels .*: class'),
    ],
)
def test_further_columns_are_ignored(tmp_path, text, ignored):
    with pytest.warns(UserWarning, match=rf'l\.csv.*{ignored}'):
        assert table(tmp_path, text) == {'a': ('cat', 'dog')}


@pytest.mark.parametrize('name', ['', 'Unnamed: 0'])
def test_row_numbers_of_pandas_are_ignored(tmp_path, name):
    text = f'{name},image,cat,dog\n0,a,1,0\n2,b,0,1\n'
    with pytest.warns(UserWarning, match='cat and dog are read; ignored: '):
        assert table(tmp_path, text) == {'a': ('cat',), 'b': ('dog',)}


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        (',image,cat\n0,a,1\n0,b,0\n', 'row 1: .*column 1 has no name'),
        ('id,image,cat\n1,a,1\n2,b,0\n', "row 3: column 'id' must be 0 or 1"),
        ('image,cat,date\na,1,May\n', "row 2: column 'date' must be 0 or 1"),
    ],
)
def test_other_columns_beside_0_and_1(tmp_path, text, match):
    with pytest.raises(ValueError, match=rf'l\.csv.*{match}'):
        table(tmp_path, text)


@pytest.mark.parametrize('name', ['l.tsv', 'l.txt', 'l.TXT'])
def test_tables_that_are_not_called_csv(tmp_path, name):
    text = 'image\tlabels\na.jpg\tcat,dog\n'
    assert table(tmp_path, text, name) == {'a': ('cat', 'dog')}
    for other in ('a\nb\n', '/i/a.jpg /m/a.png\n'):
        with pytest.raises(ValueError, match=f'{name}.* header row'):
            table(tmp_path, other, name)


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('i,labels\na,cat;dog\nb,"cat,bird"\n', 'row 3: .*write cat;bird'),
        ('i,labels\na,cat|dog\nb,"cat,dog"\n', r'row 3: .*cat\|dog'),
        ('i,labels\na,"[cat, dog]"\n', 'row 2: .*write them as cat;dog'),
        ("i,labels\na,\"['cat' 'dog']\"\n", 'row 2: .*no list'),
        ('i,labels\na,"[1, 2]"\n', 'row 2: .*no list'),
        ('i,labels\na,"{""choices"": [""cat""]}"\n', 'row 2: .*no list'),
        ('i,cat,dog\na,1,0\nb,1,0\na,0,1\n', 'row 4: .*than in row 2'),
        ('i,cat,,dog\na,1,0,0\n', 'column 3 has no name'),
        ('i,cat,dog,cat \na,1,0,0\n', "column 4 repeats 'cat'"),
        ('i,labels\na,cat\n,dog\n', 'row 3 has an image without a name'),
        ('i,labels\na,cat,,dog\n', 'row 2: 4 cells'),
        ('id,image,labels\n1,,cat\n', 'row 2 .*into column 2'),
        ('i,label1,label2\na,cat,dog\n', "row 2: .*called 'labels', as cat;"),
        ('i,class,label\na,2,cat\n', 'row 1: columns class and label could'),
        ('i,labels\na,dog\nb,cat and dog\n', "row 3: .*'and'.* as in cat;dog"),
        ('i,labels\na,cat + dog\n', r"row 2: .*'\+'.* as in cat;dog"),
        ('i,labels\na,cat;?\n', r"row 2: .*class '\?'"),
        ('i,cat,?\na,1,0\n', 'column 3 has no name'),
        ('i,labels\na,"cat,dog\nb,cat"\nc,tv\n', 'row 2: .*a line break'),
        ('i;labels\na;"cat\nb;cat"\nc;tv\n', 'row 2: .*a line break'),
        ('i\tlabels\na\t"cat\nb\tcat"\nc\ttv\n', 'row 2: .*a line break'),
        ('i,cat,tv\n"a\nb",1,0\nc,0,1\n', 'row 2: .*a line break'),
    ],
)
def test_tables_that_are_ambiguous(tmp_path, text, match):
    with pytest.raises(ValueError, match=rf'l\.csv.*{match}'):
        table(tmp_path, text)


def test_spellings_of_a_class_are_one(tmp_path):
    path = write_json(
        tmp_path / 'l.json', {'a': ['ko\u0308ter ', 'k\xf6ter'], '\ufeffb': []}
    )
    labels = load_image_labels(path)
    assert labels.names == ('k\xf6ter',)
    for name in ('k\xf6ter', 'ko\u0308ter', ' k\xf6ter'):
        assert labels.vector('a', ('background', name)).tolist() == [1, 1]
    assert 'b' in labels


@pytest.mark.parametrize(
    ('key', 'stem'),
    [(139, '000000000139'), (np.int64(581929), '000000581929')],
)
def test_npy_coco_ids(tmp_path, key, stem):
    path = tmp_path / 'l.npy'
    np.save(path, {key: np.array([1, 0])})
    assert list(load_image_labels(path)) == [stem]


@pytest.mark.parametrize('key', [1700000000, 1234567, -139, True])
def test_npy_integers_that_are_no_id(tmp_path, key):
    path = tmp_path / 'l.npy'
    np.save(path, {key: np.array([1, 0])})
    with pytest.raises(ValueError, match=f'l.npy has the key {key}'):
        load_image_labels(path)


@pytest.mark.parametrize(
    ('head', 'codec'),
    [
        ('gb2312', 'gbk'),
        ('Shift_JIS', 'shift_jis'),
        ('big5', 'big5'),
        ('utf-16', 'utf-16'),
        ('utf8mb4', 'utf-8'),
        ('UTF-8', 'utf-8-sig'),
    ],
)
def test_voc_xml_encodings(tmp_path, head, codec):
    text = (
        f'<?xml version="1.0" encoding="{head}"?>\n<annotation>'
        '<object><name> \u5c71 </name></object></annotation>'
    )
    (tmp_path / 'a.XML').write_bytes(text.encode(codec))
    (tmp_path / '._a.xml').write_bytes(b'\0\5')
    assert dict(load_image_labels(tmp_path)) == {'a': ('\u5c71',)}


@pytest.mark.parametrize(
    ('data', 'match'),
    [
        (b'<?xml version="1.0" encoding="gbk"?><a>\xff\xff</a>', 'UTF-8'),
        (b'<?xml version="1.0" encoding="nope"?><a>\xff</a>', "'nope'"),
        (b'<annotation>\xc3\xff</annotation>', 'not valid XML'),
        (b'<annotations><image/></annotations>', '<annotations> where VOC'),
        (b'<annotation><x><object/></x></annotation>', 'another element'),
    ],
)
def test_voc_xml_that_cannot_be_read(tmp_path, data, match):
    (tmp_path / 'a.xml').write_bytes(data)
    with pytest.raises(ValueError, match=rf'a\.xml.*{match}'):
        load_image_labels(tmp_path)


def test_voc_xml_with_blanks_above_and_a_namespace(tmp_path):
    (tmp_path / 'a.xml').write_text(
        '\n <?xml version="1.0"?><annotation xmlns="http://x">'
        '<object><name>cat</name></object></annotation>'
    )
    assert dict(load_image_labels(tmp_path)) == {'a': ('cat',)}


@pytest.mark.parametrize(
    ('categories', 'match'),
    [
        ([], 'empty list'),
        ([{'id': 1, 'name': 7}], 'must be text'),
        ([{'id': 1, 'name': 'cat'}, {'id': 2, 'name': 'cat '}], 'twice'),
    ],
)
def test_coco_categories(tmp_path, categories, match):
    content = {**coco(), 'annotations': [], 'categories': categories}
    path = write_json(tmp_path / 'c.json', content)
    with pytest.raises(ValueError, match=rf'c\.json.*{match}'):
        load_image_labels(path)
