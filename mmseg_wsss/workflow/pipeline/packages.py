"""Optional packages that the stages of a pipeline need."""

from __future__ import annotations

from importlib.util import find_spec

from ...compat import walk_dicts

# What needs a package, and how to get it.
_CRF = ('pydensecrf', 'pip install "mmseg_wsss[crf]"')
_TIMM = ('timm', 'pip install "mmseg_wsss[timm]"')
_MMPRETRAIN = ('mmpretrain', 'pip install "mmseg_wsss[onedl]"')
_NEEDED_BY = {
    **dict.fromkeys(
        ('DenseCRFRefine', 'DenseCRFHook', 'IRNConfidentLabels'), _CRF
    ),
    **dict.fromkeys(('PSAConfidentLabels', 'ProportionalMasks'), _CRF),
    **dict.fromkeys(('TimmFeatures', 'CLIPTower', 'TIMMBackbone'), _TIMM),
    'MultiTokenViT': _MMPRETRAIN,
}
# The default of their option `refine`.
_REFINING = {'MARSDebias': 'crf', 'ComplementHook': 'local'}


def missing_packages(config: object) -> list[str]:
    """Return the optional packages that a config needs and that are missing.

    Args:
        config: A config, or a part of one.

    Returns:
        list[str]: ``'package timm: pip install "mmseg_wsss[timm]"'``, each
        once.
    """
    needed = []
    for settings in walk_dicts(config):
        scope, _, name = str(settings.get('type', '')).rpartition('.')
        if scope.startswith('mmpretrain'):
            needed.append(_MMPRETRAIN)
        elif name in _REFINING:
            if settings.get('refine', _REFINING[name]) == 'crf':
                needed.append(_CRF)
        elif name in _NEEDED_BY:
            needed.append(_NEEDED_BY[name])
    return [
        f'package {package}: {how}'
        for package, how in dict.fromkeys(needed)
        if find_spec(package) is None
    ]
