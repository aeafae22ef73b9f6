"""Texts of class and background names, and their vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F


def class_phrases(
    classes: Sequence[str], names: Mapping[str, str]
) -> list[str]:
    """Return what each class is called in its text.

    Args:
        classes: The classes without the background.
        names: Other names of some, such as ``dict(bird='bird avian')``.

    Returns:
        list[str]: The other name, or the class's own with ``_`` as a blank.

    Raises:
        ValueError: If ``names`` has a class that there is not.
    """
    unknown = sorted(set(names) - set(classes))
    if unknown:
        raise ValueError(
            f'clip_texts.names has {unknown[0]!r}, which is no class: the '
            f'classes are {", ".join(classes)}'
        )
    return [names.get(name, name.replace('_', ' ')) for name in classes]


def overlaps(
    classes: Sequence[str], phrases: Sequence[str], backgrounds: Sequence[str]
) -> dict[str, str]:
    """Return the background names that are names of a class.

    They are if they are one of the class's names, or the last word of one:
    ``sign`` for the class ``stop sign``.

    Args:
        classes: The classes without the background.
        phrases: What each is called, with commas between several names.
        backgrounds: Names of what is background.

    Returns:
        dict[str, str]: The class of each name that is one.
    """
    taken = {}
    for name, phrase in zip(classes, phrases, strict=True):
        for part in [name.replace('_', ' '), *phrase.split(',')]:
            words = _words(part)
            taken |= dict.fromkeys([tuple(words), tuple(words[-1:])], name)
    words = {name: tuple(_words(name)) for name in backgrounds}
    return {n: taken[key] for n, key in words.items() if key in taken}


def check_backgrounds(
    classes: Sequence[str], phrases: Sequence[str], backgrounds: Sequence[str]
) -> None:
    """Check that no background name is one of a class.

    Args:
        classes: As for :func:`overlaps`, and so are the others.
        phrases: What each class is called.
        backgrounds: Names of what is background.

    Raises:
        ValueError: If some overlap, or one occurs twice.
    """
    if len(set(backgrounds)) != len(backgrounds):
        raise ValueError('clip_texts.background has a name twice')
    found = overlaps(classes, phrases, backgrounds)
    if found:
        wrong = (f'{n!r} (class {name!r})' for n, name in found.items())
        raise ValueError(
            f'background names are those of classes: {", ".join(wrong)}. Take '
            'them out of clip_texts.background in the config'
        )


def _words(name: str) -> list[str]:
    """Return a name's words, in the singular where that is its s."""
    return [word.rstrip('s') or word for word in name.casefold().split()]


def embed_texts(
    prompts: Sequence[str], model: str, pretrained: str
) -> np.ndarray:
    """Compute unit vectors of texts by a text tower of open_clip.

    Args:
        prompts: N texts.
        model: open_clip's name of the model.
        pretrained: open_clip's tag of the weights, or a file of them.

    Returns:
        np.ndarray: Vectors (N, E), float32.

    Raises:
        ImportError: If open_clip is not installed.
        ValueError: If there is no such model, or the weights cannot be had.
    """
    try:
        import open_clip
    except ImportError as error:
        raise ImportError(
            f'open_clip is missing ({error}): pip install open_clip_torch, or '
            'pip install "mmseg_wsss[clip]"'
        ) from error
    try:
        network = open_clip.create_model(model, pretrained=pretrained)
        tokens = open_clip.get_tokenizer(model)(list(prompts))
    except Exception as error:
        # What comes up without a network depends on the hub's client.
        raise ValueError(
            f'the weights {pretrained} of {model} cannot be had: {error}. '
            'Without internet, save the state dict elsewhere and name its '
            'file: configs/clip_es/README.md'
        ) from error
    with torch.no_grad():
        vectors = network.eval().encode_text(tokens).float()
    return F.normalize(vectors, dim=1).numpy()
