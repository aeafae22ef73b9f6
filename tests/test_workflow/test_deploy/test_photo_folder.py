"""Photos to segment, and the names of their results."""

import os

import pytest

from mmseg_wsss.workflow.deploy.photo_folder import (
    changed_photos,
    find_photos,
)


def test_photos_in_deep_folders_have_names_that_files_can_have(tmp_path):
    deep = tmp_path / 'photos' / ('a' * 200) / ('\u732b' * 60)
    deep.mkdir(parents=True)
    for number in range(11):
        (deep / f'{number}.jpg').touch()
    found, _ = find_photos(tmp_path / 'photos', tmp_path / 'out')
    assert len(found) == 11
    for name in found:
        (tmp_path / f'{name}.png').touch()
        assert len(os.fsencode(name)) <= 250


@pytest.mark.parametrize('content', ['[]', '{"a": '])
def test_a_damaged_record_of_photos(tmp_path, content):
    (tmp_path / 'photos.json').write_text(content)
    with pytest.raises(ValueError, match=r'photos\.json is damaged.* Remove'):
        changed_photos(tmp_path, {})
