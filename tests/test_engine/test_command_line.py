"""What the tools' command lines share."""

import pytest

from mmseg_wsss.engine.command_line import named_folders, named_values


def test_named_values_keep_their_order():
    pairs = named_values('--x', ['b=1', 'a=2=3'])
    assert list(pairs.items()) == [('b', '1'), ('a', '2=3')]
    for item in ('gap=', '=x', 'gap'):
        with pytest.raises(SystemExit, match='--x takes NAME=VALUE'):
            named_values('--x', [item])
    with pytest.raises(SystemExit, match='twice'):
        named_values('--x', ['a=1', 'a=2'])


def test_named_folders_exist(tmp_path):
    assert named_folders('--x', [f'a={tmp_path}']) == {'a': tmp_path}
    with pytest.raises(SystemExit, match='--x a: there is no folder'):
        named_folders('--x', [f'a={tmp_path}/none'])
