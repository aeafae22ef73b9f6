"""The table of doubted labels: written, edited, applied."""

import pytest

from mmseg_wsss.datasets import load_image_labels, save_image_labels
from mmseg_wsss.datasets.label_files.label_changes import (
    LabelChange,
    apply_label_changes,
    read_label_changes,
    write_label_changes,
)

LABELS = {'a': ['cat', 'dog'], 'b': ['cat'], 'scan.v2': ['hot dog']}
HEAD = 'photo,class,given,score,action\n'


@pytest.fixture
def labels(tmp_path):
    save_image_labels(tmp_path / 'labels.json', LABELS)
    return load_image_labels(tmp_path / 'labels.json')


@pytest.fixture
def apply(tmp_path, labels):
    """Apply a table that has these lines below its header."""

    def apply_lines(*lines, head=HEAD):
        path = tmp_path / 'doubts.csv'
        path.write_text(head + '\n'.join(lines) + '\n', encoding='utf-8')
        return apply_label_changes(labels, read_label_changes(path))

    return apply_lines


def test_what_is_written_is_read(tmp_path):
    rows = [
        LabelChange('a', 'hot, dog', True, 0.125),
        LabelChange('bär', 'cat', False, 0.5),
    ]
    path = tmp_path / 'new' / 'doubts.csv'
    write_label_changes(path, rows)
    assert path.read_text(encoding='utf-8-sig').startswith(HEAD)
    found = read_label_changes(path)
    assert [(r.photo, r.name, r.given, r.score, r.action) for r in found] == [
        ('a', 'hot, dog', True, 0.125, 'keep'),
        ('bär', 'cat', False, 0.5, 'keep'),
    ]
    assert found[1].where == f'{path}, row 3'
    write_label_changes(path, [])
    assert read_label_changes(path) == []


def test_changes_are_made(apply):
    assert apply(
        'a,cat,yes,0.1,remove',
        'a.jpg,hot dog,no,0.9,Add',
        'b,dog,no,0.8,add',
        'b,cat,yes,0.4,',
        'scan.v2,hot dog,yes,0.3,keep',
    ) == {
        'a': ('dog', 'hot dog'),
        'b': ('cat', 'dog'),
        'scan.v2': ('hot dog',),
    }


def test_a_class_in_place_of_another(apply):
    found = apply('b,cat,yes,0.1,remove', 'b,dog,no,0.9,add')
    assert found['b'] == ('dog',)


def test_the_only_class_is_removed(apply):
    assert apply('b,cat,yes,0.1,remove')['b'] == ()


def test_tables_of_a_spreadsheet(apply):
    """Other columns and order, blanks, a byte order mark, semicolons."""
    head = '\ufeffsep=;\nAction;Photo;Class;note\n'
    found = apply('add; b ;dog;sure;', head=head)
    assert found['b'] == ('cat', 'dog')
    found = apply('add; b ;dog', head='Action;Photo;Class\n')
    assert found['b'] == ('cat', 'dog')
    found = apply('b,dog,no,"0,9641",add')
    assert found['b'] == ('cat', 'dog')


@pytest.mark.parametrize(
    ('lines', 'words'),
    [
        (
            ['a,cat,yes,0.1,delete'],
            ["row 2: the action is 'delete'", 'remove'],
        ),
        (['b,dog,no,0.1,add,x'], ['row 2: 6 cells', 'in quotes']),
        (['b,"dog,no,1,add', 'a,cat'], ['row 2: ', 'not closed']),
        (['a,cat,maybe,0.1,keep'], ['row 2: given must be yes or no']),
        (['a,cat,yes,low,keep'], ['row 2: the score must be a number, got']),
        (['a,,yes,0.1,keep'], ['row 2 has no class']),
        (['b,dog,no,1,add', 'x,cat,no,1,add'], ['row 3: ', "no photo 'x'"]),
        (['a,cta,no,1,add'], ["no class 'cta', do you mean 'cat'?"]),
        (['a,cat,no,1,add'], ["'a' has the class 'cat'", 'write keep']),
        (['b,dog,yes,1,remove'], ["'b' does not have the class 'dog'"]),
        (['b,dog,no,1,add', 'b,dog,no,1,add'], ["row 3: 'b' has the class"]),
    ],
)
def test_errors_name_the_row(apply, lines, words):
    with pytest.raises(ValueError) as error:
        apply(*lines)
    for word in words:
        assert word in str(error.value)


def test_errors_of_the_whole_table(apply, tmp_path):
    with pytest.raises(ValueError, match='lacks photo, class, action'):
        apply('a;cat;add', head='name;kind;what\n')
    with pytest.raises(ValueError, match='it lacks action'):
        apply('a,cat', head='photo,class\n')
    (tmp_path / 'empty.csv').write_text('')
    with pytest.raises(ValueError, match='must begin with the row'):
        read_label_changes(tmp_path / 'empty.csv')


def test_labels_without_names(tmp_path):
    import numpy as np

    np.save(tmp_path / 'l.npy', {'a': np.array([1, 0])}, allow_pickle=True)
    labels = load_image_labels(tmp_path / 'l.npy')
    with pytest.raises(ValueError, match=r'npy2json\.py'):
        apply_label_changes(labels, [])
