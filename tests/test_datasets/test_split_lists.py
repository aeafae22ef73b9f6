import pytest

from mmseg_wsss.datasets.label_files.split_lists import (
    read_split_list,
    write_split_list,
)


@pytest.mark.parametrize(
    'text',
    [
        '2007_000032\n2007_000039',
        '/JPEGImages/2007_000032.jpg /SegmentationClassAug/2007_000032.png\n'
        '/JPEGImages/2007_000039.jpg /SegmentationClassAug/2007_000039.png\n',
        '\ufeffJPEGImages\\2007_000032.jpg\r\n\r\n 2007_000039.jpg \r\n',
    ],
)
def test_formats(tmp_path, text):
    path = tmp_path / 'train.txt'
    path.write_text(text, encoding='utf-8', newline='')
    assert read_split_list(path) == ['2007_000032', '2007_000039']


@pytest.mark.parametrize(
    'line',
    ['a.jpg b.png', 'x/a y/b', 'a.jpg a.png a.png', '/', 'x/my a.jpg/'],
)
def test_bad_line_is_named(tmp_path, line):
    path = tmp_path / 'train.txt'
    path.write_text(f'a\n{line}\n')
    with pytest.raises(ValueError, match=r'train\.txt, line 2'):
        read_split_list(path)


@pytest.mark.parametrize(
    ('line', 'stem'),
    [
        ('my img.jpg', 'my img'),
        ('x/my img.jpg', 'my img'),
        ('photo 1', 'photo 1'),
        ('cat cat', 'cat cat'),
        ('x/a.jpg y/a', 'a'),
        ('a.jpg.jpg a.jpg.png', 'a.jpg'),
        ('cafe\u0301', 'cafe\u0301'),
    ],
)
def test_lines(tmp_path, line, stem):
    """Names may have blanks; a file's name stays as it is on disk."""
    path = tmp_path / 'train.txt'
    path.write_text(f'{line}\n', encoding='utf-8')
    assert read_split_list(path) == [stem]


def test_list_of_one_class(tmp_path):
    path = tmp_path / 'cat_train.txt'
    path.write_text('2007_000032 -1\n2007_000033  1\n2007_000039  0\n')
    with pytest.raises(ValueError, match=r'cat_train.*one class'):
        read_split_list(path)
    path.write_text('photo -1\nphoto 1\nphoto\n')
    assert read_split_list(path) == ['photo -1', 'photo 1', 'photo']


def test_empty_missing_and_binary(tmp_path):
    path = tmp_path / 'train.txt'
    with pytest.raises(FileNotFoundError, match=r'train\.txt'):
        read_split_list(path)
    path.write_text('\n\n')
    with pytest.raises(ValueError, match='lists no image'):
        read_split_list(path)
    path.write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ValueError, match='not a UTF-8 text file'):
        read_split_list(path)


def test_order_and_repetitions_survive_writing(tmp_path):
    path = tmp_path / 'lists' / 'train.txt'
    names = ['my photo', 'cat cat', 'a.jpg (1)', 'Copy of a.jpg b']
    write_split_list(path, names)
    assert read_split_list(path) == names
    write_split_list(path, ['b', 'a', 'b'])
    assert path.read_text() == 'b\na\nb\n'
    assert read_split_list(path) == ['b', 'a', 'b']
