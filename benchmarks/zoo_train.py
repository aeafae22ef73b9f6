"""Train one case of the compatibility table; zoo.py starts it."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from zoo_backbones import backbone_config, backbones
from zoo_data import SIZE
from zoo_families import family_config, smallest

import mmseg_wsss  # noqa: F401
from mmseg_wsss.compat import load_config, quiet_import
from mmseg_wsss.datasets.scenes.generator import write_scenes

WORKS = 'works'
AUXILIARY = 'in an auxiliary head'
COMPILED = 'needs compiled mmcv'
CANNOT = 'cannot'
ALONE = ' (without mmseg_wsss too)'
SIGNS_OF_MMCV = ('mmcv._ext', 'mmcv.ops', 'install onedl-mmcv')


class Losses(Hook):
    """Keep the losses of each iteration."""

    def __init__(self):
        self.logs: list[dict] = []

    def after_train_iter(self, runner, batch_idx, data_batch, outputs) -> None:
        """Add those of an iteration."""
        self.logs.append(
            {
                name: float(torch.as_tensor(value).detach())
                for name, value in outputs.items()
            }
        )


def train(cfg: Config, expected: tuple[str, ...]) -> None:
    """Train two iterations, and check the losses."""
    losses = Losses()
    with tempfile.TemporaryDirectory() as folder:
        cfg.work_dir = folder
        cfg.experiment_name = Path(folder).name
        runner = Runner.from_cfg(cfg)
        runner.register_hook(losses, 'LOWEST')
        runner.train()
    check_losses(losses.logs, expected)


def check_losses(logs: list[dict], expected: tuple[str, ...]) -> None:
    """Check that each iteration has finite losses.

    Raises:
        ValueError: If an expected loss is missing or one is not finite.
    """
    if not logs:
        raise ValueError('there was no iteration')
    for log in logs:
        for name in expected:
            if not any(name in key for key in log):
                raise ValueError(f'{name} is not among {sorted(log)}')
        wrong = [key for key in log if not math.isfinite(log[key])]
        if wrong:
            raise ValueError(f'{wrong[0]} is {log[wrong[0]]}')


def register() -> None:
    """Register the modules of MMSegmentation, MMPretrain and ours."""
    with quiet_import():
        import mmpretrain.models  # noqa: F401
        from mmseg.utils import register_all_modules

        register_all_modules()
    init_default_scope('mmseg')


def train_case(name: str, data: Path) -> dict:
    """Train a family or a backbone; returns its row of the table.

    The row has the result and the reason, and a family's the config.
    """
    write_scenes(data, 4, 1, (SIZE, SIZE))
    settings = backbones().get(name)
    if settings is not None:
        try:
            train(backbone_config(settings, data), ('loss_isl', 'loss_fsl'))
        except Exception as error:
            return failure(error)
        return dict(result=WORKS, reason='')
    path = smallest(name)
    found = dict(config=f'{name}/{path.name}')
    error = attempt(path, data, 'main')
    if error is None:
        return dict(found, result=WORKS, reason='')
    found |= failure(error)
    if found['result'] == CANNOT:
        if attempt(path, data, 'auxiliary') is None:
            found['result'] = AUXILIARY
        elif attempt(path, data, 'none') is not None:
            found['reason'] += ALONE
    return found


def attempt(path: Path, data: Path, head: str) -> Exception | None:
    """Train a family's config; returns the error, if there is one.

    Args:
        path: The config.
        data: Folder of the scenes.
        head: Where OCR goes, see :func:`family_config`.
    """
    try:
        if "'mmdet." in str(load_config(path).model):
            import mmdet.models  # noqa: F401  MMSeg hides why it fails
        expected = () if head == 'none' else ('loss_ocr',)
        train(family_config(path, data, head), expected)
    except Exception as error:
        return error
    return None


def failure(error: Exception) -> dict:
    """Return result and reason: the last line of the error."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines()]
    last = next((line for line in reversed(lines) if line), '')
    needs_mmcv = any(sign in str(error) for sign in SIGNS_OF_MMCV)
    return dict(
        result=COMPILED if needs_mmcv else CANNOT,
        reason=f'{type(error).__name__}: {last}',
    )
