"""Names of photos that file systems, lists and labels can hold."""

import os

import pytest

from mmseg_wsss.io.stems import image_stem
from mmseg_wsss.workflow.own_data.names import unique_stem


@pytest.mark.parametrize('letter', ['x', '\u732b', '\U0001f600'])
def test_long_names_keep_room_for_a_number(letter):
    """A file system has 255 bytes for name, number and suffix."""
    taken = set()
    names = [unique_stem(letter * 300, taken) for _ in range(12)]
    assert len(set(names)) == len(taken) == 12
    assert names[1].endswith('_2') and names[11].endswith('_12')
    assert all(240 < len(os.fsencode(f'{n}.png')) < 256 for n in names)
    assert {n.rstrip('_0123456789') for n in names} <= {
        letter * k for k in range(1, 251)
    }


@pytest.mark.parametrize('end', [' and more', '.jpg of it'])
def test_a_cut_name_is_its_own_stem(end):
    """No blank and no suffix stands at its end."""
    cut = len(end.partition(' ')[0]) or 1
    stem = unique_stem('x' * (250 - cut) + end, set())
    assert stem == stem.strip() == image_stem(stem)
