"""Files of texts and their vectors."""

from dataclasses import replace

import numpy as np
import pytest

from mmseg_wsss.io.text_embeddings import (
    TextEmbeddings,
    load_text_embeddings,
    save_text_embeddings,
)


def texts(**options):
    vectors = np.eye(4, dtype=np.float32)
    values = dict(
        model='tiny',
        classes=('cat', 'chien'),
        prompts=('a cat.', 'a chien.'),
        background=('sky',),
        foreground_vectors=vectors[:2],
        background_vectors=vectors[2:3],
    )
    return TextEmbeddings(**{**values, **options})


def test_written_and_read(tmp_path):
    for given in (
        texts(),
        texts(background=(), background_vectors=np.zeros((0, 4), np.float32)),
    ):
        save_text_embeddings(tmp_path / 'clip_text.npz', given)
        found = load_text_embeddings(tmp_path / 'clip_text.npz')
        for name in ('model', 'classes', 'prompts', 'background'):
            assert getattr(found, name) == getattr(given, name)
        for name in ('foreground_vectors', 'background_vectors'):
            np.testing.assert_array_equal(
                getattr(found, name), getattr(given, name)
            )
    assert [p.name for p in tmp_path.iterdir()] == ['clip_text.npz']


def test_rows_by_name():
    assert texts().rows(['chien', 'cat']) == [1, 0]
    with pytest.raises(ValueError, match="no text of the class 'dog'"):
        texts().rows(['dog'])


@pytest.mark.parametrize(
    ('changes', 'match'),
    [
        (dict(classes=('cat', 'cat')), 'occurs twice'),
        (dict(prompts=('a cat.',)), '2 classes, 1 prompts'),
        (dict(background_vectors=np.eye(3)[:1]), 'do not fit'),
        (dict(foreground_vectors=2 * np.eye(4)[:2]), 'length 1'),
    ],
)
def test_what_does_not_fit(changes, match):
    with pytest.raises(ValueError, match=match):
        texts(**changes)


def test_wrong_files(tmp_path):
    file = tmp_path / 'clip_text.npz'
    with pytest.raises(FileNotFoundError, match='make_text_embeddings'):
        load_text_embeddings(file)
    file.write_bytes(b'not a file of NumPy')
    with pytest.raises(ValueError, match='is no file of texts'):
        load_text_embeddings(file)
    save_text_embeddings(file, texts())
    with np.load(file) as stored:
        content = dict(stored)
    content['prompts'] = np.array(['a cat.', 'a dog.'])
    np.savez(file, **content)
    with pytest.raises(ValueError, match='not those that its vectors are of'):
        load_text_embeddings(file)
    del content['model']
    np.savez(file, **content)
    with pytest.raises(ValueError, match='is no file of texts'):
        load_text_embeddings(file)
    assert replace(texts(), model='other').model == 'other'
