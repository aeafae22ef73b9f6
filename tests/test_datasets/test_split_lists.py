import pytest

from mmseg_wsss.datasets.label_files.split_lists import (
    check_ann_file,
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
        ('/home/me/my photos/a.jpg', 'a'),
        ('C:\\my photos\\of 2024\\a.jpg', 'a'),
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


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('\ufeffa\nb\n', 'byte order mark'),
        ('a\n\nb\n', 'line 2 is empty'),
        ('a\n \n', 'line 2 is empty'),
        ('a\n/J/b.jpg /S/b.png\n', 'line 2 .*irn_list2mmseg'),
    ],
)
def test_lists_that_mmseg_reads_wrongly(tmp_path, text, match):
    path = tmp_path / 'train.txt'
    path.write_text(text, encoding='utf-8', newline='')
    with pytest.raises(ValueError, match=rf'train\.txt.*{match}'):
        check_ann_file(path)


def test_lists_that_mmseg_reads_rightly(tmp_path):
    path = tmp_path / 'train.txt'
    for text in ('a\r\nmy photo\r\n', 'x/a', 'a.jpg\nx y/b\ncat cat\n'):
        path.write_text(text, newline='')
        check_ann_file(path)
