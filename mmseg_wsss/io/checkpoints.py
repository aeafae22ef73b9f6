"""Reading of checkpoints, and comparison with models."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


def compared_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return the tensors that a model predicts with, by name.

    Left out are those that count and normalise, and those of auxiliary heads
    unless the model has ``predicts_with_auxiliary``.
    """
    left_out = ('data_preprocessor.',)
    if not getattr(model, 'predicts_with_auxiliary', False):
        left_out += ('auxiliary_head.',)
    return {
        name: value
        for name, value in model.state_dict().items()
        if not name.startswith(left_out) and not name.endswith('_tracked')
    }


def compare_weights(
    model: nn.Module, weights: Mapping[str, Tensor]
) -> tuple[list[str], list[str], list[str]]:
    """Compare a model's parameters and buffers with stored ones.

    Args:
        model: The model, out of any wrapper.
        weights: A state dict; a prefix ``module.`` is ignored.

    Returns:
        tuple: Names that the state dict lacks, names of another shape, and
        names that are not finite, of :func:`compared_tensors`.
    """
    stored = {name.removeprefix('module.'): x for name, x in weights.items()}
    missing, other, broken = [], [], []
    for name, value in compared_tensors(model).items():
        if name not in stored:
            missing.append(name)
        elif stored[name].shape != value.shape:
            other.append(name)
        elif not torch.isfinite(stored[name]).all():
            broken.append(name)
    return missing, other, broken


def check_weights(
    model: nn.Module, weights: Mapping[str, Tensor], where: str
) -> None:
    """Check that stored weights are all that a model predicts with.

    Args:
        model: The model, out of any wrapper.
        weights: A state dict.
        where: How the error calls it.

    Raises:
        ValueError: If a tensor is missing, has another shape or is not
            finite.
    """
    problems = find_misfits(model, weights)
    if problems:
        raise ValueError(
            f'{where} does not fit the model: {", ".join(problems)}. Is it of '
            'this config, and did its training succeed?'
        )


def find_misfits(model: nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """Return what is wrong with stored weights, in words.

    Args:
        model: The model, out of any wrapper.
        weights: A state dict.
    """
    missing, other, broken = compare_weights(model, weights)
    return [
        f'{len(names)} tensors {what}{example(names)}'
        for names, what in (
            (missing, 'are missing'),
            (other, 'have another shape'),
            (broken, 'hold NaN or infinite values'),
        )
        if names
    ]


def cut_prefix(weights: Mapping[str, Tensor], start: str) -> dict[str, Tensor]:
    """Return the weights whose names begin with ``start``, without it."""
    return {
        name.removeprefix(start): value
        for name, value in weights.items()
        if name.startswith(start)
    }


def check_classes(checkpoint: Mapping, metainfo: Mapping, where: str) -> None:
    """Check that a checkpoint's classes are those of a data set.

    Args:
        checkpoint: What the file holds; without ``meta`` nothing is checked.
        metainfo: That of the data set.
        where: How the error calls the checkpoint.

    Raises:
        ValueError: If the same classes stand in another order, or if their
            number differs.
    """
    meta = checkpoint.get('meta') or {}
    stored = (meta.get('dataset_meta') or {}).get('classes')
    classes = metainfo.get('classes')
    if not stored or not classes or tuple(stored) == tuple(classes):
        return
    if len(stored) != len(classes) or set(stored) == set(classes):
        raise ValueError(
            f'{where} was trained with the classes {tuple(stored)}, the data '
            f'set has {tuple(classes)}: give it the same classes in the same '
            'order'
        )


def example(names: list[str]) -> str:
    """Return the first name in brackets, '' without any."""
    return f' (e.g. {names[0]})' if names else ''


def read_tensors(
    path: str | os.PathLike, keys: Sequence[str] = ('state_dict', 'model')
) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint, without running code from it.

    Args:
        path: A file of ``torch.save``: a state dict, alone or under a key.
        keys: Those keys: ``state_dict`` (Lightning), ``model`` (DeiT).

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no checkpoint, or holds more than tensors,
            numbers and containers.
    """
    try:
        stored = torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        kind = re.search(r'GLOBAL \S+', str(error))
        raise ValueError(
            f'{path} is damaged or holds objects of other packages: where '
            'it can be loaded, write its weights alone, '
            "torch.save(torch.load(path, weights_only=False)['state_dict'], "
            f'new_path). {kind[0] if kind else error}'
        ) from error
    if not isinstance(stored, dict):
        raise ValueError(f'{path} holds no dict of weights')
    for key in keys:
        stored = stored.get(key, stored)
    return {k: v for k, v in stored.items() if isinstance(v, Tensor)}


def check_tensors(
    found: dict[str, Tensor], wanted: dict[str, Tensor], what: str
) -> None:
    """Check names and shapes.

    Args:
        found: Tensors of the checkpoint.
        wanted: State dict of the network.
        what: How the error calls what was expected.

    Raises:
        ValueError: If tensors are missing, left over or of another shape.
    """
    problems = [f'missing: {name}' for name in wanted.keys() - found.keys()]
    problems += [f'left over: {name}' for name in found.keys() - wanted.keys()]
    problems += [
        f'{name} is {tuple(found[name].shape)}, not {tuple(like.shape)}'
        for name, like in wanted.items()
        if name in found and found[name].shape != like.shape
    ]
    if problems:
        shown = '; '.join(sorted(problems)[:8])
        raise ValueError(f'no {what}, {len(problems)} problems: {shown}')
