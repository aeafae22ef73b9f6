"""The folder that tools fill: what is done, what is removed, its source."""

import json

import pytest

from mmseg_wsss.io.provenance import save_source
from mmseg_wsss.jobs import output_folder
from mmseg_wsss.jobs.output_folder import OutputFolder

NAMES = ['a', 'b.1', 'c']


@pytest.fixture
def make(tmp_path):
    """Build an OutputFolder of two subfolders, in which 'b.1' is done."""
    folders = [tmp_path / 'labels', tmp_path / 'cams']
    for folder, names in zip(
        folders, (['b.1', 'c'], ['a', 'b.1']), strict=True
    ):
        folder.mkdir()
        for name in names:
            (folder / f'{name}.png').touch()
    save_source(tmp_path, {'x': 1})

    def build(source, overwrite=False):
        return OutputFolder(tmp_path, folders, NAMES, source, overwrite)

    return build


def test_an_item_is_done_if_every_folder_has_it(make):
    assert make({'x': 1}).find_todo() == [0, 2]
    assert make({'x': 1}, overwrite=True).find_todo() == [0, 1, 2]
    with pytest.raises(ValueError, match='lacks the files a, c: run the same'):
        make({'x': 1}).check_complete()


def test_preparing_removes_leftovers_and_keeps_files(make, tmp_path):
    leftover = tmp_path / 'labels' / '.a.1.tmp.png'
    leftover.touch()
    make({'x': 1}).prepare()
    assert not leftover.exists()
    assert len(list(tmp_path.glob('*/*.png'))) == 4
    assert json.loads((tmp_path / 'source.json').read_text()) == {'x': 1}
    with pytest.raises(ValueError, match='made with another x'):
        make({'x': 2})
    other = make({'x': 2}, overwrite=True)
    (tmp_path / 'labels' / 'other.png').touch()
    other.prepare()
    assert [p.name for p in tmp_path.glob('*/*.png')] == ['other.png']
    assert json.loads((tmp_path / 'source.json').read_text()) == {'x': 2}


def test_a_folder_that_cannot_be_written_is_an_error_of_all_ranks(
    make, monkeypatch
):
    """The other ranks wait for rank 0: it must not raise alone."""
    told = []
    monkeypatch.setattr(output_folder, 'broadcast_object_list', told.append)

    def full(*args):
        raise OSError('No space left on device')

    monkeypatch.setattr(output_folder, 'save_source', full)
    with pytest.raises(OSError, match='No space left'):
        make({'x': 1}).prepare()
    assert str(told[0][0]) == 'No space left on device'


def test_a_check_that_fails_leaves_no_source(make, tmp_path):
    """Other settings, which may fit, must not be refused afterwards."""

    def check():
        assert not list(tmp_path.glob('*/*.png'))  # counts as free space
        raise ValueError('no room')

    with pytest.raises(ValueError, match='no room'):
        make({'x': 2}, overwrite=True).prepare(check)
    assert json.loads((tmp_path / 'source.json').read_text()) == {'x': 1}
    (tmp_path / 'source.json').unlink()
    with pytest.raises(ValueError, match='no room'):
        make({'x': 2}).prepare(check)
    assert not (tmp_path / 'source.json').exists()


def test_no_mixture_of_sources(make, tmp_path):
    """Files of other images stay only beside those of the same source."""
    make({'x': 2}, overwrite=True).check_others()
    for name in ('more.png', '.DS_Store', 'Thumbs.db'):
        (tmp_path / 'labels' / name).touch()
    make({'x': 1}, overwrite=True).check_others()
    make({'x': 1}).check_others()
    with pytest.raises(
        ValueError, match=r'of 1 images \(more\), .* another x'
    ):
        make({'x': 2}, overwrite=True).check_others()


def test_no_mixture_with_folders_that_are_not_written(tmp_path):
    labels, cams = tmp_path / 'labels', tmp_path / 'cams'
    cams.mkdir()
    save_source(tmp_path, {'x': 1})
    (cams / f'{NAMES[0]}.npz').touch()
    words = (tmp_path, [labels], NAMES)
    OutputFolder(*words, {'x': 1}, True, unused=[cams]).check_others()
    out = OutputFolder(*words, {'x': 2}, True, unused=[cams])
    with pytest.raises(ValueError, match=f'of 1 images .{NAMES[0]}'):
        out.check_others()


@pytest.mark.parametrize('overwrite', [False, True])
@pytest.mark.parametrize('file', ['labels/mine.png', 'table.csv'])
def test_files_of_others_are_never_replaced(tmp_path, overwrite, file):
    """Without source.json nothing in the folder is a tool's own."""
    labels = tmp_path / 'labels'
    labels.mkdir()
    (labels / '.DS_Store').touch()
    words = (tmp_path, [labels], NAMES, {'x': 1}, overwrite, ['table.csv'])
    OutputFolder(*words)
    (tmp_path / file).touch()
    with pytest.raises(ValueError, match=r'was not written by this tool'):
        OutputFolder(*words)
    for content in ('[]', 'mine'):
        (tmp_path / 'source.json').write_text(content)
        with pytest.raises(ValueError, match=r'source\.json is damaged'):
            OutputFolder(*words)
    save_source(tmp_path, {'x': 1})
    OutputFolder(*words)
