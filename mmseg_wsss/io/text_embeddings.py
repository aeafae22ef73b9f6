"""Text files: ``clip_text.npz``, the vectors of class and background names."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .atomic import atomic_write

_LISTS = ('classes', 'prompts', 'background')


@dataclass(frozen=True)
class TextEmbeddings:
    """Texts and their vectors in CLIP's space.

    Attributes:
        model: Name of the text tower and of its weights.
        classes: Names of the K classes, without the background.
        prompts: The text of each class (K,).
        background: The texts of what is background (B,).
        foreground_vectors: Unit vectors of ``prompts``, float32 (K, E).
        background_vectors: Unit vectors of ``background``, float32 (B, E).

    Raises:
        ValueError: If the lists do not fit, a name occurs twice, or a vector
            has no length 1.
    """

    model: str
    classes: tuple[str, ...]
    prompts: tuple[str, ...]
    background: tuple[str, ...]
    foreground_vectors: np.ndarray
    background_vectors: np.ndarray

    def __post_init__(self) -> None:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f'a class name occurs twice in {self.classes}')
        shapes = self.foreground_vectors.shape, self.background_vectors.shape
        fit = (
            all(len(shape) == 2 for shape in shapes)
            and shapes[0][0] == len(self.classes) == len(self.prompts)
            and shapes[1] == (len(self.background), shapes[0][1])
        )
        if not fit:
            raise ValueError(
                f'{len(self.classes)} classes, {len(self.prompts)} prompts '
                f'and {len(self.background)} background texts do not fit '
                f'vectors {shapes[0]} and {shapes[1]}'
            )
        vectors = [self.foreground_vectors, self.background_vectors]
        lengths = np.linalg.norm(np.concatenate(vectors), axis=1)
        if not np.allclose(lengths, 1, atol=1e-3):
            raise ValueError('the vectors of the texts have no length 1')

    def rows(self, classes: Sequence[str]) -> list[int]:
        """Return the row of each class by name.

        Raises:
            ValueError: If the file lacks one.
        """
        missing = [name for name in classes if name not in self.classes]
        if missing:
            raise ValueError(
                f'it has no text of the class {missing[0]!r}, only of '
                f'{", ".join(self.classes)}'
            )
        return [self.classes.index(name) for name in classes]


def text_hash(texts: Sequence[str]) -> str:
    """Return a hash of a list of texts."""
    content = json.dumps(list(texts)).encode()
    return hashlib.sha256(content).hexdigest()


def save_text_embeddings(
    path: str | os.PathLike, texts: TextEmbeddings
) -> None:
    """Write texts and vectors to ``clip_text.npz``, with hashes of the texts.

    Args:
        path: File to write.
        texts: What it holds.
    """
    lists = {name: np.array(getattr(texts, name), str) for name in _LISTS}
    with atomic_write(path) as part:
        np.savez(
            part,
            model=np.array(texts.model),
            **lists,
            foreground_vectors=texts.foreground_vectors.astype(np.float32),
            background_vectors=texts.background_vectors.astype(np.float32),
            hashes=np.array(
                [text_hash(texts.prompts), text_hash(texts.background)]
            ),
        )


def load_text_embeddings(path: str | os.PathLike) -> TextEmbeddings:
    """Read a file of :func:`save_text_embeddings`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or is something else.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            lists = {name: tuple(stored[name].tolist()) for name in _LISTS}
            texts = TextEmbeddings(
                model=str(stored['model']),
                **lists,
                foreground_vectors=stored['foreground_vectors'],
                background_vectors=stored['background_vectors'],
            )
            hashes = stored['hashes'].tolist()
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'there is no file of texts {path}: write it with '
            'tools/make_text_embeddings.py'
        ) from error
    except Exception as error:
        raise ValueError(f'{path} is no file of texts: {error}') from error
    if hashes != [text_hash(texts.prompts), text_hash(texts.background)]:
        raise ValueError(
            f'{path}: its texts are not those that its vectors are of; write '
            'it with tools/make_text_embeddings.py'
        )
    return texts
