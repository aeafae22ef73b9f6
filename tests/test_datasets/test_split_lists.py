import pytest

from mmseg_wsss.datasets.split_lists import read_split_list, write_split_list


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
    ['a.jpg b.png', '2007_000032  1', 'a.jpg a.png a.png', '/', 'my img.jpg'],
)
def test_bad_line_is_named(tmp_path, line):
    path = tmp_path / 'train.txt'
    path.write_text(f'a\n{line}\n')
    with pytest.raises(ValueError, match=r'train\.txt, line 2'):
        read_split_list(path)


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
    write_split_list(path, ['b', 'a', 'b'])
    assert path.read_text() == 'b\na\nb\n'
    assert read_split_list(path) == ['b', 'a', 'b']
