"""Functions that the converters of checkpoints share."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import Tensor


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint, without running code from it.

    Args:
        path: A file of ``torch.save``: a state dict, alone or under
            ``state_dict`` (Lightning) or ``model`` (DeiT).

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no checkpoint, or holds more than tensors,
            numbers and containers.
    """
    try:
        stored = torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(
            f'{path} is damaged or holds objects of other packages: where '
            'it can be loaded, write its weights alone, '
            "torch.save(torch.load(path, weights_only=False)['state_dict'], "
            f'new_path). {error}'
        ) from error
    if not isinstance(stored, dict):
        raise ValueError(f'{path} holds no dict of weights')
    for key in ('state_dict', 'model'):
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
