"""Masks and overlays of photos, and what cannot be written."""

import errno
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.workflow.deploy.segment import segment_photos


@pytest.fixture
def segmentor():
    return SimpleNamespace(
        predict=lambda photo: np.ones(photo.shape[:2], np.uint8),
        palette=[[0, 0, 0], [200, 0, 0]],
        background=0,
    )


def test_overlays_of_photos_that_are_too_long_for_jpeg(segmentor, tmp_path):
    Image.new('RGB', (65600, 3)).save(tmp_path / 'long.png')
    photos = {'long': tmp_path / 'long.png'}
    assert segment_photos(segmentor, photos, ['long'], tmp_path) == {}
    assert Image.open(tmp_path / 'masks' / 'long.png').size == (65600, 3)
    overlay = Image.open(tmp_path / 'overlays' / 'long.jpg')
    assert overlay.size == (65500, 3)


def test_only_errors_of_the_system_end_a_run(segmentor, tmp_path, monkeypatch):
    photos = {}
    for name in 'ab':
        photos[name] = tmp_path / f'{name}.png'
        Image.new('RGB', (8, 8)).save(photos[name])

    def fail(*words):
        def save(*_, **__):
            raise OSError(*words)

        monkeypatch.setattr(Image.Image, 'save', save)

    fail('broken data stream')
    failures = segment_photos(segmentor, photos, list('ab'), tmp_path)
    assert list(failures) == ['a', 'b']
    assert 'a.png: cannot write its mask and overlay' in failures['a']
    assert not list(tmp_path.glob('masks/*'))
    fail(errno.ENOSPC, 'No space left on device')
    with pytest.raises(OSError, match='No space left'):
        segment_photos(segmentor, photos, list('ab'), tmp_path)
