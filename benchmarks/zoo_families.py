"""MMSegmentation's families: the smallest config of each, and our lines."""

from __future__ import annotations

import re
from pathlib import Path

import mmseg
import torch
from mmengine.config import Config, ConfigDict
from mmseg.registry import MODELS
from torch.overrides import TorchFunctionMode
from zoo_data import CLASSES, LABELS, PACK, SIZE, shrink

from mmseg_wsss.compat import find_steps, load_config, walk_dicts

CONFIGS = Path(mmseg.__file__).parent / '.mim' / 'configs'
SIZES = {'mobilenet_v3': 512}  # LRASPPHead pools 49 cells of stride 8
SCHEDULE = re.compile(r'_\d+xb?\d+[-_]')
OCR = dict(type='mmseg_wsss.OCRLoss', prior='auto')
CE = dict(type='CrossEntropyLoss', avg_non_ignore=True)


# ------------------------------------------------------- the smallest config
class _WithoutMemory(TorchFunctionMode):
    """Build modules whose weights take no memory."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func in (torch.empty, torch.zeros, torch.ones, torch.randn):
            kwargs['device'] = 'meta'
        return func(*args, **kwargs)


def families() -> list[str]:
    """List MMSegmentation's families: its folders of configs."""
    folders = [path.parent.name for path in CONFIGS.glob('*/*.py')]
    return sorted(set(folders) - {'_base_'})


def smallest(family: str) -> Path:
    """Find the config of fewest parameters, the first by name among equals.

    Of the configs of one model, which differ by data and schedule, the first
    is looked at. One whose model cannot be built, or is not for RGB
    pictures, comes last.
    """
    models: dict[str, Path] = {}
    for path in sorted((CONFIGS / family).glob('*.py'), key=_by_name):
        models.setdefault(SCHEDULE.split(path.stem)[0], path)
    return min(models.values(), key=_parameters)


def _by_name(path: Path) -> list[tuple[bool, str]]:
    """Sort numbers by size: r50 before r101."""
    words = re.split(r'(\d+)', path.stem)
    return [(not word.isdigit(), word.zfill(9)) for word in words]


def _parameters(path: Path) -> float:
    try:
        settings = load_config(path).model
        if len(settings.data_preprocessor.get('mean', 'RGB')) != 3:
            return float('inf')
        with _WithoutMemory():
            model = MODELS.build(settings)
    except Exception:  # training it says why
        return float('inf')
    return sum(p.numel() for p in model.parameters())


# ------------------------------------------------------ a family's own config
def family_config(path: Path, data: Path, head: str = 'main') -> Config:
    """Load a config with the README's three changes, for tiny data.

    Args:
        path: A segmentor's config.
        data: Folder of the scenes.
        head: Where OCR goes: 'main', 'auxiliary' (one head more), or 'none'
            for the config without our three changes.
    """
    cfg = load_config(path)
    size = SIZES.get(path.parent.name, SIZE)
    shrink(cfg, _with_losses(cfg.model.decode_head), data, size)
    if head == 'none':
        return cfg
    pipeline = cfg.train_dataloader.dataset.pipeline
    # 1. Our modules, and the hook.
    imports = cfg.get('custom_imports', dict(imports=[]))['imports']
    imports = [imports] if isinstance(imports, str) else imports
    cfg.custom_imports = dict(imports=[*imports, 'mmseg_wsss'])
    cfg.custom_hooks = [
        *cfg.get('custom_hooks', []),
        dict(type='mmseg_wsss.WeakSupervisionHook'),
    ]
    # 2. Image labels, packed with the rest.
    for step in find_steps(pipeline, 'PackSegInputs'):
        step['type'] = PACK['type']
    pipeline.insert(-1, dict(LABELS, ann_file=f'{data}/image_labels.json'))
    # 3. A list of losses.
    model = cfg.model
    if head == 'auxiliary':
        heads = _as_list(model.get('auxiliary_head') or [])
        model.auxiliary_head = [*heads, _auxiliary_head(model)]
        return cfg
    main = _with_losses(model.decode_head)
    losses = _as_list(main.get('loss_decode', CE))
    for loss in find_steps(losses, 'CrossEntropyLoss'):
        loss['avg_non_ignore'] = True
    main.loss_decode = [*losses, OCR]
    return cfg


def _as_list(value: dict | list) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _with_losses(head: ConfigDict | list) -> ConfigDict:
    """Return the last head, or the one inside it that has losses."""
    head = _as_list(head)[-1]
    return next((d for d in walk_dicts(head) if 'loss_decode' in d), head)


def _auxiliary_head(model: ConfigDict) -> dict:
    segmentor = MODELS.build(model)
    features = segmentor.extract_feat(torch.zeros(2, 3, SIZE, SIZE))
    return dict(
        type='FCNHead',
        in_channels=features[-1].shape[1],
        in_index=-1,
        channels=16,
        num_convs=1,
        concat_input=False,
        num_classes=CLASSES,
        norm_cfg=dict(type='BN'),
        loss_decode=[dict(CE, loss_weight=0.4), OCR],
    )
