"""Optional packages that the stages of a pipeline need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec

from ...compat import stack_name, type_name, walk_dicts
from ...models.backbones.pypi_weights import SCHEME

# The extra of setup.py that brings a package.
_EXTRAS = {'pydensecrf': 'crf', 'timm': 'timm'}
_NEEDED_BY = {
    **dict.fromkeys(('DenseCRFRefine', 'DenseCRFHook'), 'pydensecrf'),
    **dict.fromkeys(
        ('IRNConfidentLabels', 'PSAConfidentLabels'), 'pydensecrf'
    ),
    **dict.fromkeys(('TimmFeatures', 'CLIPTower'), 'timm'),
    'MultiTokenViT': 'mmpretrain',
}
# The option by which a type needs pydensecrf, and its default.
_REFINING = {
    'MARSDebias': ('refine', 'crf'),
    'ComplementHook': ('refine', 'local'),
    'ProportionalMasks': ('params', 'crf'),
}


def missing_packages(config: object) -> list[str]:
    """Return the optional packages that a config needs and that are missing.

    Args:
        config: A config, or a part of one.

    Returns:
        list[str]: ``'package timm: pip install "mmseg_wsss[timm]"'``, each
        once.
    """
    found = dict.fromkeys(
        name for settings in walk_dicts(config) for name in _needs(settings)
    )
    return [_how(name) for name in found if not _is_installed(name)]


def _needs(settings: Mapping) -> Iterator[str]:
    """Yield the packages that one dict of a config needs."""
    name, kind = type_name(settings), settings.get('type')
    scope = str(getattr(kind, '__module__', kind)).partition('.')[0]
    imports = settings.get('imports') or ()
    if scope == 'mmpretrain' or any(
        str(module).startswith('mmpretrain') for module in imports
    ):
        yield 'mmpretrain'
    if name in _NEEDED_BY:
        yield _NEEDED_BY[name]
    if name in _REFINING:
        option, default = _REFINING[name]
        if settings.get(option, default) not in (None, 'local', 'none'):
            yield 'pydensecrf'
    checkpoint = str(settings.get('checkpoint'))
    if checkpoint.startswith(SCHEME):
        yield checkpoint


def _is_installed(name: str) -> bool:
    if not name.startswith(SCHEME):
        return find_spec(name) is not None
    try:
        distribution(name.removeprefix(SCHEME))
    except PackageNotFoundError:
        return False
    return True


def _how(name: str) -> str:
    name = name.removeprefix(SCHEME)
    extra = stack_name() if name == 'mmpretrain' else _EXTRAS.get(name)
    wanted = f'"mmseg_wsss[{extra}]"' if extra else name
    return f'package {name}: pip install {wanted}'
